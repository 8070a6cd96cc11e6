package stage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/florinpay/florin/internal/secret"
)

// Letter is one try of a webhook.
type Letter struct {
	To     string // a URL on this machine
	Key    secret.Text
	Header string // of its signature, such as Bank-Signature
	Event  string // its id, in the same header with -Event; empty: in none
	From   string // the world's name
	Body   string
}

// letterTimeout is for one try.
const letterTimeout = 10 * time.Second

// NewPost is a client for webhooks, of which so many are on their way at once. It reaches this machine only.
func NewPost(workers int) *http.Client {
	dialer := &net.Dialer{Timeout: letterTimeout, ControlContext: LoopbackOnly}
	return &http.Client{
		Timeout:       letterTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ // no proxy: nothing leaves this machine
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: workers, MaxIdleConns: 4 * workers,
			IdleConnTimeout: 90 * time.Second, DisableCompression: true,
		},
	}
}

// LoopbackOnly refuses to connect elsewhere, whatever a name resolved to.
func LoopbackOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("webhooks go to this machine only, not to %s", at.Addr())
	}
	return nil
}

// Send sends the letter, signed at this time; status 0 means that no answer came.
func (l Letter) Send(ctx context.Context, by *http.Client, now time.Time) (status int, err error) {
	if l.To == "" {
		return 0, errors.New("the account has no webhook URL any more")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.To, strings.NewReader(l.Body))
	if err != nil {
		return 0, err
	}
	r.Header["Content-Type"] = contentJSON
	if l.Event != "" {
		r.Header.Set(strings.TrimSuffix(l.Header, "Signature")+"Event", l.Event)
	}
	r.Header.Set(l.Header, WebhookSignature(l.Key, now, l.Body))
	r.Header.Set("User-Agent", "florin-sandbox/"+l.From)
	resp, err := by.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()                                                           // read to its end or given up: its error tells nothing
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil { // so that the connection is used again
		return 0, err
	}
	return resp.StatusCode, nil
}

// Delivered tells whether the status of an answer takes the letter.
func Delivered(status int) bool { return status >= 200 && status <= 299 }

// WebhookSignature is t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">.
func WebhookSignature(key secret.Text, now time.Time, body string) string {
	at := strconv.FormatInt(now.Unix(), 10)
	return "t=" + at + ",v1=" + hex.EncodeToString(HMAC(key, at+"."+body))
}

// HMAC is the HMAC-SHA256 of a text.
func HMAC(key secret.Text, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(text)) // never fails, by hash.Hash
	return mac.Sum(nil)
}
