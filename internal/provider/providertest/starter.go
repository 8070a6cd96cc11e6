package providertest

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// Bankside is what the suite needs of a fake provider whose payers finish at their bank.
type Bankside struct {
	// Pay finishes a started payment: the payer approves it at their bank, or pays the code exactly.
	Pay func(t *testing.T, base string, a provider.Account, r provider.Start, out provider.Outcome)
	// Decline has the payer say no; nil: its payers cannot.
	Decline func(t *testing.T, base string, a provider.Account, r provider.Start, out provider.Outcome)
	// Kinds are what the payer of each method must do.
	Kinds map[provider.Method]provider.ActionKind
}

// RunStarter is the suite for a connector that starts payments and has no cards: what the core relies on.
func RunStarter(t *testing.T, s Subject) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Subject)
	}{
		{"Start", testStart},
		{"StartIsPaid", testStartIsPaid},
		{"StartIsDeclined", testStartIsDeclined},
		{"StartIsClosed", testStartIsClosed},
		{"LimitsAreKept", testLimits},
		{"StartIsReplayed", testStartReplay},
		{"RefundsOfAStart", testStartRefunds},
		{"FailedInquiryProvesNothing", testStartFailedInquiry},
		{"Faults", testStartFaults},
		{"NothingIsSentTwice", testStartNotSent},
		{"RequestsKeepToTheContract", testStartRequests},
		{"Banks", testBanks},
		{"Webhooks", testWebhooks},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// eachMethod runs a test with every method that the connector says it has, on a fake of its own.
func eachMethod(t *testing.T, s Subject, run func(t *testing.T, b *bench, r provider.Start)) {
	capabilities := s.New(Sender{}).Capabilities()
	if len(capabilities.Methods) == 0 || len(capabilities.Methods) != len(s.Bankside.Kinds) {
		t.Fatalf("the connector has the methods %v, the subject knows %v", capabilities.Methods, s.Bankside.Kinds)
	}
	for method, terms := range capabilities.Methods {
		t.Run(string(method), func(t *testing.T) {
			b := s.bench(t, "")
			run(t, b, b.startOf(t, method, terms.Currencies[0], max(terms.Min, 9232)))
		})
	}
}

func (b *bench) startOf(t *testing.T, method provider.Method, currency string, minor int64) provider.Start {
	t.Helper()
	return provider.Start{
		Reference: b.ids.New(id.Attempt), Payment: b.ids.New(id.Payment), Method: method, Amount: in(t, currency, minor),
		ReturnURL: "https://shop.example/return?a=1&b=2", Descriptor: "FLORIN SHOES", Description: `Order "17" & more`,
	}
}

func in(t testing.TB, code string, minor int64) money.Money {
	t.Helper()
	c, err := money.ParseCurrency(code)
	if err != nil {
		t.Fatal(err)
	}
	return money.Of(minor, c)
}

func (b *bench) start(t *testing.T, r provider.Start) provider.Outcome {
	t.Helper()
	return as[provider.Starter](t, b).Start(t.Context(), b.account, r)
}

// waiting starts a payment and expects that the payer must act.
func (b *bench) waiting(t *testing.T, r provider.Start) provider.Outcome {
	t.Helper()
	out := b.start(t, r)
	want(t, out, provider.Approved, provider.ActionRequired, r.Amount)
	return out
}

func (b *bench) asked(t *testing.T, op provider.Operation, reference, original, attempt string) provider.Finding {
	t.Helper()
	return as[provider.Inquirer](t, b).Inquire(t.Context(), b.account, provider.Inquiry{Operation: op, Reference: reference, Original: original, Attempt: attempt})
}

func testStart(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		if f := b.asked(t, provider.OpAuthorize, r.Reference, "", r.Reference); f.Found || f.Outcome.Class == provider.Unknown {
			t.Errorf("before the start an inquiry finds %+v", f)
		}
		out := b.waiting(t, r)
		if kind := out.Action.KindOf(); kind != s.Bankside.Kinds[r.Method] {
			t.Errorf("the payer must %s, want %s", kind, s.Bankside.Kinds[r.Method])
		}
		checkAction(t, out.Action)
		f := b.asked(t, provider.OpAuthorize, r.Reference, out.Reference, r.Reference)
		if !f.Found || f.Outcome != out || len(f.Transfers) != 0 {
			t.Errorf("an inquiry finds %+v, the start was %+v", f, out)
		}
		sooner := b.startOf(t, r.Method, r.Amount.Currency().Code(), r.Amount.Minor())
		sooner.ExpiresAt = out.Action.ExpiresAt.Add(-time.Minute)
		if at := b.waiting(t, sooner).Action.ExpiresAt; !at.Equal(sooner.ExpiresAt) {
			t.Errorf("it ends at %s, asked was %s", at, sooner.ExpiresAt)
		}
	})
}

