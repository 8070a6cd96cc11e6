package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/access"
)

// background is a command that runs beside a script.
type background struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu     sync.Mutex
	out    bytes.Buffer  // what it said and no await has passed yet
	spoken chan struct{} // holds a signal when there is more
}

// Write takes what the command says, on either of its outputs.
func (b *background) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.spoken <- struct{}{}:
	default:
	}
	return b.out.Write(p)
}

// backgrounds are those of one script, by name.
type backgrounds map[string]*background

func (b backgrounds) named(ts *testscript.TestScript, name string) *background {
	if b[name] == nil {
		ts.Fatalf("nothing runs as %s", name)
	}
	return b[name]
}

// start NAME ARGUMENT… runs florin beside the script until it is interrupted, or the script ends.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME ARGUMENT...")
	}
	b := &background{ended: make(chan struct{}), spoken: make(chan struct{}, 1)}
	b.cmd = exec.Command(filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], "florin"), args[1:]...)
	b.cmd.Stdout, b.cmd.Stderr, b.cmd.Dir = b, b, ts.MkAbs(".")
	for _, name := range []string{"PATH", "FLORIN_API_URL", "FLORIN_KEY", "FLORIN_SECRET"} {
		if value := ts.Getenv(name); value != "" {
			b.cmd.Env = append(b.cmd.Env, name+"="+value)
		}
	}
	must(ts, b.cmd.Start())
	go func() {
		_ = b.cmd.Wait() // its exit code is asked for by interrupt
		close(b.ended)
	}()
	ts.Value("backgrounds").(backgrounds)[args[0]] = b
	ts.Defer(func() {
		_ = b.cmd.Process.Kill() // it may have ended
		<-b.ended
	})
}

// await NAME PATTERN [VARIABLE] waits until a command has said something that matches, passes over it and what was before, and keeps
// the first group in a variable.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: await NAME PATTERN [VARIABLE]")
	}
	b := ts.Value("backgrounds").(backgrounds).named(ts, args[0])
	pattern, err := regexp.Compile("(?m)" + args[1])
	must(ts, err)
	over := time.After(patience)
	for {
		b.mu.Lock()
		text := b.out.String()
		at := pattern.FindStringSubmatchIndex(text)
		if at != nil {
			b.out.Next(at[1])
		}
		b.mu.Unlock()
		if at != nil {
			ts.Logf("%s", text[:at[1]])
			if len(args) == 3 {
				ts.Setenv(args[2], text[at[2]:at[3]])
			}
			return
		}
		select {
		case <-b.spoken:
		case <-b.ended:
			select {
			case <-b.spoken: // the last words may match
			default:
				ts.Fatalf("%s ended (%v) and did not say %s:\n%s", args[0], b.cmd.ProcessState, args[1], text)
			}
		case <-over:
			ts.Fatalf("%s did not say %s within %s:\n%s", args[0], args[1], patience, text)
		}
	}
}

// silent NAME PATTERN wants a command not to have said something since the last await.
func silent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: silent NAME PATTERN")
	}
	b := ts.Value("backgrounds").(backgrounds).named(ts, args[0])
	b.mu.Lock()
	defer b.mu.Unlock()
	if text := b.out.String(); regexp.MustCompile("(?m)" + args[1]).MatchString(text) {
		ts.Fatalf("%s said %s:\n%s", args[0], args[1], text)
	}
}

// interrupt NAME sends what Ctrl-C sends, and wants the command to end with 0.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: interrupt NAME")
	}
	b := ts.Value("backgrounds").(backgrounds).named(ts, args[0])
	must(ts, b.cmd.Process.Signal(os.Interrupt))
	select {
	case <-b.ended:
	case <-time.After(patience):
		ts.Fatalf("%s did not end within %s", args[0], patience)
	}
	if code := b.cmd.ProcessState.ExitCode(); code != 0 {
		ts.Fatalf("%s ended with %d:\n%s", args[0], code, b.out.String())
	}
}

// application is a merchant's, which takes webhooks.
type application struct {
	status int
	came   chan came
}

type came struct {
	header http.Header
	body   []byte
}

// ServeHTTP keeps a webhook for a received command and answers.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a.came <- came{r.Header, body}
	if a.status == 0 {
		<-r.Context().Done()
		return
	}
	w.Header().Set("Location", "/elsewhere")
	w.WriteHeader(a.status)
}

// receiver NAME STATUS [tls] is an application that takes webhooks with a status, at $NAME; with 0 it never answers.
func receiver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: receiver NAME STATUS [tls]")
	}
	status, err := strconv.Atoi(args[1])
	must(ts, err)
	a := &application{status, make(chan came, 1000)}
	server := httptest.NewUnstartedServer(a)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that refuses its certificate is no news
	if len(args) > 2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL+"/hooks")
	ts.Value("receivers").(map[string]*application)[args[0]] = a
}

// received NAME SECRET TYPE wants the next webhook that comes to be one of a type, signed with the secret by the Standard Webhooks
// library, and byte for byte what the API has.
func received(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: received NAME SECRET TYPE")
	}
	verify, err := standardwebhooks.NewWebhook(args[1])
	must(ts, err)
	select {
	case got := <-ts.Value("receivers").(map[string]*application)[args[0]].came:
		must(ts, verify.Verify(got.body, got.header))
		kept := fetch(ts, "/v1/events/"+got.header.Get("webhook-id"))
		if !bytes.Equal(kept, got.body) {
			ts.Fatalf("the API has another body:\n%s\n%s", kept, got.body)
		}
		if !bytes.Contains(got.body, fmt.Appendf(nil, `"type":%q`, args[2])) {
			ts.Fatalf("not a %s: %s", args[2], got.body)
		}
	case <-time.After(patience):
		ts.Fatalf("no webhook came within %s", patience)
	}
}

// fetch reads something of the API of the script's florin dev.
func fetch(ts *testscript.TestScript, path string) []byte {
	request, err := http.NewRequest(http.MethodGet, ts.Getenv("FLORIN_API_URL")+path, nil)
	must(ts, err)
	request.Header.Set("Authorization", "Bearer sk_test_dev")
	response, err := http.DefaultClient.Do(request)
	must(ts, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(ts, err)
	return bytes.TrimSpace(body)
}

// endpoint NAME TYPE… has webhooks sent to a receiver, those of an object in order, signed with $NAME_SECRET by the endpoint $NAME_ID.
func endpoint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: endpoint NAME TYPE...")
	}
	florin, err := client.New(access.DevSecret, client.WithBaseURL(ts.Getenv("FLORIN_API_URL")))
	must(ts, err)
	made, err := florin.WebhookEndpoints.Create(context.Background(), client.CreateWebhookEndpoint{URL: ts.Getenv(args[0]), Events: args[1:], Ordering: "object"})
	must(ts, err)
	ts.Setenv(args[0]+"_ID", made.ID)
	ts.Setenv(args[0]+"_SECRET", made.Secret)
}

// capture VARIABLE PATTERN keeps a part of what the last command printed.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VARIABLE PATTERN")
	}
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("it did not print %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}
