package payout

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/provider/simpayout"
)

// documented are the rows of the table in docs/rails.md whose heading begins so.
func documented(t *testing.T, heading string) []string {
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
	rows := strings.Split(table, "\n")
	if len(rows) < 3 {
		t.Fatalf("the table %q is empty", heading)
	}
	return rows[2:] // without the rest of the heading and the line below it
}

// minor is an amount of a currency of two decimals, in groups of three digits.
func minor(n int64) string {
	whole := fmt.Sprint(n / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s.%02d", whole, n%100)
}

// railRow is what the document says of a rail.
func railRow(r bank.Rail, carried bool) string {
	limits := make([]string, len(r.Limits))
	for i, l := range r.Limits {
		if limits[i] = l.Currency + " " + minor(l.Min) + " to " + minor(l.Max); l.Max == 0 {
			limits[i] = l.Currency + " from " + minor(l.Min)
		}
	}
	hours := "round the clock"
	if !r.Hours.RoundTheClock() {
		hours = clockTime(r.Hours.CutOff) + " " + r.Hours.Zone.String() + " (`" + r.Hours.Calendar.Name + "`)"
	}
	by := map[bool]string{true: "yes", false: "no"}[carried]
	return "| `" + string(r.Name) + "` | " + strings.Join(limits, ", ") + " | " + hours + " | " + arrival(r.Earliest) + " | " + arrival(r.Latest) + " | " + fmt.Sprintf("%d days", r.Returns/lookDaily) + " | " + by + " |"
}

func clockTime(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

func arrival(a bank.Arrival) string {
	after := fmt.Sprintf("%d s", a.After/time.Second)
	if a.After >= time.Hour {
		after = fmt.Sprintf("%d h", a.After/time.Hour)
	} else if a.After >= time.Minute {
		after = fmt.Sprintf("%d min", a.After/time.Minute)
	}
	if a.Days == 0 && a.At == 0 {
		return "after " + after
	}
	said := "the same day"
	if a.Days > 0 {
		said = fmt.Sprintf("in %d open days", a.Days)
	}
	if a.Days == 1 {
		said = "in 1 open day"
	}
	said += ", " + clockTime(a.At)
	if a.After > 0 {
		said += ", not before " + after
	}
	return said
}

func TestTheRailsOfTheDocumentAreThoseOfTheCode(t *testing.T) {
	carried := simpayout.New(nil).Capabilities().Rails
	var want []string
	for _, r := range bank.Rails() {
		want = append(want, railRow(r, slices.Contains(carried, r.Name)))
	}
	if got := documented(t, "| `rail` |"); !slices.Equal(got, want) {
		t.Errorf("the document says\n%s\n\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheStatesOfTheDocumentAreThoseOfTheCode(t *testing.T) {
	table := "|---|---|\n"
	for _, from := range []Status{
		Held, Queued, Sent, Paid, Failed, Returned, Canceled,
	} {
		table += "| `" + string(from) + "` |"
		for _, to := range moves[from] {
			table += " `" + string(to) + "`"
		}
		table += " |\n"
	}
	text, err := os.ReadFile("../../docs/rails.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), table+"\n") {
		t.Errorf("the document does not have\n%s", table)
	}
}
