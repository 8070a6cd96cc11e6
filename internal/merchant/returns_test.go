package merchant

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

func TestAPolicyIsOfItsMethodOrOfAny(t *testing.T) {
	m := Merchant{Returns: map[string]Returns{AnyMethod: {Days: 30}, "pix": {Days: 90, Reasons: []string{"late"}}}}
	if r := m.ReturnsOf("pix"); r.Days != 90 {
		t.Errorf("pix: %+v", r)
	}
	if r := m.ReturnsOf("card"); r.Days != 30 {
		t.Errorf("card: %+v", r)
	}
	if r := (Merchant{}).ReturnsOf("card"); !reflect.DeepEqual(r, Returns{}) {
		t.Errorf("without a policy: %+v", r)
	}
}

func TestPoliciesAreReadAsTheyWereWritten(t *testing.T) {
	m := map[string]Returns{AnyMethod: {Days: 30, Alone: map[string]int64{"EUR": 5000, "JPY": 0}, Reasons: []string{"damaged", "too \"late\""}}, "card": {}}
	if got, err := ParseReturns(returnsText(m)); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("read %+v, %v", got, err)
	}
	if got, err := ParseReturns(returnsText(nil)); err != nil || got != nil {
		t.Errorf("of nothing: %+v, %v", got, err)
	}
	for _, text := range []string{"x", "[]", `{"card":{"day":30}}`, `{"card":{"days":"30"}}`, `{"card":{"days":1.5}}`, `{"card":{}}{}`, `{"card":30}`} {
		if got, err := ParseReturns(text); err == nil {
			t.Errorf("%s is read as %+v", text, got)
		}
	}
}

func TestAWrongPolicyIsRefusedByName(t *testing.T) {
	for param, r := range map[string]map[string]Returns{
		"returns.cash":               {"cash": {}},
		"returns.card.days":          {"card": {Days: 3651}},
		"returns.pix.days":           {"pix": {Days: -1}},
		"returns.any.alone.EURO":     {AnyMethod: {Alone: map[string]int64{"EURO": 1}}},
		"returns.any.alone.EUR":      {AnyMethod: {Alone: map[string]int64{"EUR": -1}}},
		"returns.any.reasons":        {AnyMethod: {Reasons: strings.Split(strings.Repeat("a,b,", 26), ",")}},
		"returns.any.reasons[0]":     {AnyMethod: {Reasons: []string{""}}},
		"returns.wallet.reasons[1]":  {"wallet": {Reasons: []string{"late", "late"}}},
		"returns.sepa_qr.reasons[0]": {"sepa_qr": {Reasons: []string{strings.Repeat("x", 201)}}},
	} {
		m := Merchant{ID: "acct_dev", Name: "Shop", Version: DefaultVersion, Returns: r}
		var wrong *fault.Error
		if err := m.Check(); !errors.As(err, &wrong) || wrong.Param != param {
			t.Errorf("%s: %v", param, err)
		}
	}
}
