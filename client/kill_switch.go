package client

import (
	"context"
	"iter"
	"time"
)

// KillSwitch is something that people have switched off, or want to agree to.
type KillSwitch struct {
	ID        string             `json:"id"`
	Livemode  bool               `json:"livemode"`
	Mode      string             `json:"mode"` // block or approve
	Scope     KillSwitchScope    `json:"scope"`
	TwoAbove  []KillSwitchAmount `json:"two_above,omitempty"` // above which amounts two persons must agree
	Reason    string             `json:"reason"`
	Everyone  bool               `json:"everyone"` // it holds for the whole installation: its operator alone lifts it
	On        bool               `json:"on"`
	CreatedBy string             `json:"created_by"`
	CreatedAt time.Time          `json:"created_at"`
	ExpiresAt *time.Time         `json:"expires_at"`
	LiftedBy  string             `json:"lifted_by,omitempty"`
	LiftedAt  *time.Time         `json:"lifted_at"`
}

// KillSwitchScope is what a switch covers: all that agrees with every field that is set.
type KillSwitchScope struct {
	Operation       string `json:"operation,omitempty"` // authorize, capture, void, refund, payout or inquiry
	ProviderAccount string `json:"provider_account,omitempty"`
	Method          string `json:"method,omitempty"`
	Country         string `json:"country,omitempty"`
}

// KillSwitchAmount is an amount in a currency's minor unit.
type KillSwitchAmount struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// CreateKillSwitch switches something off.
type CreateKillSwitch struct {
	Mode      string             `json:"mode,omitempty"` // block if empty
	Scope     KillSwitchScope    `json:"scope"`
	TwoAbove  []KillSwitchAmount `json:"two_above,omitempty"`
	Reason    string             `json:"reason"`
	ExpiresAt *time.Time         `json:"expires_at,omitempty"`
}

// KillSwitchService calls /v1/kill_switches.
type KillSwitchService struct{ core *core }

const killSwitches = "/v1/kill_switches"

// Create switches something off, within a second on every node.
func (s *KillSwitchService) Create(ctx context.Context, p CreateKillSwitch, options ...CallOption) (*KillSwitch, error) {
	return post[KillSwitch](ctx, s.core, killSwitches, p, options)
}

// Get reads a switch.
func (s *KillSwitchService) Get(ctx context.Context, id string, options ...CallOption) (*KillSwitch, error) {
	path, err := under(killSwitches, id)
	if err != nil {
		return nil, err
	}
	return get[KillSwitch](ctx, s.core, path, nil, options)
}

// List walks switches, newest first, after those of the whole installation that are on.
func (s *KillSwitchService) List(ctx context.Context, p Page, options ...CallOption) iter.Seq2[*KillSwitch, error] {
	return all(ctx, s.core, killSwitches, p.values(), func(k *KillSwitch) string { return k.ID }, options)
}

// Lift ends a switch.
func (s *KillSwitchService) Lift(ctx context.Context, id string, options ...CallOption) (*KillSwitch, error) {
	path, err := under(killSwitches, id)
	if err != nil {
		return nil, err
	}
	return remove[KillSwitch](ctx, s.core, path, options)
}