func checkAction(t *testing.T, a provider.Action) {
	t.Helper()
	if a.ExpiresAt.IsZero() || a.ExpiresAt.Location() != time.UTC {
		t.Errorf("the action ends at %s", a.ExpiresAt)
	}
	switch a.KindOf() {
	case provider.ActionRedirect:
		if !strings.HasPrefix(a.URL, "http") || a.Code+a.CopyCode+a.Deeplink != "" {
			t.Errorf("a redirect of %+v", a)
		}
	case provider.ActionQR:
		if a.Code == "" || a.URL != "" {
			t.Errorf("a code of %+v", a)
		}
	case provider.ActionAwait:
		if a.URL+a.Code != "" {
			t.Errorf("a wait of %+v", a)
		}
	default:
		t.Errorf("the action is of kind %q", a.Kind)
	}
}

func testStartIsPaid(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		out := b.waiting(t, r)
		s.Bankside.Pay(t, b.account.Settings["base_url"], b.account, r, out)
		f := b.asked(t, provider.OpAuthorize, r.Reference, "", r.Reference)
		if !f.Found {
			t.Fatalf("an inquiry finds nothing: %+v", f)
		}
		want(t, f.Outcome, provider.Approved, provider.Captured, r.Amount)
		if out.Action.KindOf() == provider.ActionRedirect {
			return
		}
		if len(f.Transfers) != 1 || f.Transfers[0].Amount != r.Amount || f.Transfers[0].Reference == "" || f.Transfers[0].At.IsZero() {
			t.Errorf("the inquiry tells the transfers %+v", f.Transfers)
		}
	})
}

func testStartIsDeclined(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		out := b.waiting(t, r)
		if out.Action.KindOf() != provider.ActionRedirect {
			return // whoever does not like a code does not pay it
		}
		s.Bankside.Decline(t, b.account.Settings["base_url"], b.account, r, out)
		f := b.asked(t, provider.OpAuthorize, r.Reference, "", r.Reference)
		wantClass(t, f.Outcome, provider.Declined)
		if !f.Found || f.Outcome.Decline.Code != provider.ConsentDeclined {
			t.Errorf("an inquiry finds %+v", f)
		}
	})
}

// A start is given up by our reference of it alone, as often as is asked; one that is paid, or was never made, is not.
func testStartIsClosed(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		closeIt := func(reference string) provider.Outcome {
			return as[provider.Closer](t, b).Close(t.Context(), b.account, provider.Void{Reference: b.ids.New(id.Void), Attempt: reference})
		}
		if out := closeIt(r.Reference); out.Class != provider.Declined || out.State != provider.Missing {
			t.Errorf("what was never started is closed as %+v", out)
		}
		b.waiting(t, r)
		for range 2 {
			if out := closeIt(r.Reference); out.Class != provider.Approved || out.State != provider.Voided {
				t.Errorf("closed as %+v", out)
			}
		}
		if f := b.asked(t, provider.OpAuthorize, r.Reference, "", r.Reference); !f.Found || f.Outcome.State != provider.Voided {
			t.Errorf("an inquiry finds %+v", f)
		}
		paid := b.startOf(t, r.Method, r.Amount.Currency().Code(), r.Amount.Minor())
		out := b.waiting(t, paid)
		s.Bankside.Pay(t, b.account.Settings["base_url"], b.account, paid, out)
		if out := closeIt(paid.Reference); out.Class != provider.Declined {
			t.Errorf("what is paid is closed as %+v", out)
		}
	})
}

