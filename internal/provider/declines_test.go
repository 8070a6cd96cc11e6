package provider

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestADeclineMeansWhatTheStricterOfTableAndNetworkSays(t *testing.T) {
	for name, c := range map[string]struct {
		brand string
		d     Decline
		retry Retry
		after time.Duration
	}{
		"no network":                      {"", Decline{Code: InsufficientFunds}, RetryLater, 24 * time.Hour},
		"no advice":                       {"mastercard", Decline{Code: InsufficientFunds, NetworkDecline: "51"}, RetryLater, 24 * time.Hour},
		"the network says when":           {"mastercard", Decline{Code: InsufficientFunds, NetworkAdvice: "02"}, RetryLater, 72 * time.Hour},
		"the network says sooner":         {"mastercard", Decline{Code: DoNotHonor, NetworkAdvice: "24"}, RetryLater, time.Hour},
		"ten days":                        {"maestro", Decline{Code: DoNotHonor, NetworkAdvice: "30"}, RetryLater, 240 * time.Hour},
		"another network's 02":            {"visa", Decline{Code: InsufficientFunds, NetworkAdvice: "02"}, RetryLater, 24 * time.Hour},
		"never stays never":               {"mastercard", Decline{Code: StolenCard, NetworkAdvice: "24"}, RetryNever, 0},
		"new data":                        {"mastercard", Decline{Code: DoNotHonor, NetworkAdvice: "01"}, RetryFixData, 0},
		"later, not elsewhere":            {"mastercard", Decline{Code: ProcessingError, NetworkAdvice: "24"}, RetryLater, time.Hour},
		"authentication is new data":      {"mastercard", Decline{Code: AuthenticationRequired, NetworkAdvice: "01"}, RetryWith3DS, 0},
		"authentication is of no use":     {"mastercard", Decline{Code: AuthenticationRequired, NetworkAdvice: "41"}, RetryNever, 0},
		"only told":                       {"mastercard", Decline{Code: DoNotHonor, NetworkAdvice: "43"}, RetryLater, 24 * time.Hour},
		"never, whoever says so":          {"amex", Decline{Code: IncorrectCVC, NetworkAdvice: "03"}, RetryNever, 0},
		"stop, whoever says so":           {"", Decline{Code: DoNotHonor, NetworkAdvice: "21"}, RetryNever, 0},
		"Visa category 1":                 {"visa", Decline{Code: DoNotHonor, NetworkDecline: "46"}, RetryNever, 0},
		"Visa category 1 of another card": {"visa", Decline{Code: IncorrectNumber, NetworkDecline: "14"}, RetryFixData, 0},
		"Visa category 2":                 {"visa", Decline{Code: BankUnavailable, NetworkDecline: "91"}, RetryOtherProvider, 0},
		"46 elsewhere":                    {"mastercard", Decline{Code: DoNotHonor, NetworkDecline: "46"}, RetryLater, 24 * time.Hour},
		"advice that nobody knows":        {"mastercard", Decline{Code: DoNotHonor, NetworkAdvice: "99"}, RetryLater, 24 * time.Hour},
	} {
		if m := c.d.Meaning(c.brand); m.Retry != c.retry || m.After != c.after {
			t.Errorf("%s: %s after %v", name, m.Retry, m.After)
		}
	}
}

func TestNoNetworkMakesADeclineLooser(t *testing.T) {
	advice := []string{""}
	for code := range networks.advice {
		advice = append(advice, code)
	}
	for _, code := range Codes() {
		for _, brand := range []string{"", "visa", "mastercard", "maestro", "amex"} {
			for _, network := range []string{"", "05", "14", "43", "51", "83"} {
				for _, a := range advice {
					d := Decline{Code: code, NetworkDecline: network, NetworkAdvice: a}
					m := d.Meaning(brand)
					if strictness[m.Retry] < strictness[Explain(code).Retry] || (m.Retry == RetryLater) != (m.After > 0) {
						t.Errorf("%+v of %q: %s after %v", d, brand, m.Retry, m.After)
					}
					if networks.never[a] && m.Retry != RetryNever {
						t.Errorf("%+v of %q may be tried again: %s", d, brand, m.Retry)
					}
				}
			}
		}
	}
}

