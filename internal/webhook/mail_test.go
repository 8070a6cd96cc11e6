package webhook

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
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

// mailed sends one event by mail through an office, in the given scheme and with the given login.
func mailed(t *testing.T, o *postOffice, scheme, login string, e event.Event) try {
	t.Helper()
	l := listenAt(t, (*httptest.Server).StartTLS, nil) // for its certificate
	o.tls = &tls.Config{Certificates: l.TLS.Certificates}
	address, done := o.open(t)
	options, err := ParseMail(secret.New(scheme+"://"+login+address), "Florin Zürich <florin@shop.example>")
	if err != nil {
		t.Fatal(err)
	}
	c := courierFor(t, courierOptions{Clock: clock.NewManual(captured.CreatedAt.Add(time.Minute)), Roots: rootsOf(l), Mail: options})
	got := c.carry(t.Context(), endpointAt("mailto:ops@shop.example"), e)
	<-done
	return got
}

func TestAMailSaysWhatHappened(t *testing.T) {
	o := &postOffice{}
	got := mailed(t, o, "smtp", "", captured)
	if got.Err != nil || got.Status != 250 || got.FirstByte <= 0 || got.Duration < got.FirstByte || got.URL != "mailto:ops@shop.example" {
		t.Fatalf("%+v", got)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(o.message)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"From": "=?utf-8?q?Florin_Z=C3=BCrich?= <florin@shop.example>", "To": "<ops@shop.example>", "Subject": "[Florin test] payment.captured pay_1",
		"Date": "Sun, 22 Nov 2026 12:01:00 +0000", "Message-Id": "<evt_1.we_1@shop.example>", "Content-Type": "text/plain; charset=utf-8", "Auto-Submitted": "auto-generated",
	} {
		if m.Header.Get(name) != want {
			t.Errorf("%s: %q", name, m.Header.Get(name))
		}
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	want := "Payment pay_1 was captured on 22 November 2026 at 12:00:00 UTC, in test mode.\n\n{\n" + `  "id": "evt_1",
  "object": "event",
  "type": "payment.captured",
  "created_at": "2026-11-22T12:00:00Z",
  "livemode": false,
  "data": {
    "id": "pay_1",
    "description": "Zwölf Äpfel"
  }
}
`
	if string(body) != want {
		t.Errorf("%s", body)
	}
	if strings.Join(o.said, ", ") != "EHLO shop.example, MAIL FROM:<florin@shop.example>, RCPT TO:<ops@shop.example>, DATA, QUIT" {
		t.Errorf("%q", o.said)
	}
	if got.RequestHeader["Message-ID"][0] != "<evt_1.we_1@shop.example>" || got.RequestHeader["Subject"][0] != "[Florin test] payment.captured pay_1" {
		t.Errorf("recorded %v", got.RequestHeader)
	}
}

func TestAnEndpointAtAnAddressIsToldByMail(t *testing.T) {
	eachPost(t, func(p *post) {
		o := &postOffice{}
		address, done := o.open(p.T)
		options, err := ParseMail(secret.New("smtp://"+address), "florin@shop.example")
		if err != nil {
			p.Fatal(err)
		}
		p.sender = NewSender(SenderOptions{DB: p.db, Store: p.store, Outbox: p.outbox, Clock: p.now, IDs: p.ids, Mail: options})
		p.endpoints.Mail = true
		p.listen("mailto:ops@shop.example", "*")
		p.happen(event.PaymentCaptured, map[string]string{"id": "pay_1"})
		p.work()
		<-done
		if d := p.deliveries()[0]; d.State != event.DeliverySucceeded || d.LastStatus != 250 {
			p.Errorf("%+v", d)
		}
		if !strings.Contains(string(o.message), "Payment pay_1 was captured on 22 November 2026 at 12:00:00 UTC") {
			p.Errorf("%s", o.message)
		}
	})
}

func TestEveryTryOfAMailIsTheSameMessage(t *testing.T) {
	first, second := &postOffice{}, &postOffice{}
	mailed(t, first, "smtp", "", captured)
	mailed(t, second, "smtp", "", captured)
	if len(first.message) == 0 || string(first.message) != string(second.message) {
		t.Errorf("%s\n\n%s", first.message, second.message)
	}
}

func TestTheSentenceFitsTheEvent(t *testing.T) {
	for kind, want := range map[event.Type]string{
		event.PaymentCreated:           "Payment x_1 was created",
		event.PaymentPending:           "Payment x_1 is pending",
		event.PaymentRequiresAction:    "Payment x_1 waits for the payer",
		event.PaymentPartiallyCaptured: "Payment x_1 was partially captured",
		event.PaymentFailed:            "Payment x_1 failed",
		event.PaymentExpired:           "Payment x_1 expired",
		event.RefundSucceeded:          "Refund x_1 succeeded",
		"webhook_endpoint.disabled":    "Webhook endpoint x_1 was disabled",
		"webhook_endpoint.test":        "Webhook endpoint x_1 is being tested",
	} {
		n, err := readNews([]byte(`{"type":"` + string(kind) + `","created_at":"2026-11-22T13:00:00+01:00","livemode":true,"data":{"id":"x_1"}}`))
		if got := n.sentence(); err != nil || got != want+" on 22 November 2026 at 12:00:00 UTC." {
			t.Errorf("%s: %q, %v", kind, got, err)
		}
	}
	bare, err := readNews([]byte(`{"type":"payment.captured","created_at":"2026-11-22T12:00:00Z","data":{}}`))
	if got := bare.sentence(); err != nil || got != "Payment was captured on 22 November 2026 at 12:00:00 UTC, in test mode." {
		t.Errorf("%q, %v", got, err)
	}
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

func TestWhatIsNoEventIsNotMailed(t *testing.T) {
	options, err := ParseMail(secret.New("smtp://127.0.0.1:1"), "florin@shop.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", "{", `{"data":[]}`} {
		odd := captured
		odd.Body = []byte(body)
		got := courierFor(t, courierOptions{Mail: options}).carry(t.Context(), endpointAt("mailto:ops@shop.example"), odd)
		if got.Err == nil || got.Status != 0 || got.RequestHeader != nil {
			t.Errorf("%q: %+v", body, got)
		}
	}
}

func TestNoMailWithoutAServerForIt(t *testing.T) {
	got := courierFor(t, courierOptions{}).carry(t.Context(), endpointAt("mailto:ops@shop.example"), captured)
	if got.Status != 0 || explain(got.Err) != "mail was not sent: this installation sends no mail" {
		t.Errorf("%+v", got)
	}
}

func TestNothingGetsIntoTheHeaderOfAMail(t *testing.T) {
	odd := captured
	odd.Body = []byte(`{"id":"evt_1>\r\nX-Odd: y","type":"payment.captured\r\nBcc: a@b.example","data":{"id":"pay_1\r\n\r\nhello"}}`)
	o := &postOffice{}
	if got := mailed(t, o, "smtp", "", odd); got.Status != 250 {
		t.Fatalf("%+v", got)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(o.message)))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("X-Odd") != "" || len(m.Header) != 9 {
		t.Errorf("%v", m.Header)
	}
	for _, recipient := range []string{"ops@shop.example\r\nRCPT TO:<a@b.example>", "ops@shop.example> <a@b.example"} {
		o := &postOffice{}
		options, err := ParseMail(secret.New("smtp://127.0.0.1:1"), "florin@shop.example")
		if err != nil {
			t.Fatal(err)
		}
		got := courierFor(t, courierOptions{Mail: options}).carry(t.Context(), endpointAt("mailto:"+recipient), captured)
		if got.Err == nil || explain(got.Err) != "mail was not sent: the address cannot be read" || len(o.said) != 0 {
			t.Errorf("%q: %+v", recipient, got)
		}
	}
}

func TestAddressesOfMail(t *testing.T) {
	for address, want := range map[string]bool{
		"ops@shop.example": true, "ops+florin@mail.shop.example": true, "o'hara.j_r@xn--bcher-kva.example": true, strings.Repeat("a", 64) + "@shop.example": true,
		"": false, "ops": false, "@shop.example": false, "ops@": false, "ops@localhost": false, "ops@shop..example": false, "ops@.example": false, "ops@-shop.example": false,
		".ops@shop.example": false, "o..ps@shop.example": false, "ops@shop.example?bcc=a@b.example": false, "ops@shop.example,a@b.example": false, "ops%40shop.example": false,
		"o ps@shop.example": false, "ops@shop.example ": false, "ops@shop.example\r\nBcc: a@b.example": false, "\"o\"@shop.example": false, "ops@[127.0.0.1]": false,
		"öps@shop.example": false, "ops@bücher.example": false, "Ops <ops@shop.example>": false, "//ops@shop.example/x": false, "a@b@shop.example": false,
		strings.Repeat("a", 65) + "@shop.example": false, "ops@" + strings.Repeat("a", 64) + ".example": false, "ops@" + strings.Repeat("a.", 130) + "example": false,
	} {
		if got := checkMailURL("mailto:" + address); (got == "") != want {
			t.Errorf("%q: %q", address, got)
		}
	}
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