// What the terms say the provider says, too: its limits are taken, and what is beyond them is refused without a doubt.
func testLimits(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		terms := provider.CapabilitiesOf(b.connector, b.account).Methods[r.Method]
		currency := terms.Currencies[0]
		b.waiting(t, b.startOf(t, r.Method, currency, terms.Min))
		b.waiting(t, b.startOf(t, r.Method, currency, terms.Max))
		for _, wrong := range []provider.Start{
			b.startOf(t, r.Method, currency, terms.Min-1), b.startOf(t, r.Method, currency, terms.Max+1), b.startOf(t, r.Method, "JPY", terms.Min),
			b.startOf(t, provider.MethodCard, currency, terms.Min),
		} {
			if out := b.start(t, wrong); out.Class != provider.Declined || out.Decline.Code != provider.TransactionNotAllowed {
				t.Errorf("%s of %s: %+v", wrong.Method, wrong.Amount, out)
			}
		}
		if !terms.Refundable || terms.TTL <= 0 {
			t.Errorf("terms %+v", terms)
		}
	})
}

// startSteps prepares, without making them, a start and a refund of a payment that is paid.
func (b *bench) startSteps(t *testing.T, s Subject, r provider.Start) []step {
	t.Helper()
	paid := b.startOf(t, r.Method, r.Amount.Currency().Code(), r.Amount.Minor())
	out := b.waiting(t, paid)
	s.Bankside.Pay(t, b.account.Settings["base_url"], b.account, paid, out)
	refund := provider.Refund{Reference: b.ids.New(id.Refund), Original: out.Reference, Attempt: paid.Reference, Amount: paid.Amount, Reason: "requested_by_customer"}
	starter, refunder := as[provider.Starter](t, b), as[provider.Refunder](t, b)
	return []step{
		{"start", provider.OpAuthorize, r.Reference, provider.Authorization{Reference: r.Reference}, "", r.Amount, provider.ActionRequired,
			func(ctx context.Context) provider.Outcome { return starter.Start(ctx, b.account, r) }},
		{"refund", provider.OpRefund, refund.Reference, provider.Authorization{Reference: paid.Reference}, out.Reference, refund.Amount, "",
			func(ctx context.Context) provider.Outcome { return refunder.Refund(ctx, b.account, refund) }},
	}
}

func testStartReplay(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		for _, step := range b.startSteps(t, s, r) {
			before := len(b.requests.all())
			first, second := step.call(t.Context()), step.call(t.Context())
			wantClass(t, first, provider.Approved)
			if first != second {
				t.Errorf("%s: first %+v, then %+v", step.name, first, second)
			}
			sent := b.requests.all()[before:]
			if len(sent) != 2 || sent[0].URL != sent[1].URL || !bytes.Equal(sent[0].body, sent[1].body) || !maps.EqualFunc(sent[0].Header, sent[1].Header, equalSecret) {
				t.Errorf("%s: the request differs when it is made again", step.name)
			}
		}
	})
}

