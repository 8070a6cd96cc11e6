package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// browserRequest is the payer's browser in a body.
type browserRequest struct {
	AcceptHeader      string `json:"accept_header"`
	UserAgent         string `json:"user_agent"`
	Language          string `json:"language"`
	IP                string `json:"ip"`
	ColorDepth        int    `json:"color_depth"`
	ScreenHeight      int    `json:"screen_height"`
	ScreenWidth       int    `json:"screen_width"`
	TimeZone          int    `json:"time_zone"`
	JavaEnabled       bool   `json:"java_enabled"`
	JavaScriptEnabled bool   `json:"javascript_enabled"`
}

// authenticationRequest is the body of an authentication.
type authenticationRequest struct {
	Reference          string         `json:"reference"`
	Amount             int64          `json:"amount"`
	Currency           string         `json:"currency"`
	Card               cardRequest    `json:"card"`
	ChallengeIndicator string         `json:"challenge_indicator"`
	Exemption          string         `json:"exemption"`
	NotificationURL    string         `json:"notification_url"`
	Browser            browserRequest `json:"browser"`
}

// challengeIndicators are those of the specification, and 10, low value, which Visa and version 2.3 add.
var challengeIndicators = []string{"01", "02", "03", "04", "05", "06", "07", "08", "09", "10"}

const (
	maxNotification = 2048 // characters of a URL
	maxBrowserText  = 2048
)

func (r *authenticationRequest) check() error {
	var wrong fault.Collect
	stage.CheckReference(&wrong, "reference", r.Reference)
	stage.CheckAmount(&wrong, r.Amount)
	if _, err := money.ParseCurrency(r.Currency); err != nil {
		wrong.Add("currency", fault.CodeCurrency, "is not an ISO 4217 code")
	}
	r.Card.check(&wrong)
	if r.ChallengeIndicator == "" {
		r.ChallengeIndicator = "01"
	}
	if !slices.Contains(challengeIndicators, r.ChallengeIndicator) {
		wrong.Add("challenge_indicator", fault.CodeInvalid, "must be 01 to 10")
	}
	if len(r.Exemption) > 32 {
		wrong.Add("exemption", fault.CodeInvalid, "must be at most 32 characters")
	}
	u, err := url.Parse(r.NotificationURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(r.NotificationURL) > maxNotification {
		wrong.Add("notification_url", fault.CodeInvalid, "must be an absolute http or https URL of at most 2048 characters")
	}
	for field, text := range map[string]string{"accept_header": r.Browser.AcceptHeader, "user_agent": r.Browser.UserAgent,
		"language": r.Browser.Language, "ip": r.Browser.IP} {
		if len(text) > maxBrowserText {
			wrong.Add("browser."+field, fault.CodeInvalid, "must be at most 2048 characters")
		}
	}
	return wrong.Err()
}

// areq is the message that the request becomes. The request is checked.
func (r *authenticationRequest) areq(merchant, date string) AReq {
	currency, err := money.ParseCurrency(r.Currency)
	if err != nil {
		panic(err) // checked
	}
	return AReq{
		MessageCategory: "01", DeviceChannel: "02", ThreeDSCompInd: "U", ThreeDSRequestorAuthenticationInd: "01",
		ThreeDSRequestorChallengeInd: r.ChallengeIndicator, AcctNumber: r.Card.Number.masked(),
		CardExpiryDate: fmt.Sprintf("%02d%02d", r.Card.ExpYear%100, r.Card.ExpMonth), MerchantName: merchant,
		PurchaseAmount: strconv.FormatInt(r.Amount, 10), PurchaseCurrency: currency.Numeric(), PurchaseExponent: strconv.Itoa(currency.Exponent()),
		PurchaseDate: date, TransType: "01", NotificationURL: r.NotificationURL,
		BrowserAcceptHeader: r.Browser.AcceptHeader, BrowserUserAgent: r.Browser.UserAgent, BrowserLanguage: r.Browser.Language, BrowserIP: r.Browser.IP,
		BrowserColorDepth: digits(r.Browser.ColorDepth), BrowserScreenHeight: digits(r.Browser.ScreenHeight), BrowserScreenWidth: digits(r.Browser.ScreenWidth),
		BrowserTZ: strconv.Itoa(r.Browser.TimeZone), BrowserJavaEnabled: r.Browser.JavaEnabled, BrowserJavascriptEnabled: r.Browser.JavaScriptEnabled,
	}
}

// postAuthentication is the 3-D Secure server, the directory server and the issuer's ACS in one: AReq in, ARes out.
func (w *World) postAuthentication(c caller) (int, any, fate, error) {
	var r authenticationRequest
	if err := stage.Decode(c.body, &r); err != nil {
		return 0, nil, processed, err
	}
	if err := r.check(); err != nil {
		return 0, nil, processed, err
	}
	p, err := r.Card.scenario(c.acquirer)
	if err != nil {
		return 0, nil, processed, err
	}
	end := p.fateOf(Authenticate)
	if end.Before() {
		return 0, nil, processed, stage.NotProcessed(end)
	}
	now := w.o.Clock.Now()
	a := &Authentication{ID: w.o.IDs.New(id.Prefix(c.name + "_3ds")), Reference: r.Reference, Acquirer: c.name, Amount: r.Amount, Currency: r.Currency,
		Card: r.Card.kept(), Exemption: r.Exemption, Scenario: p.String(), AReq: r.areq(c.account.merchant(), now.Format("20060102150405"))}
	status, reason := recognize(r.Card.Number, a.Card.ExpMonth, a.Card.ExpYear, now)
	if err := begin(a, status, reason, acsURL(c.request), now, w.o.Random); err != nil {
		return 0, nil, processed, err
	}
	var existing *authenticationRow
	err = w.store.do(func(b *batch) (err error) {
		existing, err = b.createAuthentication(c.account.number, a)
		return err
	})
	switch {
	case err != nil:
		return 0, nil, processed, err
	case existing == nil:
		return http.StatusCreated, a.shown(), end, nil
	case !existing.asksSame(a):
		return 0, nil, processed, stage.ErrReused
	}
	return http.StatusOK, existing.first(), processed, nil
}

// acsURL is where this world's challenges are, by the name that the caller knows it by.
func acsURL(r *http.Request) string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: pathChallenge}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// findAuthentication is the inquiry, by the caller's reference.
func (w *World) findAuthentication(c caller) (int, any, fate, error) {
	reference := c.request.URL.Query().Get("reference")
	if reference == "" {
		return 0, nil, processed, fault.Wrong("reference", fault.CodeInvalid, "must be given")
	}
	rows, err := w.store.authentications(query{account: c.account.number, reference: reference, limit: 1})
	if err != nil {
		return 0, nil, processed, err
	}
	if len(rows) == 0 {
		return 0, nil, processed, fault.Missing("authentication")
	}
	a := &rows[0].Authentication
	if a.overdue(w.o.Clock.Now()) {
		if a, err = w.settled(a.ARes.ACSTransID); err != nil {
			return 0, nil, processed, err
		}
	}
	return http.StatusOK, a.shown(), processed, nil
}

