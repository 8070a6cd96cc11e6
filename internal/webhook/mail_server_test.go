package webhook

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/secret"
)

// postOffice is a mail server as far as a client sees it. It serves one conversation.
type postOffice struct {
	offers  []string          // what it says it can
	replies map[string]string // its answer to a command, or to the message as ".", if it is not the usual one
	tls     *tls.Config       // of STARTTLS; from the first byte if always is set
	always  bool

	said    []string // the commands, in order
	message []byte
	secure  bool // whether the login or the message came over TLS
}

// serve talks until the client leaves.
func (o *postOffice) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	if o.always {
		conn, o.secure = tls.Server(conn, o.tls), true
	}
	text := textproto.NewConn(conn)
	if text.PrintfLine("220 mx.florin.example ESMTP") != nil {
		return
	}
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		o.said = append(o.said, line)
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		reply, scripted := o.replies[verb]
		switch {
		case scripted:
		case verb == "EHLO":
			for _, line := range append([]string{"mx.florin.example"}, o.offers...) {
				_ = text.PrintfLine("250-%s", line) // a client that has gone is seen by the next read
			}
			reply = "250 HELP"
		case verb == "STARTTLS":
			_ = text.PrintfLine("220 go on")
			conn, o.secure = tls.Server(conn, o.tls), true
			text = textproto.NewConn(conn)
			continue
		case verb == "AUTH":
			reply = "235 welcome"
		case verb == "DATA":
			_ = text.PrintfLine("354 go on")
			if o.message, err = text.ReadDotBytes(); err != nil {
				return
			}
			if reply, scripted = o.replies["."]; !scripted {
				reply = "250 taken"
			}
		case verb == "QUIT":
			_ = text.PrintfLine("221 bye")
			return
		default:
			reply = "250 ok"
		}
		if reply == "" { // it hangs up
			return
		}
		_ = text.PrintfLine("%s", reply)
	}
}

// open makes the office reachable on loopback and waits for it at the end of done.
func (o *postOffice) open(t *testing.T) (address string, done chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	done = make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		o.serve(conn)
	}()
	return l.Addr().String(), done
}

func TestMailGoesByTLSWhereItCan(t *testing.T) {
	for name, c := range map[string]struct {
		scheme string
		office postOffice
	}{
		"implicit": {"smtps", postOffice{always: true, offers: []string{"AUTH LOGIN PLAIN"}}},
		"STARTTLS": {"smtp", postOffice{offers: []string{"STARTTLS", "AUTH PLAIN"}}},
	} {
		o := c.office
		got := mailed(t, &o, c.scheme, "florin:hunter%402@", captured)
		login := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00florin\x00hunter@2"))
		if got.Status != 250 || !o.secure || len(o.message) == 0 || !strings.Contains(strings.Join(o.said, "\n"), login) {
			t.Errorf("%s: %+v, %q", name, got, o.said)
		}
	}
}

func TestAMailServerThatIsNotTrustedIsNotUsed(t *testing.T) {
	for scheme, o := range map[string]*postOffice{"smtps": {always: true}, "smtp": {offers: []string{"STARTTLS", "AUTH PLAIN"}}} {
		l := listenAt(t, (*httptest.Server).StartTLS, nil)
		o.tls = &tls.Config{Certificates: l.TLS.Certificates}
		address, done := o.open(t)
		options, err := ParseMail(secret.New(scheme+"://florin:hunter2@"+address), "florin@shop.example")
		if err != nil {
			t.Fatal(err)
		}
		got := courierFor(t, courierOptions{Mail: options}).carry(t.Context(), endpointAt("mailto:ops@shop.example"), captured)
		<-done
		if got.Status != 0 || got.Err == nil || len(o.message) != 0 || strings.Contains(strings.Join(o.said, "\n"), "AUTH") {
			t.Errorf("%s: %+v, %q", scheme, got, o.said)
		}
	}
}

func TestAPasswordGoesInClearToThisMachineOnly(t *testing.T) {
	o := &postOffice{offers: []string{"AUTH PLAIN"}}
	if got := mailed(t, o, "smtp", "florin:hunter2@", captured); got.Status != 250 || o.secure {
		t.Errorf("on loopback: %+v", got)
	}
	options, err := ParseMail(secret.New("smtp://florin:hunter2@127.0.0.1:587"), "florin@shop.example") // what it is called does not count
	if err != nil {
		t.Fatal(err)
	}
	c := courierFor(t, courierOptions{Mail: options})
	away, done := &postOffice{offers: []string{"AUTH PLAIN"}}, make(chan struct{})
	c.dialMail = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe() // the other end is not at a loopback address
		go func() {
			defer close(done)
			away.serve(there)
		}()
		return here, nil
	}
	got := c.carry(t.Context(), endpointAt("mailto:ops@shop.example"), captured)
	<-done
	if got.Status != 0 || explain(got.Err) != "mail was not sent: the mail server offers no TLS" || strings.Contains(strings.Join(away.said, "\n"), "AUTH") {
		t.Errorf("elsewhere: %+v, %q", got, away.said)
	}
}