func testStartRefunds(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		out := b.waiting(t, r)
		refunder := as[provider.Refunder](t, b)
		refund := func(minor int64, transfer string) (provider.Refund, provider.Outcome) {
			asked := provider.Refund{Reference: b.ids.New(id.Refund), Original: out.Reference, Attempt: r.Reference, Transfer: transfer,
				Amount: money.Of(minor, r.Amount.Currency()), Reason: "requested_by_customer"}
			return asked, refunder.Refund(t.Context(), b.account, asked)
		}
		_, early := refund(1, "")
		wantClass(t, early, provider.Declined)
		s.Bankside.Pay(t, b.account.Settings["base_url"], b.account, r, out)
		transfer := ""
		if found := b.asked(t, provider.OpAuthorize, r.Reference, "", r.Reference); len(found.Transfers) > 0 {
			transfer = found.Transfers[0].Reference
		}
		for _, part := range []struct {
			minor    int64
			transfer string
		}{{1000, ""}, {r.Amount.Minor() - 1000, transfer}} {
			asked, made := refund(part.minor, part.transfer)
			wantClass(t, made, provider.Approved)
			if !slices.Contains([]provider.State{provider.Pending, provider.Succeeded}, made.State) || made.Amount != asked.Amount || made.Reference == "" {
				t.Errorf("refunded %+v", made)
			}
			f := b.asked(t, provider.OpRefund, asked.Reference, "", r.Reference)
			if !f.Found || f.Outcome.Class != provider.Approved || f.Outcome.Reference != made.Reference || f.Outcome.Amount != asked.Amount {
				t.Errorf("an inquiry finds %+v, the refund was %+v", f, made)
			}
		}
		_, more := refund(1, "")
		wantClass(t, more, provider.Declined)
		unknown := refunder.Refund(t.Context(), b.account, provider.Refund{Reference: b.ids.New(id.Refund), Original: "nothing", Attempt: r.Reference, Amount: r.Amount})
		want(t, unknown, provider.Declined, provider.Missing, money.Money{})
		if f := b.asked(t, provider.OpRefund, b.ids.New(id.Refund), "", r.Reference); f.Found || f.Outcome.State != provider.Missing {
			t.Errorf("a refund that is none: %+v", f)
		}
	})
}

func testStartFailedInquiry(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		b.waiting(t, r)
		for name, spoil := range map[string]Spoil{
			"500": Answer(500, `{"error":"oops"}`), "garbage": Answer(200, "<html>"), "half": Half, "401": Answer(401, `{}`), "404 page": Answer(404, "404 page not found"),
			"down": Answer(503, `{"error":"not_accepted"}`), "unauthorized": Answer(401, `{"error":"unauthorized"}`),
		} {
			b.faults.Spoil(spoil)
			for _, op := range []provider.Operation{provider.OpAuthorize, provider.OpRefund, provider.OpCapture} {
				if f := b.asked(t, op, r.Reference, "", r.Reference); f.Found || f.Outcome.Class != provider.Unknown {
					t.Errorf("%s, %s: found %+v", name, op, f)
				}
			}
		}
	})
}

func testStartFaults(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		for name, spoil := range map[string]func(step) Spoil{
			"500": func(step) Spoil { return Answer(500, `{"error":"internal"}`) }, "502 page": func(step) Spoil { return Answer(502, "<html>Bad Gateway</html>") },
			"500 with a good body": func(step) Spoil { return Status(500) }, "garbage": func(step) Spoil { return Answer(200, "<html>welcome</html>") },
			"empty": func(step) Spoil { return Answer(200, "") }, "null": func(step) Spoil { return Answer(200, "null") }, "empty object": func(step) Spoil { return Answer(200, "{}") },
			"half a body": func(step) Spoil { return Half }, "connection cut": func(step) Spoil { return Cut }, "3xx": func(step) Spoil { return Answer(302, "{}") },
			"other reference": func(p step) Spoil { return Replace(p.reference, "att_other") },
			"no currency":     func(p step) Spoil { return Replace(`"currency":"`+p.amount.Currency().Code()+`"`, `"currency":""`) },
			"other currency":  func(p step) Spoil { return Replace(`"currency":"`+p.amount.Currency().Code()+`"`, `"currency":"JPY"`) },
			"larger amount":   func(step) Spoil { return Replace(`"amount":9232`, `"amount":92320`) },
			"amount as text":  func(step) Spoil { return Replace(`"amount":9232`, `"amount":"9232"`) },
			"fraction":        func(step) Spoil { return Replace(`"amount":9232`, `"amount":92.32`) },
			"amount missing":  func(step) Spoil { return Replace(`"amount":9232`, `"no_amount":9232`) },
			"no status":       func(step) Spoil { return Replace(`"status":"`, `"no_status":"`) },
		} {
			for _, step := range b.startSteps(t, s, b.startOf(t, r.Method, r.Amount.Currency().Code(), 9232)) {
				b.faults.Spoil(spoil(step))
				if out := step.call(t.Context()); out.Class != provider.Unknown {
					t.Errorf("%s, %s: %+v", name, step.name, out)
				}
				b.faults.Spoil(nil)
				if f := b.asked(t, step.operation, step.reference, "", step.of.Reference); !f.Found || f.Outcome.Class != provider.Approved {
					t.Errorf("%s: the provider did it, but an inquiry about the %s finds %+v", name, step.name, f)
				}
			}
		}
		steps := b.startSteps(t, s, b.startOf(t, r.Method, r.Amount.Currency().Code(), 9232))
		for _, step := range steps {
			ctx, cancel := context.WithCancel(t.Context())
			b.faults.Spoil(func(w http.ResponseWriter, r *http.Request, status int, body []byte) {
				cancel()
				Silence(w, r, status, body)
			})
			wantClass(t, step.call(ctx), provider.Unknown)
		}
	})
}