// settled is the authentication of an ACS transaction as it is now: a challenge whose time is over is ended first.
// It fails with fault.NotFound.
func (w *World) settled(acsTransID string) (*Authentication, error) {
	return w.touch(byACS(acsTransID), nil)
}

// touch finds an authentication on the writer, ends its challenge if the time is over, and lets change do more; nil: nothing
// more. It fails with fault.NotFound, or as change does; what was overdue is ended all the same.
func (w *World) touch(find func(*batch) (*authenticationRow, error), change func(*Authentication) error) (*Authentication, error) {
	var after Authentication
	var refused error
	err := w.store.do(func(b *batch) error {
		r, err := find(b)
		if err != nil {
			return err
		}
		if r == nil {
			return fault.Missing("authentication")
		}
		now := w.o.Clock.Now()
		over := r.overdue(now)
		if over {
			r.runOut(now)
		}
		if change != nil {
			refused = change(&r.Authentication)
		}
		after = r.Authentication
		if !over && (change == nil || refused != nil) {
			return nil
		}
		return b.saveAuthentication(r)
	})
	if err == nil {
		err = refused
	}
	return &after, err
}

// expireChallenges ends the open challenges whose time is over, and tells whether there may be more.
func (w *World) expireChallenges(b *batch) (more bool, err error) {
	now := w.o.Clock.Now()
	rows, err := b.overdueAuthentications(now, sweepLimit)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		r.runOut(now)
		if err := b.saveAuthentication(r); err != nil {
			return false, err
		}
	}
	return len(rows) == sweepLimit, nil
}

// Challenge makes a move of an open challenge without a browser, as the panel's buttons do: pass, fail, cancel or time_out.
// It fails with fault.NotFound if there is no such authentication or move, with fault.Conflict if no challenge is open.
func (w *World) Challenge(authentication, move string) (Authentication, error) {
	if !isChallengeEvent(move) {
		return Authentication{}, fmt.Errorf("%s %s: %w", move, authentication, fault.Missing("event"))
	}
	a, err := w.touch(func(b *batch) (*authenticationRow, error) {
		return b.authentication(b.authenticationByID, authentication)
	}, func(a *Authentication) error { return a.play(move, "", w.o.Clock.Now(), w.o.Random) })
	if err != nil {
		return Authentication{}, fmt.Errorf("%s %s: %w", move, authentication, err)
	}
	return *a, nil
}
