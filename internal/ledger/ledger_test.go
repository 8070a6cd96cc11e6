package ledger

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

const tenant = "acct_shop:test"

func eur(t interface{ Fatal(...any) }, minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	return money.Of(minor, c)
}

func kinds() []Kind {
	var all []Kind
	for k := range recipes {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

func TestEveryPostingBalances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(1, 999_999_999_999).Draw(t, "amount")
		p := Posting{
			Kind: rapid.SampledFrom(kinds()).Draw(t, "kind"), Subject: "pay_1", Cause: "att_1", Provider: "alpha",
			Amount: eur(t, amount), Fee: eur(t, rapid.Int64Range(0, amount).Draw(t, "fee")),
		}
		booked, err := book(tenant, "txn_1", p, time.UnixMicro(1))
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		body, err := booked.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(body)
		if err != nil || again.check() != nil || len(again.Lines) != len(booked.Lines) {
			t.Fatalf("canonical bytes do not read back: %s, %v", body, err)
		}
	})
}

// What becomes available is counted from the credits of merchant_pending: whatever else took from it would be made available all the same.
func TestOnlyFundsAvailableTakesFromWhatIsPending(t *testing.T) {
	for kind, legs := range recipes {
		for _, l := range legs {
			if l.account == MerchantPending && l.sign == debit && kind != KindFundsAvailable {
				t.Errorf("%s takes from %s", kind, MerchantPending)
			}
		}
	}
}

func TestWrongPostingsAreRefused(t *testing.T) {
	usd, err := money.ParseCurrency("USD")
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Posting{
		"unknown kind":                {Kind: "gift", Provider: "alpha", Amount: eur(t, 1)},
		"nothing":                     {Kind: Sale, Provider: "alpha", Amount: eur(t, 0)},
		"negative":                    {Kind: Sale, Provider: "alpha", Amount: eur(t, -1)},
		"no provider":                 {Kind: Sale, Amount: eur(t, 1)},
		"fee over all":                {Kind: Sale, Provider: "alpha", Amount: eur(t, 1), Fee: eur(t, 2)},
		"negative fee":                {Kind: Sale, Provider: "alpha", Amount: eur(t, 1), Fee: eur(t, -1)},
		"a negative fee of a dispute": {Kind: DisputeOpened, Provider: "alpha", Amount: eur(t, 1), Fee: eur(t, -1)},
		"fee in dollars":              {Kind: Sale, Provider: "alpha", Amount: eur(t, 1), Fee: money.Of(1, usd)},
		"no currency":                 {Kind: Sale, Provider: "alpha"},
	} {
		if lines, err := p.Lines(); err == nil {
			t.Errorf("%s: booked as %v", name, lines)
		}
	}
}

func TestRulesOfDoubleEntry(t *testing.T) {
	line := func(account string, minor int64) Line { return Line{account, eur(t, minor)} }
	for name, lines := range map[string][]Line{
		"empty":             {},
		"one sided":         {line(Bank, 5)},
		"off by one":        {line(Bank, 5), line(Suspense, -4)},
		"unknown account":   {line("piggy_bank", 5), line(Suspense, -5)},
		"no provider name":  {line(PSPReceivable, 5), line(Suspense, -5)},
		"account twice":     {line(Bank, 5), line(Bank, -5)},
		"empty line":        {line(Bank, 0)},
		"memo against real": {line(AuthHold, -5), line(Bank, 5)},
	} {
		if err := (Transaction{ID: "txn_1", Lines: lines}).check(); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}

// post commits postings, a Change each.
func post(t *testing.T, d *db.DB, postings ...Posting) {
	t.Helper()
	ids := id.NewSource(clock.System{}, rand.Reader)
	for _, p := range postings {
		c := db.NewChange(tenant)
		if err := Post(c, ids, p, clock.System{}.Now()); err != nil {
			t.Fatal(err)
		}
		if err := d.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

func sale(t *testing.T, amount, fee int64) Posting {
	return Posting{Kind: Sale, Subject: "pay_1", Cause: "att_1", Provider: "alpha", Amount: eur(t, amount), Fee: eur(t, fee)}
}

func TestBalancesFollowThePostings(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		before := clock.System{}.Now()
		post(t, d, sale(t, 10_000, 150),
			Posting{Kind: RefundPending, Subject: "pay_1", Cause: "ref_1", Amount: eur(t, 3_000)},
			Posting{Kind: RefundSucceeded, Subject: "pay_1", Cause: "ref_1", Provider: "alpha", Amount: eur(t, 3_000)})
		s := NewStore(d)
		balances, err := s.Balances(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, b := range balances {
			got[b.Account] = b.Amount.Minor()
		}
		for account, want := range map[string]int64{
			"psp_receivable:alpha": 7_000, MerchantPending: 9_850, FeeIncome: 150, MerchantAvailable: -3_000, RefundFlight: 0,
		} {
			if got[account] != want {
				t.Errorf("%s holds %d, want %d", account, got[account], want)
			}
		}
		euro := eur(t, 0).Currency()
		if m, err := s.BalanceAt(t.Context(), tenant, FeeIncome, euro, before); err != nil || !m.IsZero() {
			t.Errorf("before the first posting there was %s, %v", m, err)
		}
		if m, err := s.BalanceAt(t.Context(), tenant, FeeIncome, euro, before.Add(time.Hour)); err != nil || m.Minor() != 150 {
			t.Errorf("afterwards there is %s, %v", m, err)
		}
		page, more, err := s.Transactions(t.Context(), tenant, db.Page{Limit: 2}, "pay_1")
		if err != nil || len(page) != 2 || !more || page[0].Kind != RefundSucceeded {
			t.Errorf("the newest page is %v, %v, %v", page, more, err)
		}
		if other, err := s.Balances(t.Context(), "acct_shop:live"); err != nil || len(other) != 0 {
			t.Errorf("the live mode sees %v, %v", other, err)
		}
	}, Schema)
}

// What a dispute leaves behind when it is over, with the fee that the provider keeps, which may be more than the amount.
func TestADisputeEndsWithNothingInReserve(t *testing.T) {
	for end, want := range map[Kind]map[string]int64{
		DisputeWon:      {PSPReceivable + "alpha": -1_500, MerchantAvailable: 1_500, FeeIncome: -1_500, PSPFee: 1_500},
		DisputeLost:     {PSPReceivable + "alpha": -2_500, MerchantAvailable: 2_500, FeeIncome: -1_500, PSPFee: 1_500},
		DisputeAccepted: {PSPReceivable + "alpha": -2_500, MerchantAvailable: 2_500, FeeIncome: -1_500, PSPFee: 1_500},
		DisputeExpired:  {PSPReceivable + "alpha": -2_500, MerchantAvailable: 2_500, FeeIncome: -1_500, PSPFee: 1_500},
	} {
		got := map[string]int64{}
		for _, kind := range []Kind{DisputeOpened, end} {
			lines, err := Posting{Kind: kind, Provider: "alpha", Amount: eur(t, 1_000), Fee: eur(t, 1_500)}.Lines()
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range lines {
				got[l.Account] += l.Amount.Minor()
			}
		}
		for _, account := range []string{DisputeReserve, DisputeReceivable, PSPReceivable + "alpha", MerchantAvailable, FeeIncome, PSPFee} {
			if got[account] != want[account] {
				t.Errorf("%s leaves %d in %s, want %d", end, got[account], account, want[account])
			}
		}
	}
}

func TestVerifyPassesOnRightBooks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		post(t, d, sale(t, 100, 1), sale(t, 250, 0))
		r, err := Verify(t.Context(), d)
		if err != nil || len(r.Faults) != 0 || r.Transactions != 2 || r.Entries != 5 || r.Tenants != 1 || len(r.Accounts) != 3 {
			t.Errorf("report %+v, %v", r, err)
		}
	}, Schema)
}

