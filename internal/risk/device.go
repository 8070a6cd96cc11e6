// Package risk knows what can be told of the device that pays: what its browser said of itself, where its request came
// from, and whether the two agree. What florin.js collects and why is in docs/florin-js.md.
package risk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Signals are what a browser tells of itself. A browser can lie: they are hints, never proof.
type Signals struct {
	Fingerprint string    `json:"fingerprint"`          // SHA-256 in lower-case hex: the same on each visit of a browser
	TimeZone    string    `json:"time_zone,omitempty"`  // of the tz database, such as Europe/Berlin
	UTCOffset   int       `json:"utc_offset,omitempty"` // minutes that the payer's time is ahead of UTC
	Languages   []string  `json:"languages,omitempty"`  // BCP 47, the preferred one first
	Automated   bool      `json:"automated,omitempty"`  // the browser says that a program drives it
	PageMillis  int64     `json:"page_millis"`          // how long the page was open
	Behaviour   Behaviour `json:"behaviour"`            // in the card fields, all of them together
	Previous    string    `json:"previous,omitempty"`   // ds_…, the session that this one carries on
}

// Behaviour counts what was done in the card fields: how often and how long, never what.
type Behaviour struct {
	Keystrokes int64 `json:"keystrokes"`
	Pastes     int64 `json:"pastes"`
	Millis     int64 `json:"millis"` // between the first key and the last of each field
}

// RequestFacts are what the request itself tells. A browser cannot make up its address.
type RequestFacts struct {
	IP        netip.Addr // of the payer; the zero Addr if nobody knows
	UserAgent string
}

// DeviceSession is one browser on one page, as it was when it said so.
type DeviceSession struct {
	Merchant  string // the tenant
	ID        string // ds_…
	Signals   Signals
	IP        netip.Addr // the zero Addr if nobody knows
	Country   string     // of the address, ISO 3166-1 alpha-2; empty if nobody knows
	UserAgent string
	CreatedAt time.Time
}

// ZoneFit tells whether the browser's time zone is one of the country that its address is in.
func (s DeviceSession) ZoneFit() Fit { return ZoneFit(s.Signals.TimeZone, s.Country) }

// Bounds of what a browser may say.
const (
	maxSignals   = 4 << 10 // bytes of JSON
	maxUserAgent = 512     // bytes; the rest is cut off
	maxLanguages = 16
	maxCount     = 1_000_000_000
	maxMillis    = int64(366 * 24 * time.Hour / time.Millisecond)
	maxOffset    = 14 * 60 // minutes; the line islands
)

var (
	hash256  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	zoneName = regexp.MustCompile(`^[A-Za-z0-9_+/-]{1,64}$`)
	langTag  = regexp.MustCompile(`^[A-Za-z0-9-]{1,35}$`)
)

// ReadSignals reads what a browser said. It fails with fault.TooLarge over 4 KiB, with fault.Malformed if it is not one
// JSON object of this shape and no more, and with fault.Invalid, naming every field, if a value is out of bounds.
func ReadSignals(raw json.RawMessage) (Signals, error) {
	if len(raw) > maxSignals {
		return Signals{}, fault.New(fault.TooLarge, "signals_too_large", "a device session has at most 4096 bytes")
	}
	var s Signals
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&s)
	if _, end := d.Token(); err != nil || end != io.EOF {
		return Signals{}, fault.New(fault.Malformed, "signals_malformed", "a device session is one JSON object with the fields of docs/florin-js.md")
	}
	return s, s.check()
}

func (s Signals) check() error {
	var wrong fault.Collect
	refuse := func(bad bool, param, detail string) {
		if bad {
			wrong.Add(param, fault.CodeInvalid, detail)
		}
	}
	count := func(n, most int64, param string) {
		refuse(n < 0 || n > most, param, fmt.Sprintf("between 0 and %d", most))
	}
	refuse(!hash256.MatchString(s.Fingerprint), "fingerprint", "64 characters of lower-case hex")
	refuse(s.TimeZone != "" && !zoneName.MatchString(s.TimeZone), "time_zone", "a name of the tz database")
	refuse(s.UTCOffset < -maxOffset || s.UTCOffset > maxOffset, "utc_offset", "minutes, at most 14 hours")
	refuse(len(s.Languages) > maxLanguages, "languages", "at most 16")
	for i, tag := range s.Languages {
		refuse(!langTag.MatchString(tag), fmt.Sprintf("languages[%d]", i), "a language tag")
	}
	count(s.PageMillis, maxMillis, "page_millis")
	count(s.Behaviour.Keystrokes, maxCount, "behaviour.keystrokes")
	count(s.Behaviour.Pastes, maxCount, "behaviour.pastes")
	count(s.Behaviour.Millis, maxMillis, "behaviour.millis")
	refuse(s.Previous != "" && !id.Has(s.Previous, id.DeviceSession), "previous", "the id of a device session")
	return wrong.Err()
}

// Countries tells which country an address is in.
type Countries interface {
	// Country is the ISO 3166-1 alpha-2 code of an address; empty if nobody knows.
	Country(ip netip.Addr) (string, error)
}

// Options are what device sessions need.
type Options struct {
	Clock     clock.Clock
	IDs       *id.Source
	Countries Countries // nil: every country is unknown
}

// DeviceSessions opens, reads and prunes device sessions.
type DeviceSessions struct {
	db        *db.DB
	clock     clock.Clock
	ids       *id.Source
	countries Countries
}

// NewDeviceSessions keeps device sessions in a database that has Schema.
func NewDeviceSessions(d *db.DB, o Options) *DeviceSessions {
	return &DeviceSessions{db: d, clock: o.Clock, ids: o.IDs, countries: o.Countries}
}

// Open keeps what a browser said of itself, beside what its request tells, and gives the session's id. It fails as
// ReadSignals does.
func (s *DeviceSessions) Open(ctx context.Context, tenant string, signals json.RawMessage, facts RequestFacts) (string, error) {
	said, err := ReadSignals(signals)
	if err != nil {
		return "", err
	}
	session := DeviceSession{
		Merchant: tenant, ID: s.ids.New(id.DeviceSession), Signals: said, IP: facts.IP.Unmap().WithZone(""),
		UserAgent: printable(facts.UserAgent), CreatedAt: s.clock.Now(),
	}
	if s.countries != nil && session.IP.IsValid() {
		if session.Country, err = s.countries.Country(session.IP); err != nil {
			return "", fmt.Errorf("open a device session: %w", err)
		}
	}
	row, err := session.row()
	if err != nil {
		return "", fmt.Errorf("open a device session: %w", err)
	}
	if err := s.db.Commit(ctx, db.NewChange(tenant, row)); err != nil {
		return "", fmt.Errorf("open a device session: %w", err)
	}
	return session.ID, nil
}

// printable is a header's text without what a database or a log would choke on, cut to its bound.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > maxUserAgent {
		text = strings.ToValidUTF8(text[:maxUserAgent], "") // the cut may go through a character
	}
	return text
}
