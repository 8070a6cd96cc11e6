package routing

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/money"
)

var workedExample = regexp.MustCompile("(?s)```json policy\n(.*?)```\n\n```decides\n(.*?)```")

// The examples of docs/routing.md are loaded, and decide as is written below each.
func TestTheExamplesOfTheDocumentationDecideAsTheySay(t *testing.T) {
	text, err := os.ReadFile("../../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := workedExample.FindAllStringSubmatch(string(text), -1)
	if len(examples) < 4 || len(examples) != strings.Count(string(text), "```json policy") {
		t.Fatalf("found %d examples of %d", len(examples), strings.Count(string(text), "```json policy"))
	}
	for _, e := range examples {
		p := compiled(t, e[1])
		for line := range strings.Lines(e[2]) {
			facts, want, ok := strings.Cut(strings.TrimSpace(line), " -> ")
			if !ok {
				t.Fatalf("cannot read %q", line)
			}
			req := documented(t, facts)
			d := p.Decide(t.Context(), &req, World{})
			rule := d.Rule
			if rule == "" {
				rule = "default"
			}
			if got := rule + ": " + accountsOf(d); got != want {
				t.Errorf("%s decides %s, not %s", facts, got, want)
			}
		}
	}
}

// documented is a request of facts such as country=DE.
func documented(t *testing.T, facts string) Request {
	t.Helper()
	req := Request{Merchant: "acct_dev:test", Payment: "pay_01", Method: "card", Metadata: map[string]string{}, At: sunday, Candidates: germanDebit().Candidates}
	amount, currency := int64(9232), "EUR"
	for _, fact := range strings.Fields(facts) {
		name, value, _ := strings.Cut(fact, "=")
		switch name {
		case "country":
			req.Country = value
		case "funding":
			req.Funding = value
		case "customer":
			req.Customer = value
		case "payment":
			req.Payment = value
		case "currency":
			currency = value
		case "amount":
			amount = must(strconv.ParseInt(value, 10, 64))
		case "at":
			req.At = must(time.Parse(time.RFC3339, value))
		default:
			key, ok := strings.CutPrefix(name, "metadata.")
			if !ok {
				t.Fatalf("there is no fact %s", name)
			}
			req.Metadata[key] = value
		}
	}
	req.Amount = money.Of(amount, must(money.ParseCurrency(currency)))
	return req
}

var shownExperiment = regexp.MustCompile("(?s)```json experiments\n(.*?)```")

// The experiment that docs/routing.md shows is what is shown of such counts.
func TestTheExperimentOfTheDocumentationIsShownAsItSays(t *testing.T) {
	text := shownExperiment.FindStringSubmatch(string(must(os.ReadFile("../../docs/routing.md"))))
	if text == nil {
		t.Fatal("there is none")
	}
	version, at := int64(2), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const name = "gamma-first"
	shown := experiments{
		tenant: "acct_dev:test", policy: "rp_01jd9qk3v8m2x4r6t7w9y0a1b2", version: &version,
		written:  []Experiment{{Name: name, Control: "usual", Challenger: "tried", Share: 10, MinimumSample: 500}},
		tallies:  map[string]Tally{name: {5400, 4860, 600, 528}},
		verdicts: map[string]verdict{name: {name: name, looks: 1, tally: Tally{4500, 4050, 500, 440}, at: at}},
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(must(json.Marshal(shown.objects()[0])), &got), json.Unmarshal([]byte(text[1]), &want)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("shown is %v, not %v", got, want)
	}
}
