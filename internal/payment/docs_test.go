package payment

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simbank"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/provider/siminstant"
	"github.com/florinpay/florin/internal/provider/stripe"
)

// documented are the cells of the table in docs/rails.md whose heading begins so, row by row.
func documented(t *testing.T, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/rails.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n"+heading)
	if !ok {
		t.Fatalf("the document has no table %q", heading)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var rows [][]string
	for _, line := range strings.Split(table, "\n")[2:] { // without the rest of the heading and the line below it
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i, cell := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cell), "`", "")
		}
		rows = append(rows, cells)
	}
	return rows
}

// grouped is an amount of a currency of two decimals, in groups of three digits.
func grouped(minor int64) string {
	whole := fmt.Sprint(minor / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s.%02d", whole, minor%100)
}

// term is how long something lasts, in words.
func term(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "without end"
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}

func TestTheMethodsOfTheDocumentAreThoseOfTheConnectors(t *testing.T) {
	want := map[provider.Method][]string{}
	for connector, methods := range map[string]map[provider.Method]provider.MethodTerms{
		"simbank": simbank.New(nil).Capabilities().Methods, "siminstant": siminstant.New(nil).Capabilities().Methods,
	} {
		for m, terms := range methods {
			if !terms.Refundable {
				t.Errorf("the document says that all are refundable, and %s is not", m)
			}
			want[m] = []string{
				strings.Join(terms.Currencies, " "), grouped(terms.Min) + " to " + grouped(terms.Max), term(terms.TTL), term(terms.RefundWindow), connector,
			}
		}
	}
	rows := documented(t, "| `type` |")
	if len(rows) != len(want) {
		t.Errorf("the document has %d methods, the connectors %d", len(rows), len(want))
	}
	for _, row := range rows {
		if got := slices.Delete(slices.Clone(row[1:]), 2, 3); !slices.Equal(got, want[provider.Method(row[0])]) { // what the payer does is prose
			t.Errorf("%s: the document says %q, the connectors %q", row[0], got, want[provider.Method(row[0])])
		}
	}
}

func TestTheStatesOfTheDocumentAreThoseOfTheCode(t *testing.T) {
	rows := documented(t, "| `status` | may become |")
	said := map[Status][]string{}
	for _, row := range rows {
		said[Status(row[0])] = strings.Fields(row[1])
	}
	all := []Status{RequiresPaymentMethod, RequiresAction, Processing, InReview, Authorized, Captured, Canceled, Expired, Failed}
	if len(rows) != len(all) {
		t.Errorf("%d states, want %d", len(rows), len(all))
	}
	for _, from := range all {
		var want []string
		for _, to := range paymentMoves[from] {
			want = append(want, string(to))
		}
		if got, ok := said[from]; !ok || !slices.Equal(got, want) {
			t.Errorf("%s: the document says %q, the code %q", from, got, want)
		}
	}
}

// Each row of the table is played: what the last transfer decides is what the document says.
func TestTheTransfersOfTheDocumentAreDecidedAsItSays(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	fifty := reais(5_000)
	zero := reais(0)
	rows := documented(t, "| what comes | `reason` |")
	if len(rows) < 8 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, row := range rows {
		p := Payment{
			Merchant: shop, ID: "pay_1", Status: RequiresAction, Amount: fifty, Authorized: zero, Captured: zero, Refunded: zero, Refunding: zero, Disputed: zero, Withdrawn: zero,
			Capture: true, Method: Method{Type: provider.MethodPIX}, Attempts: 1, Account: "instant", Action: &Action{ExpiresAt: now.Add(time.Hour)},
		}
		a := Attempt{Merchant: shop, Payment: p.ID, Number: 1, ID: "att_1", State: AttemptAction, Account: "instant", Amount: fifty, Capture: true}
		if strings.HasSuffix(row[0], "it has ended") {
			p.Status, a.State = Expired, AttemptExpired
		}
		if strings.HasSuffix(row[0], "nothing that is known") {
			continue // there are no rows to decide from, see TestMoneyThatNamesNoPaymentIsBooked
		}
		var known []Transfer
		var d decision
		for i, one := range strings.Split(row[0], ", then ") {
			amount := reais(must2(strconv.ParseInt(strings.ReplaceAll(one[:5], ".", ""), 10, 64)))
			if strings.HasSuffix(one, "another currency") {
				amount = euros(amount.Minor())
			}
			var err error
			if d, err = receive(p, a, Transfer{ID: fmt.Sprint("trf_", i), Reference: fmt.Sprint("t", i), Account: "instant", Amount: amount}, known, terms{now: now}); err != nil {
				t.Fatalf("%s: %v", row[0], err)
			}
			known, p = append(known, d.transfers[0]), d.payment
			if d.attempt != nil {
				a = *d.attempt
			}
		}
		last := known[len(known)-1]
		status := row[2]
		if status == "stays as it is" {
			status = map[bool]string{true: "expired", false: "requires_action"}[last.Reason == TransferLate]
		}
		var suspense int64
		if last.State == TransferHeld {
			suspense = last.Surplus.Minor()
		}
		end := map[bool]string{true: "a person decides", false: string(ledger.SuspenseReturned)}[last.DueAt.IsZero()]
		ends := strings.HasSuffix(row[5], end)
		if suspense == 0 {
			ends = row[5] == ""
		}
		var booked []string
		for _, one := range d.postings {
			booked = append(booked, string(one.Kind))
		}
		if string(last.Reason) != row[1] || string(p.Status) != status || grouped(suspense) != row[3] || strings.Join(booked, " ") != row[4] || !ends {
			t.Errorf("%s: the document says %q; decided: reason %q, %s, %s in suspense, booked %q, then %s", row[0], row[1:], last.Reason, p.Status, grouped(suspense), booked, end)
		}
	}
}

func TestTheTimesOfTheDocumentAreThoseOfTheCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/rails.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []struct {
		words string
		holds bool
	}{
		{"until the payer's time is over and a minute more", partSlack == time.Minute},
		{"up to twenty times", maxReturns == 20},
		{"waits for its payer for a day", defaultExpiry == 24*time.Hour},
		{"An authorization is held for seven days at `simcard` and `stripe`", simcard.New(nil).Capabilities().AuthorizationTTL == 7*24*time.Hour &&
			stripe.New(nil).Capabilities().AuthorizationTTL == 7*24*time.Hour},
	} {
		if !says.holds || !strings.Contains(string(text), says.words) {
			t.Errorf("%q: in the code %t, in the document %t", says.words, says.holds, strings.Contains(string(text), says.words))
		}
	}
}
