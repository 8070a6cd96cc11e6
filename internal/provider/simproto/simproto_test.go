package simproto_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
	"github.com/florinpay/florin/internal/vault"
)

type answer struct {
	ID string `json:"id"`
}

// canned is a sender with one answer, or none.
type canned struct {
	vault.Response
	err error
}

func (c canned) Send(context.Context, vault.Request) (vault.Response, error) {
	return c.Response, c.err
}

func TestAnswersHaveTheirClass(t *testing.T) {
	adopt := func(a answer) provider.Outcome {
		return provider.Outcome{Class: provider.Approved, State: provider.Pending, Reference: a.ID}
	}
	for name, c := range map[string]struct {
		status int
		body   string
		class  provider.Class
		state  provider.State
		raw    string
		// what an inquiry makes of it: found, absent, or neither
		found, absent bool
	}{
		"created":                     {201, `{"id":"x"}`, provider.Approved, provider.Pending, "", true, false},
		"ok":                          {200, `{"id":"x"}`, provider.Approved, provider.Pending, "", true, false},
		"accepted, which it says not": {202, `{"id":"x"}`, provider.Unknown, "", "", false, false},
		"half":                        {200, `{"id":`, provider.Unknown, "", "", false, false},
		"more than one":               {200, `{"id":"x"}{}`, provider.Unknown, "", "", false, false},
		"refused before processing":   {503, `{"error":"not_accepted"}`, provider.NotSent, "", "", false, false},
		"another 503":                 {503, `{"error":"overloaded"}`, provider.Unknown, "", "", false, false},
		"a 503 page":                  {503, `not_accepted`, provider.Unknown, "", "", false, false},
		"not_accepted under 500":      {500, `{"error":"not_accepted"}`, provider.Unknown, "", "", false, false},
		"wrong key":                   {401, `{"error":"unauthorized"}`, provider.Declined, "", "unauthorized", false, false},
		"malformed":                   {400, `{"error":"invalid","message":"amount"}`, provider.Declined, "", "invalid", false, false},
		"state":                       {409, `{"error":"state"}`, provider.Declined, "", "state", false, false},
		"reference reused":            {409, `{"error":"reference_reused"}`, provider.Unknown, "", "", false, false},
		"not found":                   {404, `{"error":"not_found"}`, provider.Declined, provider.Missing, "not_found", false, true},
		"not found, by another":       {404, `{"error":"no route"}`, provider.Declined, "", "no route", false, false},
		"a 404 page":                  {404, `404 page not found`, provider.Unknown, "", "", false, false},
	} {
		send := canned{Response: vault.Response{Status: c.status, Body: []byte(c.body)}}
		out := simproto.Call(t.Context(), send, simproto.Wire{}, provider.Account{}, "/x", answer{}, adopt)
		if out.Class != c.class || out.State != c.state || out.Decline.Raw != c.raw || out.Class != provider.Approved && out.Detail == "" {
			t.Errorf("%s: a call ends in %+v", name, out)
		}
		f := simproto.Inquire(t.Context(), send, vault.Request{}, adopt)
		if f.Found != c.found || (f.Outcome.State == provider.Missing) != c.absent || !c.found && !c.absent && f.Outcome.Class != provider.Unknown {
			t.Errorf("%s: an inquiry finds %+v", name, f)
		}
	}
	for err, class := range map[error]provider.Class{vault.ErrNotSent: provider.NotSent, errors.New("reset"): provider.Unknown, context.DeadlineExceeded: provider.Unknown} {
		if out := simproto.Call(t.Context(), canned{err: err}, simproto.Wire{}, provider.Account{}, "/x", answer{}, adopt); out.Class != class {
			t.Errorf("%v: a call ends in %+v", err, out)
		}
		if f := simproto.Inquire(t.Context(), canned{err: err}, vault.Request{}, adopt); f.Found || f.Outcome.Class != provider.Unknown {
			t.Errorf("%v: an inquiry finds %+v", err, f)
		}
	}
}

func TestAFailureThatNobodyKnowsIsAGenericDecline(t *testing.T) {
	table := provider.NewTable([]byte(`{"version": 1, "source": "a test", "codes": [{"raw": "poor", "code": "insufficient_funds"}]}`))
	eur, err := money.ParseCurrency("EUR")
	if err != nil {
		t.Fatal(err)
	}
	from := provider.Outcome{Class: provider.Approved, Amount: money.Of(1, eur), Reference: "r"}
	for text, want := range map[string]provider.Decline{
		`{"code":"poor","message":"no money"}`: {Code: provider.InsufficientFunds, Raw: "poor", Message: "no money"},
		`{"code":"moon"}`:                      {Code: provider.GenericDecline, Raw: "moon", Unrecognized: true},
		`null`:                                 {Code: provider.GenericDecline, Unrecognized: true},
	} {
		var f *simproto.Failure
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		out := f.Into(from, table)
		if out.Class != provider.Declined || out.Decline != want || out.Amount != (money.Money{}) || out.Reference != "r" || out.Detail == "" {
			t.Errorf("%s: %+v", text, out)
		}
	}
}
