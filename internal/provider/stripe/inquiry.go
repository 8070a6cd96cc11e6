package stripe

import (
	"context"
	"strings"

	"github.com/florinpay/florin/internal/provider"
)

// page is one page of a list or of a search.
type page[T any] struct {
	Object  string `json:"object"`
	Data    []T    `json:"data"`
	HasMore *bool  `json:"has_more"`
}

func (p page[T]) isObject() bool {
	return (p.Object == "list" || p.Object == "search_result") && p.Data != nil && p.HasMore != nil
}

const (
	pageSize = 100
	maxPages = 20 // of an intent's refunds
)

// Inquire asks what became of a call. An intent whose id was never told is found by our reference in its metadata;
// that index lags, see Capabilities.SettleDelay. What is found there is then read itself, which is never stale.
func (c *Connector) Inquire(ctx context.Context, a provider.Account, r provider.Inquiry) provider.Finding {
	id := r.Original
	if id == "" {
		found, outcome := c.search(ctx, a, r.Attempt)
		switch {
		case outcome.Class == provider.Unknown:
			return provider.Unanswered(outcome)
		case found == "":
			return provider.NotFound()
		}
		id = found
	}
	if r.Operation == provider.OpRefund {
		return c.findRefund(ctx, a, id, r.Reference)
	}
	found, failure := call[intent](ctx, c.send, get(a, intentPath(id), newForm().set("expand[0]", "latest_charge")))
	if failure != nil {
		// Even "no such intent": Stripe told of it before, so the key may be another account's.
		return provider.Unanswered(failure.outcome)
	}
	if found.ID != id || found.Metadata[metaReference] != r.Attempt {
		return provider.Unanswered(provider.Doubt("the answer is about another intent"))
	}
	return c.finding(ctx, a, found, r)
}

func (c *Connector) finding(ctx context.Context, a provider.Account, i intent, r provider.Inquiry) provider.Finding {
	switch r.Operation {
	case provider.OpAuthorize:
		want := asked{reference: r.Reference}
		if i.Status == statusRequiresAction && i.page() == "" {
			return provider.Found(c.abandon(ctx, a, i, want))
		}
		return provider.Found(i.authorized(want))
	case provider.OpCapture:
		if _, recorded := i.captures()[r.Reference]; !recorded {
			return provider.NotFound()
		}
		return provider.Found(i.captured(r.Attempt, r.Reference, asked{}.amount))
	case provider.OpVoid:
		if i.Status != statusCanceled {
			return provider.NotFound()
		}
		return provider.Found(i.voided(r.Attempt))
	}
	return provider.Unanswered(provider.Doubt("no such operation: " + string(r.Operation)))
}

// search finds the intent of an attempt by our reference. An empty id with class NotSent means that there is none; any
// doubt is an Unknown outcome.
func (c *Connector) search(ctx context.Context, a provider.Account, attempt string) (string, provider.Outcome) {
	none := provider.NotFound().Outcome
	if attempt == "" {
		return "", provider.Doubt("an inquiry without a reference")
	}
	query := newForm().set("query", "metadata['"+metaReference+"']:'"+searchQuote.Replace(attempt)+"'").number("limit", pageSize)
	found, failure := call[page[intent]](ctx, c.send, get(a, "/v1/payment_intents/search", query))
	if failure != nil {
		return "", provider.Doubt("search: " + failure.outcome.Detail)
	}
	id := ""
	for _, i := range found.Data {
		switch {
		case i.Metadata[metaReference] != attempt:
		case !i.isObject() || id != "":
			return "", provider.Doubt("search: more than one intent has the reference")
		default:
			id = i.ID
		}
	}
	if id == "" && *found.HasMore {
		return "", provider.Doubt("search: the answer has more pages than one reference can fill")
	}
	return id, none
}

var searchQuote = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// findRefund walks an intent's refunds. That list is not an index and does not lag.
func (c *Connector) findRefund(ctx context.Context, a provider.Account, id, reference string) provider.Finding {
	after := ""
	for range maxPages {
		query := newForm().set("payment_intent", id).number("limit", pageSize).set("starting_after", after)
		list, failure := call[page[refund]](ctx, c.send, get(a, "/v1/refunds", query))
		if failure != nil {
			return provider.Unanswered(failure.outcome)
		}
		for _, r := range list.Data {
			if !r.isObject() {
				return provider.Unanswered(provider.Doubt("the answer cannot be read"))
			}
			if r.Metadata[metaReference] == reference {
				return provider.Found(r.outcome(asked{reference: reference}))
			}
			after = r.ID
		}
		if !*list.HasMore {
			return provider.NotFound()
		}
		if len(list.Data) == 0 {
			break
		}
	}
	return provider.Unanswered(provider.Doubt("the intent has more refunds than can be looked through"))
}
