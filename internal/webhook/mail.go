package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

// An endpoint at mailto:ops@shop.example is told by mail: the same deliveries, tried and recorded in the same way.

// MailOptions say how mail leaves: by one SMTP server of the operator's.
type MailOptions struct {
	host     string
	address  string // host:port
	tls      bool   // from the first byte; else by STARTTLS
	user     string
	password secret.Text
	from     mail.Address
}

// ParseMail reads smtps://user:password@host:465 (TLS from the first byte) or smtp://host:587 (STARTTLS), and the address
// that mail comes from. Errors do not repeat the URL, which holds a password.
func ParseMail(server secret.Text, from string) (*MailOptions, error) {
	u, err := url.Parse(server.Reveal())
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the SMTP server must be smtps://user:password@host:465 or smtp://user:password@host:587")
	}
	port, ok := map[string]string{"smtps": "465", "smtp": "587"}[u.Scheme]
	if !ok {
		return nil, errors.New("the SMTP server's URL must begin with smtps:// or smtp://")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	sender, err := mail.ParseAddress(from)
	if err != nil || checkMailURL(mailScheme+sender.Address) != "" {
		return nil, errors.New("the sender of mail must be an address, such as Florin <florin@shop.example>")
	}
	o := &MailOptions{host: u.Hostname(), address: net.JoinHostPort(u.Hostname(), port), tls: u.Scheme == "smtps", from: *sender}
	if u.User != nil {
		password, _ := u.User.Password()
		o.user, o.password = u.User.Username(), secret.New(password)
	}
	return o, nil
}

// domain is what comes behind the @ of the sender.
func (o *MailOptions) domain() string {
	return o.from.Address[strings.LastIndexByte(o.from.Address, '@')+1:]
}

const mailScheme = "mailto:"

func isMail(endpoint string) bool { return strings.HasPrefix(endpoint, mailScheme) }

// checkMailURL says what is wrong with mailto: and an address; nothing if it is right. It takes one address as nearly
// everybody has one, and nothing behind it: what can be written plainly cannot hide a second recipient or a header.
func checkMailURL(raw string) string {
	const wrong = "must be mailto: and one address, such as mailto:ops@shop.example"
	local, domain, ok := strings.Cut(strings.TrimPrefix(raw, mailScheme), "@")
	if !ok || local == "" || len(local) > 64 || len(domain) > 253 || !strings.Contains(domain, ".") {
		return wrong
	}
	for _, atom := range strings.Split(local, ".") {
		if atom == "" || strings.Trim(atom, lettersAndDigits+"!$&'*+-/=^_{|}~") != "" {
			return wrong
		}
	}
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, lettersAndDigits+"-") != "" {
			return wrong
		}
	}
	return ""
}

const lettersAndDigits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// errMail marks what is safe to tell of a failed mail.
var errMail = errors.New("mail was not sent")

// sendMail sends an event by mail and fills in what came of it. A reply of the server is an answer, and its code the status.
func (c *courier) sendMail(ctx context.Context, t *try, to event.Endpoint, e event.Event, start time.Time) error {
	if c.mail == nil {
		return fmt.Errorf("%w: this installation sends no mail", errMail)
	}
	recipient := strings.TrimPrefix(to.URL, mailScheme)
	if wrong := checkMailURL(to.URL); wrong != "" {
		return fmt.Errorf("%w: the address cannot be read", errMail)
	}
	n, err := readNews(e.Body)
	if err != nil {
		return fmt.Errorf("event %s cannot be read: %w", e.ID, err)
	}
	header := mailHeader(c.mail, recipient, to.ID, n, t.StartedAt)
	message, err := renderMail(header, n, e.Body)
	if err != nil {
		return err
	}
	t.RequestHeader = make(map[string][]string, len(header))
	for _, h := range header {
		t.RequestHeader[h.name] = []string{h.value}
	}
	greeted := func() { t.FirstByte = clock.Since(start) }
	err = c.handOver(ctx, recipient, message, greeted)
	var reply *textproto.Error
	switch {
	case err == nil:
		t.Status = 250
		return nil
	case errors.As(err, &reply) && (reply.Code/100 == 4 || reply.Code/100 == 5):
		t.Status = reply.Code
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errMail):
		return err
	}
	return fmt.Errorf("%w: the mail server cannot be reached, or does not speak SMTP", errMail) // its name and address are ours
}

// maxReplies bounds what a mail server may say in one conversation, in bytes.
const maxReplies = 256 << 10

// talk is a connection that ends when too much was said.
type talk struct {
	net.Conn
	heard io.Reader
}

func (t talk) Read(b []byte) (int, error) { return t.heard.Read(b) }

