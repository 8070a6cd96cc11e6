package client

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"time"
)

// InboundWebhook is what a provider said of the merchant's payments, and what became of it.
type InboundWebhook struct {
	ID              string     `json:"id"`
	Livemode        bool       `json:"livemode"`
	ProviderAccount string     `json:"provider_account"`
	EventID         string     `json:"event_id"` // the provider's own, or sha256: and the hash of the body
	Type            string     `json:"type"`     // the provider's own word
	Verdict         string     `json:"verdict"`  // waiting, applied, known, unmatched, unsupported, contradicted or unreadable
	Detail          string     `json:"detail"`
	Subject         *string    `json:"subject"` // pay_… or ref_…; nil: nothing of ours, or not known yet
	Duplicates      int64      `json:"duplicates"`
	Tries           int64      `json:"tries"`
	AppliedAt       *time.Time `json:"applied_at"`
	NextTryAt       *time.Time `json:"next_try_at"`             // nil: it does not wait
	Body            *string    `json:"body,omitempty"`          // of Get alone; see Raw
	BodyEncoding    string     `json:"body_encoding,omitempty"` // utf-8 or base64
	CreatedAt       time.Time  `json:"created_at"`
}

// Raw is what the provider sent, card numbers masked. There is none in lists and of a replay.
func (w *InboundWebhook) Raw() ([]byte, error) {
	switch {
	case w.Body == nil:
		return nil, fmt.Errorf("florin: inbound webhook %s came without its body: read it with Get", w.ID)
	case w.BodyEncoding == "base64":
		raw, err := base64.StdEncoding.DecodeString(*w.Body)
		if err != nil {
			return nil, fmt.Errorf("florin: the body of inbound webhook %s: %w", w.ID, err)
		}
		return raw, nil
	}
	return []byte(*w.Body), nil
}

// ListInboundWebhooks chooses inbound webhooks.
type ListInboundWebhooks struct {
	Page
	ProviderAccount string // for one provider account
	Verdict         string // of which this became
}

// InboundWebhookService calls /v1/inbound_webhooks.
type InboundWebhookService struct{ core *core }

const inboundWebhooks = "/v1/inbound_webhooks"

// Get reads an inbound webhook with its body.
func (s *InboundWebhookService) Get(ctx context.Context, id string, options ...CallOption) (*InboundWebhook, error) {
	path, err := under(inboundWebhooks, id)
	if err != nil {
		return nil, err
	}
	return get[InboundWebhook](ctx, s.core, path, nil, options)
}

// List walks inbound webhooks, newest first, page by page as it goes.
func (s *InboundWebhookService) List(ctx context.Context, p ListInboundWebhooks, options ...CallOption) iter.Seq2[*InboundWebhook, error] {
	query := p.values()
	set(query, "provider_account", p.ProviderAccount)
	set(query, "verdict", p.Verdict)
	return all(ctx, s.core, inboundWebhooks, query, func(w *InboundWebhook) string { return w.ID }, options)
}

// Replay has the server read the recorded message again and apply it. What it says that is known changes nothing.
func (s *InboundWebhookService) Replay(ctx context.Context, id string, options ...CallOption) (*InboundWebhook, error) {
	path, err := under(inboundWebhooks, id, "replay")
	if err != nil {
		return nil, err
	}
	return post[InboundWebhook](ctx, s.core, path, nil, options)
}
