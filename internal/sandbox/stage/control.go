package stage

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/fault"
)

// MaxMerchant is the longest name of a merchant, in bytes: that of a 3-D Secure message.
const MaxMerchant = 40

// Check notes what an account lacks.
func (a Account) Check(wrong *fault.Collect) {
	if a.APIKey.Empty() {
		wrong.Add("api_key", fault.CodeInvalid, "must not be empty")
	}
	if a.SigningKey.Empty() {
		wrong.Add("signing_key", fault.CodeInvalid, "must not be empty")
	}
	if len(a.Merchant) > MaxMerchant {
		wrong.Add("merchant", fault.CodeInvalid, "must be at most 40 bytes")
	}
	if a.WebhookURL != "" {
		u, err := url.Parse(a.WebhookURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !Loopback(u.Hostname()) {
			wrong.Add("webhook_url", fault.CodeInvalid, "must be an http or https URL on this machine (127.0.0.1, ::1, localhost)")
		}
		if a.WebhookSecret.Empty() {
			wrong.Add("webhook_secret", fault.CodeInvalid, "must not be empty if there is a webhook_url")
		}
	}
}

// Shown is the merchant's name as a payer sees it.
func (a Account) Shown() string {
	if a.Merchant == "" {
		return "Test merchant"
	}
	return a.Merchant
}

// Loopback tells whether a host's name says this machine. What a name resolves to is checked once more when dialing.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Local refuses what a browser sends on behalf of a page from elsewhere, and a page that came by a name that was made to point here.
func Local(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(forbid))
	guarded := guard.Handler(next)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			host := r.Host
			if name, _, err := net.SplitHostPort(host); err == nil {
				host = name
			}
			if u, err := url.Parse(origin); err != nil || !Loopback(u.Hostname()) || !Loopback(host) {
				forbid(rw, r)
				return
			}
		}
		r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
		guarded.ServeHTTP(rw, r)
	})
}

func forbid(rw http.ResponseWriter, _ *http.Request) {
	Write(rw, http.StatusForbidden, problem{"forbidden", "not from a page of another origin"})
}

// ReadBody reads a JSON body, or a form, whose fields must have the names that the JSON has. An empty body is none.
func ReadBody(r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "application/x-www-form-urlencoded" {
		return readForm(r, into)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fault.New(fault.Malformed, fault.CodeInvalid, "the body cannot be read: at most 64 KiB")
	}
	if len(body) == 0 {
		return nil
	}
	return Decode(body, into)
}

// textFields are never numbers, whatever a form's reader typed.
var textFields = []string{"code", "bank", "method", "api_key", "reason"}

// readForm turns a form into the JSON that Decode reads, digits into numbers.
func readForm(r *http.Request, into any) error {
	if err := r.ParseForm(); err != nil {
		return Unreadable()
	}
	fields := map[string]any{}
	for name, values := range r.PostForm {
		if name == "back" || values[0] == "" {
			continue
		}
		fields[name] = values[0]
		if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && !slices.Contains(textFields, name) {
			fields[name] = n
		}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return Decode(body, into)
}

// Conclude answers a control call: JSON, or for a form the page it came from.
func (s *Stage) Conclude(rw http.ResponseWriter, r *http.Request, v any, err error) {
	s.front.Conclude(rw, r, v, err)
}

// Standing is whether the world answers.
type Standing struct {
	Name  string     `json:"name"`
	Up    bool       `json:"up"`
	Mode  string     `json:"mode,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// Standing is whether the world answers now.
func (s *Stage) Standing() Standing {
	mode, until, down := s.down.now(s.o.Clock.Now())
	if !down {
		return Standing{Name: s.world.Name, Up: true}
	}
	return Standing{Name: s.world.Name, Mode: mode, Until: &until}
}

// Down takes the world down for a while: mode is unavailable (503 not_accepted; also the empty mode), hang (no answer) or refuse (the
// connection is reset). Nothing that comes meanwhile is processed. It fails with fault.Invalid on another mode or more than an hour.
func (s *Stage) Down(d time.Duration, mode string) error {
	mode, err := CheckOutage(d, mode)
	if err != nil {
		return err
	}
	s.down.set(mode, s.o.Clock.Now().Add(d))
	return nil
}

// Up ends an outage.
func (s *Stage) Up() { s.down.set("", time.Time{}) }

func (s *Stage) postDown(rw http.ResponseWriter, r *http.Request) {
	var body OutageAsked
	err := ReadBody(r, &body)
	if err == nil {
		err = s.Down(body.For(), body.Mode)
	}
	s.Conclude(rw, r, s.Standing(), err)
}

func (s *Stage) postUp(rw http.ResponseWriter, r *http.Request) {
	s.Up()
	s.Conclude(rw, r, s.Standing(), nil)
}

func (s *Stage) postAccount(rw http.ResponseWriter, r *http.Request) {
	var a Account
	err := ReadBody(r, &a)
	if err == nil {
		err = s.Register(a)
	}
	s.Conclude(rw, r, map[string]string{"merchant": a.Shown(), "webhook_url": a.WebhookURL}, err)
}

// ReadQuery reads the filters of a list: reference, status, q (anywhere in the stored piece), before, limit.
func ReadQuery(r *http.Request) (Query, error) {
	const pageSize, maxPageSize = 50, 500
	v := r.URL.Query()
	q := Query{Reference: v.Get("reference"), Status: v.Get("status"), Text: v.Get("q"), Limit: pageSize}
	var wrong fault.Collect
	if text := v.Get("before"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			wrong.Add("before", fault.CodeInvalid, "must be a seq")
		}
		q.Before = n
	}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPageSize {
			wrong.Add("limit", fault.CodeInvalid, fmt.Sprintf("must be 1 to %d", maxPageSize))
		}
		q.Limit = n
	}
	return q, wrong.Err()
}