func TestDataThatContradictsItselfIsRefused(t *testing.T) {
	head := `{"version": 1, "source": "a test", `
	for name, read := range map[string]func([]byte) error{
		`"codes": [{"raw": "05", "code": "do_not_honor"}, {"raw": "05", "code": "stolen_card"}]}`: table,
		`"codes": [{"raw": "05", "code": "moon_phase"}]}`:                                         table,
		`"codes": [{"raw": "", "code": "do_not_honor"}]}`:                                         table,
		`"codes": [], "more": 1}`:                                                                 table,
		`"codes": [{"code": "a", "category": "c", "retry": "later", "text": "t"}]}`:               meaning,
		`"codes": [{"code": "a", "category": "c", "retry": "perhaps", "text": "t"}]}`:             meaning,
		`"codes": [{"code": "a", "category": "c", "retry": "never", "text": ""}]}`:                meaning,
		`"never_days": 0}`:                          rules,
		`"never_days": 30, "never_advice": ["02"]}`: rules,
		`"never_days": 30, "advice": [{"code": "02", "means": "later", "retry": "later"}]}`: rules,
		`"never_days": 30, "advice": []}`:                                                                                                           own,
		`"never_days": 30, "networks": [{"brands": ["visa"], "speaks_advice": true}]}`:                                                              own,
		`"never_days": 30, "never_advice": ["24"]}`:                                                                                                 own,
		`"never_days": 30, "networks": [{"brands": ["visa"]}, {"brands": ["visa"]}]}`:                                                               rules,
		`"never_days": 30, "networks": [{"brands": ["visa"], "limits": [{"name": "x", "declines": 65, "hours": 1}]}]}`:                              rules,
		`"never_days": 30, "networks": [{"brands": ["visa"], "categories": [{"category": 1, "codes": ["05"]}, {"category": 2, "codes": ["05"]}]}]}`: rules,
	} {
		if read([]byte(head+name)) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := readTable([]byte(`{"source": "a test", "codes": []}`)); err == nil {
		t.Error("data without a version is taken")
	}
}

func table(data []byte) error   { _, err := readTable(data); return err }
func meaning(data []byte) error { _, err := readMatrix(data); return err }
func rules(data []byte) error   { _, err := readBuiltIn(data); return err }
func own(data []byte) error     { _, err := ReadNetworks(data); return err }

// What advice means is asked of the built-in table everywhere: a file that says it too would be read, and not heard.
func TestAnOperatorsRulesDoNotSayWhatAdviceMeans(t *testing.T) {
	if _, err := ReadNetworks(networksData); err == nil || !strings.Contains(err.Error(), "leave out advice") {
		t.Errorf("the built-in rules, advice and all, are taken as an operator's: %v", err)
	}
	n, err := ReadNetworks([]byte(`{"version": 2, "source": "our acquirer", "never_days": 10, "never_advice": ["03", "40"], "networks": [
		{"brands": ["visa"], "categories": [{"category": 1, "codes": ["07"], "never": true}], "limits": [{"name": "ours", "declines": 5, "hours": 24}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if l := n.Of("visa").Limits; n.Version != 2 || len(l) != 1 || l[0] != (Limit{"ours", 5, 24 * time.Hour}) || n.KeepFor() != 10*24*time.Hour {
		t.Errorf("%+v, kept for %s", l, n.KeepFor())
	}
	for d, never := range map[Decline]bool{{NetworkAdvice: "40"}: true, {NetworkAdvice: "21"}: false, {NetworkDecline: "07"}: true, {NetworkDecline: "04"}: false} {
		if n.NeverAgain("visa", d) != never {
			t.Errorf("%+v: never %v", d, !never)
		}
	}
}

func TestTheDocumentHasTheTables(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	after := func(m Meaning) string {
		switch m.After {
		case 0:
			return string(m.Retry)
		case time.Hour:
			return string(m.Retry) + " after 1 hour"
		}
		return fmt.Sprintf("%s after %d hours", m.Retry, m.After/time.Hour)
	}
	for _, code := range Codes() {
		m := Explain(code)
		if line := fmt.Sprintf("| `%s` | %s | %s |", code, m.Category, after(m)); !slices.Contains(lines, line) {
			t.Errorf("docs/providers.md has no line %s", line)
		}
	}
	for code, a := range networks.advice {
		if !slices.ContainsFunc(lines, func(l string) bool {
			return strings.HasPrefix(l, "| "+code+" | ") && strings.HasSuffix(l, " | "+after(Meaning{Retry: a.retry, After: a.after})+" |")
		}) {
			t.Errorf("docs/providers.md does not have advice %s as %+v", code, a)
		}
	}
}

func TestACodeThatNobodyKnowsIsCountedAndLoggedOnce(t *testing.T) {
	var log strings.Builder
	r := prometheus.NewRegistry()
	u := NewUnrecognized(r, slog.New(slog.NewTextHandler(&log, nil)))
	known := NewTable([]byte(`{"version": 1, "source": "a test", "codes": [{"raw": "05", "code": "do_not_honor"}]}`))
	for _, raw := range []string{"05", "moon", "moon", "sun"} {
		u.Heard("simcard", known.Decline(raw))
	}
	if d := known.Decline("moon"); d.Code != GenericDecline || d.Raw != "moon" || d.Meaning("visa").Retry != RetryNever {
		t.Errorf("a code that nobody knows is %+v", d)
	}
	families, err := r.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "florin_provider_unknown_declines_total" || families[0].Metric[0].GetCounter().GetValue() != 3 {
		t.Errorf("counted: %v (%v)", families, err)
	}
	if n := strings.Count(log.String(), "moon"); n != 1 || !strings.Contains(log.String(), "sun") {
		t.Errorf("logged: %s", log.String())
	}
	(*Unrecognized)(nil).Heard("simcard", known.Decline("moon"))
}
