package providertest

import (
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
