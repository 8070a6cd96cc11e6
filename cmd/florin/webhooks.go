package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/secret"
)

type webhooksGroup struct {
	Verify webhooksVerify `cmd:"" help:"Check the signature of a webhook that came. Exits with 1 if it is not good."`
}

type webhooksVerify struct {
	Secret     secret.Text   `help:"Secret of the endpoint, whsec_…; several with commas. FLORIN_SECRET keeps it from those who can see the command line." placeholder:"SECRET,..."`
	SecretFile string        `help:"File with the secret; several with commas or on lines of their own." placeholder:"FILE"`
	ID         string        `help:"The header webhook-id." placeholder:"EVT" name:"id"`
	Timestamp  string        `help:"The header webhook-timestamp." placeholder:"SECONDS"`
	Signature  string        `help:"The header webhook-signature." placeholder:"V1,..."`
	Headers    string        `help:"File with the headers, a line NAME: VALUE each, instead of the three." placeholder:"FILE"`
	HTTP       bool          `help:"Standard input is the whole HTTP request, with its headers." name:"http"`
	Tolerance  time.Duration `help:"How far the time of signing may be from now." default:"5m"`
	IgnoreAge  bool          `help:"Take a webhook of any age: one that was kept."`
}

func (webhooksVerify) Help() string {
	return `The body comes on standard input, byte for byte as it was received: a line end more or a space less is another body. Webhooks are signed as in
Standard Webhooks 1.0.

Examples:

    FLORIN_SECRET=whsec_… florin webhooks verify --headers headers.txt <body.json
    florin webhooks verify --secret-file secret.txt --http --ignore-age <request.txt`
}

// maxWebhook is the largest webhook that is read: what the SDK reads of one.
const maxWebhook = 4 << 20

// Run says whether a webhook is good, or exactly what is wrong with it.
func (v webhooksVerify) Run(_ context.Context, c *console) error {
	secrets, err := v.secrets()
	if err != nil {
		return err
	}
	header, body, err := v.read(os.Stdin)
	if err != nil {
		return err
	}
	found := judge(header, body, secrets, clock.System{}.Now())
	if found.OK && !v.IgnoreAge {
		found.aged(v.Tolerance)
	}
	if err := c.print(found, found.text); err != nil {
		return err
	}
	if !found.OK {
		return fmt.Errorf("the webhook is not good: %s", found.Detail)
	}
	return nil
}

// given is the secret and the file as they were given. Where one of them came with the command and the other stands in the
// environment, for all commands, the one of the command counts.
func (v webhooksVerify) given() (text, file string) {
	text, file = v.Secret.Reveal(), v.SecretFile
	if text == "" || file == "" {
		return text, file
	}
	surrounding := text == os.Getenv("FLORIN_SECRET")
	if (file == os.Getenv("FLORIN_SECRET_FILE")) == surrounding {
		return text, file
	}
	if surrounding {
		return "", file
	}
	return text, ""
}

// secrets are those given, each one that the SDK can read. No error has one in it.
func (v webhooksVerify) secrets() ([]string, error) {
	text, file := v.given()
	if file != "" {
		if text != "" {
			return nil, usagef("give --secret or --secret-file")
		}
		read, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
		text = string(read)
	}
	secrets := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(secrets) == 0 {
		return nil, usagef("--secret or --secret-file is needed")
	}
	for i, s := range secrets {
		if _, err := client.NewWebhooks([]string{s}); err != nil || !strings.HasPrefix(s, "whsec_") {
			return nil, usagef("secret %d of %d is malformed: it is not whsec_ and base64", i+1, len(secrets))
		}
	}
	return secrets, nil
}

// read takes the webhook from where the flags say.
func (v webhooksVerify) read(in io.Reader) (http.Header, []byte, error) {
	three := v.ID != "" || v.Timestamp != "" || v.Signature != ""
	switch {
	case v.HTTP && (three || v.Headers != ""), three && v.Headers != "":
		return nil, nil, usagef("give --http, or --headers, or --id with --timestamp and --signature")
	case v.HTTP:
		return readRequest(in)
	}
	header := http.Header{}
	if v.Headers != "" {
		text, err := os.ReadFile(v.Headers)
		if err == nil {
			header, err = readHeaders(text)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the headers: %w", err)
		}
	} else {
		if v.ID == "" || v.Timestamp == "" || v.Signature == "" {
			return nil, nil, usagef("--id, --timestamp and --signature are needed, or --headers, or --http")
		}
		header.Set("webhook-id", v.ID)
		header.Set("webhook-timestamp", v.Timestamp)
		header.Set("webhook-signature", v.Signature)
	}
	body, err := readBody(in)
	return header, body, err
}

func readBody(in io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(in, maxWebhook+1))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if len(body) > maxWebhook {
		return nil, fmt.Errorf("the body is over %d bytes", maxWebhook)
	}
	return body, nil
}

// readHeaders reads lines NAME: VALUE. A request line before them is passed over: that is how tools print them.
func readHeaders(text []byte) (http.Header, error) {
	text = bytes.TrimSpace(text)
	if first, rest, ok := bytes.Cut(text, []byte("\n")); ok && bytes.Contains(first, []byte(" HTTP/")) {
		text = rest
	}
	read, err := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(text), strings.NewReader("\r\n\r\n")))).ReadMIMEHeader()
	if err != nil {
		return nil, errors.New("they are not lines NAME: VALUE") // the reader's error quotes one
	}
	return http.Header(read), nil
}

