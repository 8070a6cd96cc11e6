package risk_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/risk"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	shop        = "acct_shop:test"
	fingerprint = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	signals     = `{"fingerprint":"` + fingerprint + `","time_zone":"Europe/Berlin","utc_offset":60,"languages":["de-DE","en"],
		"page_millis":48211,"behaviour":{"keystrokes":19,"pastes":1,"millis":8400}}`
)

// atlas is a fake of what a GeoIP file knows.
type atlas map[netip.Addr]string

var errAtlas = errors.New("the file is broken")

func (a atlas) Country(ip netip.Addr) (string, error) {
	if a == nil {
		return "", errAtlas
	}
	return a[ip], nil
}

func each(t *testing.T, countries risk.Countries, test func(t *testing.T, hands *clock.Manual, s *risk.DeviceSessions)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		hands := clock.NewManual(noon)
		test(t, hands, risk.NewDeviceSessions(d, risk.Options{Clock: hands, IDs: id.NewSource(hands, rand.Reader), Countries: countries}))
	}, risk.Schema)
}

func open(t *testing.T, s *risk.DeviceSessions, tenant, signals string, facts risk.RequestFacts) string {
	t.Helper()
	session, err := s.Open(t.Context(), tenant, json.RawMessage(signals), facts)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func TestADeviceSessionComesBackAsItWasTold(t *testing.T) {
	berlin := netip.MustParseAddr("192.0.2.7")
	each(t, atlas{berlin: "DE"}, func(t *testing.T, _ *clock.Manual, s *risk.DeviceSessions) {
		session := open(t, s, shop, signals, risk.RequestFacts{IP: netip.MustParseAddr("::ffff:192.0.2.7"), UserAgent: "Mozilla/5.0 (X11)"})
		if !id.Has(session, id.DeviceSession) {
			t.Errorf("the id is %q", session)
		}
		got, err := s.Get(t.Context(), shop, session)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != session || got.Merchant != shop || got.IP != berlin || got.Country != "DE" || got.UserAgent != "Mozilla/5.0 (X11)" || !got.CreatedAt.Equal(noon) {
			t.Errorf("got %+v", got)
		}
		said := got.Signals
		if said.Fingerprint != fingerprint || said.TimeZone != "Europe/Berlin" || said.UTCOffset != 60 || len(said.Languages) != 2 ||
			said.PageMillis != 48211 || said.Behaviour != (risk.Behaviour{Keystrokes: 19, Pastes: 1, Millis: 8400}) {
			t.Errorf("signals %+v", said)
		}
		if fit := got.ZoneFit(); fit != risk.Fits {
			t.Errorf("Berlin's zone in Germany: %s", fit)
		}
	})
}

func TestASessionWithoutAnAddressHasNoCountry(t *testing.T) {
	for name, countries := range map[string]risk.Countries{"with a file": atlas{}, "without a file": nil} {
		t.Run(name, func(t *testing.T) {
			each(t, countries, func(t *testing.T, _ *clock.Manual, s *risk.DeviceSessions) {
				got, err := s.Get(t.Context(), shop, open(t, s, shop, signals, risk.RequestFacts{}))
				if err != nil || got.IP.IsValid() || got.Country != "" || got.ZoneFit() != risk.Unknown {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		})
	}
}

func TestABrokenGeoIPFileIsToldNotHidden(t *testing.T) {
	each(t, atlas(nil), func(t *testing.T, _ *clock.Manual, s *risk.DeviceSessions) {
		_, err := s.Open(t.Context(), shop, json.RawMessage(signals), risk.RequestFacts{IP: netip.MustParseAddr("192.0.2.7")})
		if !errors.Is(err, errAtlas) {
			t.Errorf("got %v", err)
		}
	})
}

func TestASessionBelongsToOneTenant(t *testing.T) {
	each(t, nil, func(t *testing.T, _ *clock.Manual, s *risk.DeviceSessions) {
		session := open(t, s, shop, signals, risk.RequestFacts{})
		for _, other := range []string{"acct_shop:live", "acct_other:test"} {
			if _, err := s.Get(t.Context(), other, session); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", other, err)
			}
		}
	})
}

func TestSessionsArePrunedAfterNinetyDays(t *testing.T) {
	each(t, nil, func(t *testing.T, hands *clock.Manual, s *risk.DeviceSessions) {
		old := open(t, s, shop, signals, risk.RequestFacts{})
		hands.Advance(time.Hour)
		young := open(t, s, "acct_other:live", signals, risk.RequestFacts{})
		hands.Advance(90*24*time.Hour - time.Hour)
		if n, err := s.Prune(t.Context()); n != 0 || err != nil {
			t.Errorf("on the last moment of the 90th day: pruned %d, %v", n, err)
		}
		hands.Advance(time.Microsecond)
		if _, err := s.Get(t.Context(), shop, old); !fault.Is(err, fault.NotFound) {
			t.Errorf("over, and not pruned yet: %v", err)
		}
		if n, err := s.Prune(t.Context()); n != 1 || err != nil {
			t.Errorf("pruned %d, %v", n, err)
		}
		hands.Advance(-time.Hour) // what is pruned is gone, not only hidden
		if _, err := s.Get(t.Context(), shop, old); !fault.Is(err, fault.NotFound) {
			t.Errorf("the old one: %v", err)
		}
		if _, err := s.Get(t.Context(), "acct_other:live", young); err != nil {
			t.Errorf("the young one: %v", err)
		}
	})
}

func TestAUserAgentIsCutAndCleaned(t *testing.T) {
	each(t, nil, func(t *testing.T, _ *clock.Manual, s *risk.DeviceSessions) {
		for said, want := range map[string]string{
			"a\x00b\r\nc\xffd":              "abcd",
			strings.Repeat("é", 300):        strings.Repeat("é", 256),
			"x" + strings.Repeat("é", 300):  "x" + strings.Repeat("é", 255),
			strings.Repeat("x", 512) + "yy": strings.Repeat("x", 512),
		} {
			got, err := s.Get(t.Context(), shop, open(t, s, shop, signals, risk.RequestFacts{UserAgent: said}))
			if err != nil || got.UserAgent != want {
				t.Errorf("%q became %q, %v", said, got.UserAgent, err)
			}
		}
	})
}

func TestSignalsOfAnotherShapeAreRefused(t *testing.T) {
	with := func(more string) string { return `{"fingerprint":"` + fingerprint + `",` + more + `}` }
	for name, c := range map[string]struct {
		raw   string
		kind  fault.Kind
		param string
	}{
		"nothing":            {``, fault.Malformed, ""},
		"null fingerprint":   {`{"fingerprint":null}`, fault.Invalid, "fingerprint"},
		"a list":             {`[]`, fault.Malformed, ""},
		"two objects":        {`{"fingerprint":"` + fingerprint + `"}{}`, fault.Malformed, ""},
		"a bracket behind":   {`{"fingerprint":"` + fingerprint + `"}]`, fault.Malformed, ""},
		"a foreign field":    {with(`"canvas":"data"`), fault.Malformed, ""},
		"a foreign count":    {with(`"behaviour":{"keys":"4242"}`), fault.Malformed, ""},
		"a fraction":         {with(`"page_millis":1.5`), fault.Malformed, ""},
		"a short hash":       {`{"fingerprint":"9f86"}`, fault.Invalid, "fingerprint"},
		"an upper-case hash": {`{"fingerprint":"` + strings.ToUpper(fingerprint) + `"}`, fault.Invalid, "fingerprint"},
		"markup for a zone":  {with(`"time_zone":"<b>"`), fault.Invalid, "time_zone"},
		"an endless zone":    {with(`"time_zone":"` + strings.Repeat("a", 65) + `"`), fault.Invalid, "time_zone"},
		"a day of offset":    {with(`"utc_offset":1440`), fault.Invalid, "utc_offset"},
		"17 languages":       {with(`"languages":["a` + strings.Repeat(`","a`, 16) + `"]`), fault.Invalid, "languages"},
		"no language":        {with(`"languages":["de",""]`), fault.Invalid, "languages[1]"},
		"time before time":   {with(`"page_millis":-1`), fault.Invalid, "page_millis"},
		"typing of a robot":  {with(`"behaviour":{"keystrokes":1000000001}`), fault.Invalid, "behaviour.keystrokes"},
		"pastes below none":  {with(`"behaviour":{"pastes":-1}`), fault.Invalid, "behaviour.pastes"},
		"ages in a field":    {with(`"behaviour":{"millis":99999999999}`), fault.Invalid, "behaviour.millis"},
		"another's id":       {with(`"previous":"pay_01arz3ndektsv4rrffq69g5fav"`), fault.Invalid, "previous"},
		"more than 4 KiB":    {with(`"languages":["de"]` + strings.Repeat(" ", 4096)), fault.TooLarge, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := risk.ReadSignals(json.RawMessage(c.raw))
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != c.kind || f.Param != c.param {
				t.Errorf("got %v (%#v)", err, f)
			}
		})
	}
}

func TestARefusedSessionIsNotKept(t *testing.T) {
	each(t, nil, func(t *testing.T, hands *clock.Manual, s *risk.DeviceSessions) {
		if session, err := s.Open(t.Context(), shop, json.RawMessage(`{}`), risk.RequestFacts{}); err == nil || session != "" {
			t.Errorf("opened %q, %v", session, err)
		}
		hands.Advance(2 * risk.KeepDeviceSessions)
		if n, err := s.Prune(t.Context()); n != 0 || err != nil {
			t.Errorf("%d rows were written, %v", n, err)
		}
	})
}

func FuzzSignals(f *testing.F) {
	f.Add(signals)
	f.Add(`{"fingerprint":"","languages":[],"previous":"ds_"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		read, err := risk.ReadSignals(json.RawMessage(raw))
		if err != nil {
			return
		}
		again, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := risk.ReadSignals(again); err != nil {
			t.Errorf("%s was taken, and written as %s, which is not: %v", raw, again, err)
		}
	})
}