func TestRepliesOfMailServers(t *testing.T) {
	for name, c := range map[string]struct {
		replies map[string]string
		status  int
		why     string
	}{
		"full for now":       {map[string]string{"RCPT": "452 4.2.2 mailbox full at 10.1.2.3"}, 452, ""},
		"nobody there":       {map[string]string{"RCPT": "550 5.1.1 no such user"}, 550, ""},
		"sender refused":     {map[string]string{"MAIL": "553 who are you"}, 553, ""},
		"no data":            {map[string]string{"DATA": "451 not now"}, 451, ""},
		"message refused":    {map[string]string{".": "554 5.7.1 spam"}, 554, ""},
		"taken, then rude":   {map[string]string{"QUIT": ""}, 250, ""},
		"hangs up":           {map[string]string{"RCPT": ""}, 0, "mail was not sent: the mail server cannot be reached, or does not speak SMTP"},
		"lost at the end":    {map[string]string{".": ""}, 0, "mail was not sent: the mail server cannot be reached, or does not speak SMTP"},
		"nonsense":           {map[string]string{"RCPT": "hello"}, 0, "mail was not sent: the mail server cannot be reached, or does not speak SMTP"},
		"success, too early": {map[string]string{"DATA": "250 taken"}, 0, "mail was not sent: the mail server cannot be reached, or does not speak SMTP"},
		"endless":            {map[string]string{"RCPT": strings.Repeat("250-and more\r\n", maxReplies/10) + "250 ok"}, 0, "mail was not sent: the mail server cannot be reached, or does not speak SMTP"},
	} {
		got := mailed(t, &postOffice{replies: c.replies}, "smtp", "", captured)
		why := ""
		if got.Err != nil {
			why = explain(got.Err)
		}
		if got.Status != c.status || why != c.why || got.ResponseBody != nil {
			t.Errorf("%s: %+v, %q", name, got, why)
		}
	}
	got := mailed(t, &postOffice{offers: []string{"AUTH LOGIN"}}, "smtp", "florin:hunter2@", captured)
	if got.Status != 0 || explain(got.Err) != "mail was not sent: the mail server offers no login by AUTH PLAIN" {
		t.Errorf("%+v", got)
	}
	got = mailed(t, &postOffice{offers: []string{"AUTH PLAIN"}, replies: map[string]string{"AUTH": "535 wrong password"}}, "smtp", "florin:hunter2@", captured)
	if got.Status != 535 || got.Err != nil {
		t.Errorf("%+v", got)
	}
}

func TestASilentMailServerIsLeftAfterFifteenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, err := ParseMail(secret.New("smtp://mx.florin.example"), "florin@shop.example")
		if err != nil {
			t.Fatal(err)
		}
		c := newCourier(courierOptions{Clock: clock.System{}, Mail: options})
		served := make(chan struct{})
		c.dialMail = func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer close(served)
				_, _ = io.Copy(io.Discard, there) // until it is left
			}()
			return here, nil
		}
		got := c.carry(t.Context(), endpointAt("mailto:ops@shop.example"), captured)
		<-served
		if got.Duration != tryTimeout || got.Status != 0 || explain(got.Err) != "the endpoint did not answer in time" {
			t.Errorf("%+v", got)
		}
	})
}

func TestServersForMail(t *testing.T) {
	for server, want := range map[string]MailOptions{
		"smtps://u:p@mx.florin.example":       {host: "mx.florin.example", address: "mx.florin.example:465", tls: true, user: "u"},
		"smtps://mx.florin.example:1465/":     {host: "mx.florin.example", address: "mx.florin.example:1465", tls: true},
		"smtp://u%40shop:p@mx.florin.example": {host: "mx.florin.example", address: "mx.florin.example:587", user: "u@shop"},
		"smtp://[::1]:25":                     {host: "::1", address: "[::1]:25"},
	} {
		got, err := ParseMail(secret.New(server), "Florin <florin@shop.example>")
		if err != nil {
			t.Fatalf("%s: %v", server, err)
		}
		if got.host != want.host || got.address != want.address || got.tls != want.tls || got.user != want.user || (got.user != "") != (got.password.Reveal() == "p") {
			t.Errorf("%s: %+v", server, got)
		}
	}
	for _, server := range []string{"", "mx.florin.example:25", "http://mx.florin.example", "smtp://", "smtp://u:hunter2@mx.florin.example/path", "smtp://u:hunter2@mx.florin.example?tls=no", "smtp://u:hunter2@mx:x"} {
		if _, err := ParseMail(secret.New(server), "florin@shop.example"); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", server, err)
		}
	}
	for _, from := range []string{"", "florin", "florin@localhost", "a@shop.example, b@shop.example", "Florin\r\nBcc: a@b.example <florin@shop.example>"} {
		if _, err := ParseMail(secret.New("smtp://mx.florin.example"), from); err == nil {
			t.Errorf("from %q passes", from)
		}
	}
}
