package event

import (
	"time"

	"github.com/florinpay/florin/internal/id"
)

// RecoveryKind is what a recovery does with the deliveries that it finds.
type RecoveryKind string

// The kinds.
const (
	Resend RecoveryKind = "resend"  // they are sent again, and those that were never made are made
	GiveUp RecoveryKind = "give_up" // the endpoint is deleted: those that wait are ended
)

// Recovery is a task that outlives the process: to send an endpoint again what happened since a time, however much it is.
// It goes step by step, and waits while as many deliveries as it may make are still to be sent.
type Recovery struct {
	Merchant  string
	ID        string
	Endpoint  string
	Kind      RecoveryKind
	Filters   []string        // of types
	States    []DeliveryState // deliveries in these states are sent again
	Since     time.Time       // events from here
	Until     time.Time       // to here, exclusive
	Cursor    string          // the last event that was looked at
	Queued    int64           // deliveries so far
	DoneAt    time.Time
	DueAt     time.Time
	CreatedAt time.Time
	Version   int64
}

// RecoveryObject is a recovery as the contract shows it.
type RecoveryObject struct {
	ID        string          `json:"id"`
	Object    string          `json:"object" enum:"webhook_recovery"`
	Livemode  bool            `json:"livemode"`
	Endpoint  string          `json:"endpoint"`
	Events    []string        `json:"events"`
	Statuses  []DeliveryState `json:"statuses" doc:"Deliveries that had these are sent again. Those that were never made are made."`
	Since     time.Time       `json:"since"`
	Until     time.Time       `json:"until"`
	Status    string          `json:"status" enum:"running,done"`
	Queued    int64           `json:"queued" doc:"How many deliveries it has put in line so far."`
	DoneAt    *time.Time      `json:"done_at"`
	CreatedAt time.Time       `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o RecoveryObject) ObjectID() string { return o.ID }

// Object is the recovery as the contract shows it.
func (r Recovery) Object() RecoveryObject {
	o := RecoveryObject{
		ID: r.ID, Object: "webhook_recovery", Livemode: id.Live(r.Merchant), Endpoint: r.Endpoint, Events: r.Filters, Statuses: r.States,
		Since: r.Since, Until: r.Until, Status: "running", Queued: r.Queued, DoneAt: pointer(r.DoneAt), CreatedAt: r.CreatedAt,
	}
	if !r.DoneAt.IsZero() {
		o.Status = "done"
	}
	return o
}