func testStartNotSent(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		steps := b.startSteps(t, s, r)
		b.faults.Spoil(Answer(503, `{"error":"not_accepted"}`))
		for _, step := range steps {
			wantClass(t, step.call(t.Context()), provider.NotSent)
		}
		b.faults.Refuse()
		for _, step := range steps {
			wantClass(t, step.call(t.Context()), provider.NotSent)
		}
		if f := b.asked(t, provider.OpAuthorize, r.Reference, "", r.Reference); f.Found || f.Outcome.Class != provider.Unknown {
			t.Errorf("an inquiry that was not sent finds %+v", f)
		}
	})
}

// A request names its tenant and account, goes where the account says, waits as long as promised, and shows no credential.
func testStartRequests(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		for _, step := range b.startSteps(t, s, r) {
			step.call(t.Context())
			b.asked(t, step.operation, step.reference, "", step.of.Reference)
		}
		capabilities := provider.CapabilitiesOf(b.connector, b.account)
		if len(b.requests.all()) < 4 {
			t.Errorf("%d requests were sent", len(b.requests.all()))
		}
		for i, sent := range b.requests.all() {
			if sent.Merchant != b.account.Merchant || sent.Account != b.account.ID || sent.Timeout != capabilities.Timeout || sent.Card != "" ||
				!strings.HasPrefix(sent.URL, b.account.Settings["base_url"]+"/") || !reflect.DeepEqual(sent.References, capabilities.References) {
				t.Errorf("request %d is %+v", i, sent.Request)
			}
			for name, value := range b.account.Credentials {
				if strings.Contains(sent.URL, value.Reveal()) || bytes.Contains(sent.body, []byte(value.Reveal())) {
					t.Errorf("request %d shows %s outside its headers", i, name)
				}
			}
		}
	})
}

func testBanks(t *testing.T, s Subject) {
	eachMethod(t, s, func(t *testing.T, b *bench, r provider.Start) {
		lister := as[provider.BankLister](t, b)
		terms := provider.CapabilitiesOf(b.connector, b.account).Methods[r.Method]
		banks, err := lister.Banks(t.Context(), b.account, r.Method)
		if (err == nil) != terms.Banks {
			t.Fatalf("banks %v, %v; the terms say %t", banks, err, terms.Banks)
		}
		for _, bank := range banks {
			named := b.startOf(t, r.Method, r.Amount.Currency().Code(), r.Amount.Minor())
			named.Bank = bank.ID
			switch out := b.start(t, named); {
			case bank.Name == "":
				t.Errorf("a bank without a name: %+v", bank)
			case bank.Available:
				want(t, out, provider.Approved, provider.ActionRequired, named.Amount)
			case out.Class != provider.Declined || out.Decline.Code != provider.BankUnavailable:
				t.Errorf("%s is not available, and the start from it is %+v", bank.ID, out)
			}
		}
		b.faults.Spoil(Answer(500, "{}"))
		if banks, err := lister.Banks(t.Context(), b.account, r.Method); err == nil {
			t.Errorf("a list that failed has %v", banks)
		}
		b.faults.Refuse()
		if banks, err := lister.Banks(t.Context(), b.account, r.Method); err == nil {
			t.Errorf("a list that was not asked for has %v", banks)
		}
	})
}