// The engine keeps the tables append-only, so a falsified book is made by inserting what no posting would.
func TestVerifyFailsOnFalsifiedBooks(t *testing.T) {
	honest, err := book(tenant, "txn_honest", sale(t, 100, 0), time.UnixMicro(1))
	if err != nil {
		t.Fatal(err)
	}
	body, err := honest.encode()
	if err != nil {
		t.Fatal(err)
	}
	journal := func(number string, body []byte) db.Row {
		return transactionTable.Insert(tenant, number, string(Sale), "pay_1", int64(1), body)
	}
	entry := func(account string, amount int64) db.Row {
		return entryTable.Insert(tenant, account, "EUR", "txn_honest", amount)
	}
	text := string(body)
	receivable, pending := entry("psp_receivable:alpha", 100), entry(MerchantPending, -100)
	huge := strings.NewReplacer(`:100}`, `:9223372036854775807}`, `:-100}`, `:1}`).Replace(text)
	for name, rows := range map[string][]db.Row{
		"all entries removed":      {journal("txn_honest", body)},
		"one entry removed":        {journal("txn_honest", body), receivable},
		"transaction removed":      {receivable, pending},
		"entries added":            {journal("txn_honest", body), receivable, pending, entry(Bank, 5), entry(Suspense, -5)},
		"entries changed":          {journal("txn_honest", body), entry("psp_receivable:alpha", 101), entry(MerchantPending, -101)},
		"one entry changed":        {journal("txn_honest", body), receivable, entry(MerchantPending, -99)},
		"amount moved":             {journal("txn_honest", body), entry("psp_receivable:beta", 100), pending},
		"sides changed":            {journal("txn_honest", body), entry("psp_receivable:alpha", -100), entry(MerchantPending, 100)},
		"another currency":         {journal("txn_honest", body), entryTable.Insert(tenant, "psp_receivable:alpha", "USD", "txn_honest", int64(100)), pending},
		"a currency of nobody":     {journal("txn_honest", body), entryTable.Insert(tenant, "psp_receivable:alpha", "XYZ", "txn_honest", int64(100)), pending},
		"another transaction":      {journal("txn_honest", body), entryTable.Insert(tenant, "psp_receivable:alpha", "EUR", "txn_other", int64(100)), pending},
		"columns against bytes":    {journal("txn_forged", body), receivable, pending},
		"bytes that are no record": {journal("txn_honest", []byte("{")), receivable, pending},
		"a space in the bytes":     {journal("txn_honest", []byte(text+" ")), receivable, pending},
		"a field more":             {journal("txn_honest", []byte(`{"note":"x",`+text[1:])), receivable, pending},
		"a field twice":            {journal("txn_honest", []byte(`{"kind":"gift",`+text[1:])), receivable, pending},
		"an amount past 64 bits":   {journal("txn_honest", []byte(huge)), receivable, pending},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				if err := d.Commit(t.Context(), db.NewChange(tenant, rows...)); err != nil {
					t.Fatal(err)
				}
				r, err := Verify(t.Context(), d)
				if err != nil || len(r.Faults) == 0 {
					t.Errorf("falsified books passed: %+v, %v", r, err)
				}
			}, Schema)
		})
	}
}
