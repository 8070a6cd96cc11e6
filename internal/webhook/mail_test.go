package webhook

import (
	"crypto/tls"
	"io"
	"mime/quotedprintable"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

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
