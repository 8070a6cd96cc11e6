package provider

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

func eur(minor int64) money.Money { return in("EUR", minor) }

func in(code string, minor int64) money.Money {
	c, err := money.ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

func TestAFailedSendHasItsClass(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want Class
	}{
		"not sent":               {fmt.Errorf("send: %w: %w", vault.ErrNotSent, errors.New("refused")), NotSent},
		"not sent in time":       {fmt.Errorf("%w: %w", vault.ErrNotSent, context.DeadlineExceeded), NotSent},
		"no answer in time":      {fmt.Errorf("send: %w", context.DeadlineExceeded), Unknown},
		"no answer, says net":    {&url.Error{Op: "Post", URL: "https://x", Err: context.DeadlineExceeded}, Unknown},
		"caller gone":            {fmt.Errorf("send: %w", context.Canceled), Unknown},
		"anything else":          {errors.New("connection reset"), Unknown},
		"an answer that is long": {errors.New(strings.Repeat("x", 10_000)), Unknown},
	} {
		o := FromSend(c.err)
		if o.Class != c.want || o.Detail == "" || len(o.Detail) > 400 {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestAnInquiryThatFailedProvesNothing(t *testing.T) {
	for name, f := range map[string]Finding{
		"not sent": Unanswered(FromSend(vault.ErrNotSent)), "refused": Unanswered(Refused(ProcessingError, "401", "")), "doubt": Found(Doubt("?")), "nothing": {},
	} {
		if f.Found || f.Outcome.Class != Unknown {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := NotFound(); f.Found || f.Outcome.Class == Unknown || f.Outcome.State != Missing {
		t.Errorf("not found: %+v", f)
	}
	if f := Found(Refused(DoNotHonor, "05", "")); !f.Found || f.Outcome.Class != Declined {
		t.Errorf("a decline that was found: %+v", f)
	}
	if o := Absent("x"); o.Class != Declined || o.State != Missing {
		t.Errorf("absent: %+v", o)
	}
}

func TestAmountsAreConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		said, asked money.Money
		ok          bool
	}{
		"the same":         {eur(100), eur(100), true},
		"less":             {eur(99), eur(100), true}, // a provider may approve a part; who asked decides
		"more":             {eur(101), eur(100), false},
		"nothing":          {eur(0), eur(100), false},
		"below nothing":    {eur(-1), eur(100), false},
		"dollars":          {in("USD", 100), eur(100), false},
		"no currency":      {money.Money{}, eur(100), false},
		"of what, unknown": {eur(100), money.Money{}, true},
		"as much as fits":  {eur(math.MaxInt64), eur(math.MaxInt64), true},
	} {
		if doubt := Confirm(c.said, c.asked); (doubt == "") != c.ok {
			t.Errorf("%s: %q", name, doubt)
		}
	}
}

// The codes, the retry kinds and what is hidden from the payer are the contract's.
func TestTheDeclineTableIsTheContracts(t *testing.T) {
	contract := strings.Fields(`insufficient_funds do_not_honor generic_decline stolen_card lost_card pickup_card expired_card
		incorrect_cvc incorrect_number limit_exceeded velocity_exceeded risk_decline authentication_required authentication_failed
		bank_unavailable issuer_unavailable processing_error not_permitted transaction_not_allowed invalid_account stop_payment
		duplicate_transaction do_not_try_again consent_declined`)
	slices.Sort(contract)
	var codes []string
	for _, c := range Codes() {
		codes = append(codes, string(c))
		m := Explain(c)
		if m.Category == "" || m.Text == "" || !slices.Contains([]Retry{RetryNever, RetryLater, RetryFixData, RetryWith3DS, RetryOtherProvider}, m.Retry) {
			t.Errorf("%s: %+v", c, m)
		}
		if (m.Retry == RetryLater) != (m.After > 0) {
			t.Errorf("%s is retried %s after %s", c, m.Retry, m.After)
		}
		hidden := slices.Contains([]DeclineCode{StolenCard, LostCard, PickupCard, RiskDecline}, c)
		if hidden && (m.Payer != GenericDecline || m.Text != Explain(GenericDecline).Text) || !hidden && m.Payer != c {
			t.Errorf("%s reaches the payer as %s: %s", c, m.Payer, m.Text)
		}
	}
	if !slices.Equal(codes, contract) {
		t.Errorf("codes %v, want %v", codes, contract)
	}
	for _, c := range append(Codes(), "moon_phase") {
		if of := TextOf(MethodCard, c); of != Explain(c).Text || of != TextOf("", c) || of != TextOf(MethodWallet, c) {
			t.Errorf("%s of a card: %s", c, of)
		}
		for _, method := range []Method{MethodBankRedirect, MethodPIX, MethodIDEAL} {
			if of := TextOf(method, c); of == "" || strings.Contains(of, "card") {
				t.Errorf("%s of %s: %s", c, method, of)
			}
		}
	}
	if Explain("moon_phase") != Explain(GenericDecline) {
		t.Error("an unknown code is not a generic decline")
	}
	if m := (Decline{Code: InsufficientFunds, NetworkAdvice: "03"}).Meaning("visa"); m.Retry != RetryNever || m.After != 0 {
		t.Errorf("against the network's advice: %+v", m)
	}
	if m := (Decline{Code: InsufficientFunds, NetworkAdvice: "02"}).Meaning("visa"); m.Retry != RetryLater {
		t.Errorf("with the network's advice: %+v", m)
	}
}

func TestStampedSignatures(t *testing.T) {
	now := time.Unix(1_795_348_800, 0)
	body, key := []byte(`{"id":"evt_1"}`), secret.New("whsec_1")
	sign := func(at time.Time, key string) string {
		mac := hmac.New(sha256.New, []byte(key))
		fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
		return hex.EncodeToString(mac.Sum(nil))
	}
	good, other := sign(now, "whsec_1"), sign(now, "whsec_2")
	stamp := fmt.Sprintf("t=%d", now.Unix())
	for name, c := range map[string]struct {
		header string
		key    secret.Text
		after  time.Duration
		ok     bool
	}{
		"good":                   {stamp + ",v1=" + good, key, 0, true},
		"while a secret rolls":   {stamp + ",v1=" + other + ",v1=" + good, key, 0, true},
		"the other way round":    {stamp + ",v1=" + good + ",v1=" + other, key, 0, true},
		"with spaces":            {" " + stamp + " , v1=" + good, key, 0, true},
		"beside other schemes":   {"v0=" + other + "," + stamp + ",v1=" + good + ",x", key, 0, true},
		"at the edge":            {stamp + ",v1=" + good, key, signatureTolerance, true},
		"at the other edge":      {stamp + ",v1=" + good, key, -signatureTolerance, true},
		"too old":                {stamp + ",v1=" + good, key, signatureTolerance + time.Second, false},
		"ahead of time":          {stamp + ",v1=" + good, key, -signatureTolerance - time.Second, false},
		"old, stamped anew":      {fmt.Sprintf("t=%d", now.Add(time.Hour).Unix()) + ",v1=" + good, key, time.Hour, false},
		"other key":              {stamp + ",v1=" + other, key, 0, false},
		"old scheme only":        {stamp + ",v0=" + good, key, 0, false},
		"no stamp":               {"v1=" + good, key, 0, false},
		"a stamp that is none":   {"t=soon,v1=" + good, key, 0, false},
		"half a signature":       {stamp + ",v1=" + good[:32], key, 0, false},
		"no hex":                 {stamp + ",v1=zz" + good[2:], key, 0, false},
		"nothing":                {"", key, 0, false},
		"no key":                 {stamp + ",v1=" + sign(now, ""), secret.Text{}, 0, false},
		"a key that was emptied": {stamp + ",v1=" + sign(now, ""), secret.New(""), 0, false},
	} {
		err := VerifyStamped(c.key, c.header, body, now.Add(c.after))
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// needy is a connector that can do nothing but want.
type needy struct{ picky bool }

func (needy) Capabilities() Capabilities {
	return Capabilities{Secrets: []string{"api_key"}, Settings: []string{"base_url"}, DefaultOrigins: []string{"https://api.example"}}
}

func (n needy) AccountCapabilities(a Account) Capabilities {
	c := n.Capabilities()
	c.PartialCaptures = a.Settings["parts"] == "true"
	return c
}

func (n needy) CheckAccount(Account) error {
	if n.picky {
		return fault.Wrong("settings.mood", fault.CodeInvalid, "is bad")
	}
	return nil
}

func TestAccountsThatCannotWorkAreRefused(t *testing.T) {
	good := func() Account {
		return Account{Merchant: "acct_shop:test", ID: "alpha", Provider: "needy",
			Settings: map[string]string{"base_url": "https://api.example"}, Credentials: map[string]secret.Text{"api_key": secret.New("k")}}
	}
	registry := Registry{"needy": needy{}, "picky": needy{picky: true}}
	for name, c := range map[string]struct {
		change func(*Account)
		params string
	}{
		"good":                {func(*Account) {}, ""},
		"http to itself":      {func(a *Account) { a.Settings["base_url"] = "http://127.0.0.1:8090/alpha" }, ""},
		"no merchant's mode":  {func(a *Account) { a.Merchant = "acct_shop" }, "merchant"},
		"a name with a slash": {func(a *Account) { a.ID = "a/b" }, "id"},
		"a long name":         {func(a *Account) { a.ID = strings.Repeat("a", 41) }, "id"},
		"no provider":         {func(a *Account) { a.Provider = "" }, "provider"},
		"unknown provider":    {func(a *Account) { a.Provider = "nobody" }, "provider"},
		"http elsewhere":      {func(a *Account) { a.Settings["base_url"] = "http://api.example" }, "settings.base_url"},
		"user in the URL":     {func(a *Account) { a.Settings["base_url"] = "https://me@api.example" }, "settings.base_url"},
		"query in the URL":    {func(a *Account) { a.Settings["base_url"] = "https://api.example/?a=b" }, "settings.base_url"},
		"no host":             {func(a *Account) { a.Settings["base_url"] = "https:///x" }, "settings.base_url"},
		"another scheme":      {func(a *Account) { a.Settings["base_url"] = "ftp://127.0.0.1" }, "settings.base_url"},
		"missing setting":     {func(a *Account) { delete(a.Settings, "base_url") }, "settings.base_url"},
		"missing credential":  {func(a *Account) { delete(a.Credentials, "api_key") }, "credentials.api_key"},
		"strange credential":  {func(a *Account) { a.Credentials["pin"] = secret.New("1") }, "credentials.pin"},
		"a line break":        {func(a *Account) { a.Credentials["api_key"] = secret.New("k\r\nX: y") }, "credentials.api_key"},
		"a long value":        {func(a *Account) { a.Settings["x"] = strings.Repeat("x", 4097) }, "settings.x"},
		"a nameless setting":  {func(a *Account) { a.Settings[""] = "x" }, "settings"},
		"too many": {func(a *Account) {
			for i := range 50 {
				a.Settings[fmt.Sprint("s", i)] = "x"
			}
		}, "settings"},
		"its own reasons": {func(a *Account) { a.Provider = "picky" }, "settings.mood"},
	} {
		a := good()
		c.change(&a)
		err := CheckAccount(registry, a)
		if (err != nil) != (c.params != "") || err != nil && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.params)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "X: y") {
			t.Errorf("%s: the error shows the credential", name)
		}
	}
}

func TestWhereAnAccountsRequestsGo(t *testing.T) {
	for base, want := range map[string]string{
		"": "https://api.example", "https://proxy.example/stripe/": "https://proxy.example", "http://localhost:8090/alpha": "http://localhost:8090",
	} {
		got, err := Origins(needy{}, Account{Settings: map[string]string{"base_url": base}})
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%q: %v, %v", base, got, err)
		}
	}
	if got, err := Origins(needy{}, Account{Settings: map[string]string{"base_url": "http://api.example"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("in the clear: %v, %v", got, err)
	}
}

func TestWhatAConnectorCanDoIsAsked(t *testing.T) {
	r := Registry{"needy": needy{}}
	if _, err := Lookup[AccountChecker](r, "needy"); err != nil {
		t.Error(err)
	}
	if _, err := Lookup[Refunder](r, "needy"); err == nil || !strings.Contains(err.Error(), "Refunder") {
		t.Errorf("it refunds: %v", err)
	}
	if _, err := Lookup[Refunder](r, "nobody"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("nobody refunds: %v", err)
	}
	if CapabilitiesOf(needy{}, Account{}).PartialCaptures || !CapabilitiesOf(needy{}, Account{Settings: map[string]string{"parts": "true"}}).PartialCaptures {
		t.Error("the contract behind the account is not asked")
	}
}