// readRequest reads a whole request. One that does not say how long its body is goes on to the end of the input.
func readRequest(in io.Reader) (http.Header, []byte, error) {
	reader := bufio.NewReader(in)
	request, err := http.ReadRequest(reader)
	if err != nil {
		return nil, nil, errors.New("standard input is not an HTTP request with its headers") // the reader's error quotes it
	}
	from := io.Reader(request.Body)
	if request.Header.Get("Content-Length") == "" && len(request.TransferEncoding) == 0 {
		from = reader
	}
	body, err := readBody(from)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the request ends before its body does: %w", err)
	}
	return request.Header, body, err
}

// webhookFault is what is wrong with a webhook.
type webhookFault string

const (
	headerMissing   webhookFault = "header_missing"
	headerMalformed webhookFault = "header_malformed"
	signatureWrong  webhookFault = "signature_wrong"
	bodyNoEvent     webhookFault = "body_no_event"
	tooOld          webhookFault = "too_old"
	tooNew          webhookFault = "too_new"
)

// verdict is what is found about a webhook.
type verdict struct {
	OK         bool         `json:"ok"`
	Fault      webhookFault `json:"fault,omitempty"`
	Detail     string       `json:"detail,omitempty"`
	Event      string       `json:"event,omitempty"`
	Type       string       `json:"type,omitempty"`
	SignedAt   *time.Time   `json:"signed_at,omitempty"`
	AgeSeconds int64        `json:"age_seconds"`
	Secret     int          `json:"secret,omitempty"` // which of those given it is signed with, from 1
	Secrets    int          `json:"secrets"`
	age        time.Duration
}

func (v *verdict) wrong(f webhookFault, format string, args ...any) verdict {
	v.OK, v.Fault, v.Detail = false, f, fmt.Sprintf(format, args...)
	return *v
}

// aged refuses a webhook that was signed too far from now.
func (v *verdict) aged(tolerance time.Duration) {
	switch {
	case v.age > tolerance:
		v.wrong(tooOld, "the signature fits, but it was made %s ago, %s more than the %s that are allowed", ago(v.age), ago(v.age-tolerance), tolerance)
	case v.age < -tolerance:
		v.wrong(tooNew, "the signature fits, but it was made %s in the future, %s more than the %s that are allowed", ago(v.age), ago(-v.age-tolerance), tolerance)
	}
}

func (v verdict) text(w io.Writer) {
	if !v.OK {
		return // the error says it
	}
	fmt.Fprintf(w, "ok: %s %s, signed %s ago", v.Type, v.Event, ago(v.age))
	if v.Secrets > 1 {
		fmt.Fprintf(w, " with secret %d of %d", v.Secret, v.Secrets)
	}
	fmt.Fprintln(w)
}

// lastSecond is the last one of the year 9999: what is behind it is no time of signing.
const lastSecond = 253402300799

// judge decides about a webhook, whatever its age. The secrets can be read.
func judge(header http.Header, body []byte, secrets []string, now time.Time) verdict {
	v := verdict{Secrets: len(secrets)}
	var missing []string
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		if header.Get(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return v.wrong(headerMissing, "there is no header %s", strings.Join(missing, ", "))
	}
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return v.wrong(headerMalformed, "the header webhook-timestamp is not a time in seconds since 1970")
	}
	at := time.Unix(seconds, 0).UTC()
	v.SignedAt, v.age = &at, now.Sub(at)
	v.AgeSeconds = int64(v.age / time.Second)
	event, nth, err := signer(header, body, secrets, at)
	switch {
	case errors.Is(err, client.ErrWebhookSignature):
		return v.wrong(signatureWrong, "%s", misfit(header, body, secrets, at))
	case errors.Is(err, client.ErrWebhookBody):
		return v.wrong(bodyNoEvent, "the signature fits, but the body is not an event")
	case err != nil:
		return v.wrong(headerMalformed, "%v", err)
	}
	v.OK, v.Event, v.Type, v.Secret = true, event.ID, event.Type, nth
	return v
}

// signer verifies a webhook with each secret at the time of its signing, and tells which one fits, from 1.
func signer(header http.Header, body []byte, secrets []string, at time.Time) (*client.Event, int, error) {
	for i, s := range secrets {
		webhooks, err := client.NewWebhooks([]string{s}, client.WithNow(func() time.Time { return at }))
		if err != nil {
			return nil, 0, err
		}
		if event, err := webhooks.Event(header, body); !errors.Is(err, client.ErrWebhookSignature) {
			return event, i + 1, err
		}
	}
	return nil, 0, client.ErrWebhookSignature
}

// misfit says why no signature fits, as far as it can be found out.
func misfit(header http.Header, body []byte, secrets []string, at time.Time) string {
	signatures := 0
	for one := range strings.FieldsSeq(header.Get("webhook-signature")) {
		if strings.HasPrefix(one, "v1,") {
			signatures++
		}
	}
	if signatures == 0 {
		return "the header webhook-signature has no signature of version v1"
	}
	fits := func(other []byte) bool {
		_, _, err := signer(header, other, secrets, at)
		return !errors.Is(err, client.ErrWebhookSignature)
	}
	trimmed := bytes.TrimRight(body, "\r\n")
	switch {
	case len(body) == 0:
		return "the body is empty"
	case len(trimmed) < len(body) && fits(trimmed):
		return "the signature fits the body without the line end behind it: pass the body byte for byte"
	case fits(append(bytes.Clone(body), '\n')):
		return "the signature fits the body with a line end behind it: pass the body byte for byte"
	}
	return fmt.Sprintf("no signature fits: %d of version v1, tried with %d secret(s); another secret, or the headers or the body are not as they were sent", signatures, len(secrets))
}