// handOver gives a message to the mail server. It is sent once the server has taken it, whatever happens afterwards.
func (c *courier) handOver(ctx context.Context, recipient string, message []byte, greeted func()) error {
	raw, err := c.dialMail(ctx, "tcp", c.mail.address)
	if err != nil {
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() }) // the deadline, too, comes by the context
	defer stop()
	var conn net.Conn = talk{raw, io.LimitReader(raw, maxReplies)}
	if c.mail.tls {
		conn = tls.Client(conn, c.mailTLS())
	}
	client, err := smtp.NewClient(conn, c.mail.host)
	if err != nil {
		return err
	}
	greeted()
	if err := c.greet(client, raw.RemoteAddr()); err != nil {
		return err
	}
	if err := client.Mail(c.mail.from.Address); err != nil {
		return err
	}
	if err := client.Rcpt(recipient); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(message); err != nil {
		return err
	}
	if err := body.Close(); err != nil { // here the server takes it, or does not
		return err
	}
	_ = client.Quit() // a courtesy: the message is taken
	return nil
}

func (c *courier) mailTLS() *tls.Config {
	return &tls.Config{ServerName: c.mail.host, MinVersion: tls.VersionTLS12, RootCAs: c.lines.roots}
}

// greet says hello, turns to TLS where it can be had, and logs in. A password goes in clear to no other machine.
func (c *courier) greet(client *smtp.Client, peer net.Addr) error {
	if err := client.Hello(c.mail.domain()); err != nil {
		return err
	}
	if offered, _ := client.Extension("STARTTLS"); offered && !c.mail.tls {
		if err := client.StartTLS(c.mailTLS()); err != nil {
			return err
		}
	}
	if c.mail.user == "" {
		return nil
	}
	if _, encrypted := client.TLSConnectionState(); !encrypted && !loopback(peer) {
		return fmt.Errorf("%w: the mail server offers no TLS", errMail)
	}
	if offered, mechanisms := client.Extension("AUTH"); !offered || !strings.Contains(" "+mechanisms+" ", " PLAIN ") {
		return fmt.Errorf("%w: the mail server offers no login by AUTH PLAIN", errMail)
	}
	return client.Auth(smtp.PlainAuth("", c.mail.user, c.mail.password.Reveal(), c.mail.host))
}

func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// headerLine is one line of a mail's header.
type headerLine struct{ name, value string }

// mailHeader is a mail's header. Its Message-ID is the same on every try, so that whoever got it twice sees it once.
func mailHeader(o *MailOptions, recipient, endpoint string, n news, now time.Time) []headerLine {
	mode := "Florin"
	if !n.Livemode {
		mode = "Florin test"
	}
	header := []headerLine{
		{"From", o.from.String()},
		{"To", "<" + recipient + ">"},
		{"Subject", mime.QEncoding.Encode("utf-8", strings.TrimSpace(fmt.Sprintf("[%s] %s %s", mode, n.Type, n.subject)))},
		{"Date", now.Format(time.RFC1123Z)},
		{"Message-ID", "<" + n.ID + "." + endpoint + "@" + o.domain() + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	}
	for i, h := range header { // a line holds one header, whatever an id may be one day
		header[i].value = strings.Map(func(r rune) rune {
			if notVisible(r) {
				return -1
			}
			return r
		}, h.value)
	}
	return header
}

// renderMail is the whole message: what happened in one sentence, then the event.
func renderMail(header []headerLine, n news, body []byte) ([]byte, error) {
	var b bytes.Buffer
	for _, h := range header {
		b.WriteString(h.name + ": " + h.value + "\r\n")
	}
	b.WriteString("\r\n")
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return nil, err
	}
	w := quotedprintable.NewWriter(&b)
	if _, err := io.WriteString(w, n.sentence()+"\n\n"+pretty.String()+"\n"); err != nil {
		return nil, err
	}
	err := w.Close() // writes what is left, so b is not whole before it
	return b.Bytes(), err
}

// news is an event as a person is told of it. It comes from the body, which is all that every try has.
type news struct {
	event.Object
	subject string // the id of the object; empty if it has none
}

func readNews(body []byte) (n news, err error) {
	var data struct {
		ID string `json:"id"`
	}
	if err = json.Unmarshal(body, &n.Object); err == nil && len(n.Data) > 0 {
		err = json.Unmarshal(n.Data, &data)
	}
	n.subject = data.ID
	return n, err
}

// verbs are how the words of an event's type are said; those that are not here are said with "was" before them.
var verbs = map[string]string{
	"pending": "is pending", "requires_action": "waits for the payer", "succeeded": "succeeded", "failed": "failed",
	"expired": "expired", "test": "is being tested",
}

// sentence says what happened.
func (n news) sentence() string {
	object, verb, _ := strings.Cut(string(n.Type), ".")
	said, ok := verbs[verb]
	if !ok {
		said = "was " + strings.NewReplacer("_", " ", ".", " ").Replace(verb)
	}
	object = strings.ReplaceAll(object, "_", " ")
	words := []string{strings.ToUpper(object[:min(1, len(object))]) + object[min(1, len(object)):], n.subject, said}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "" })
	mode := ""
	if !n.Livemode {
		mode = ", in test mode"
	}
	return fmt.Sprintf("%s on %s%s.", strings.Join(words, " "), n.CreatedAt.UTC().Format("2 January 2006 at 15:04:05 MST"), mode)
}
