package event

import (
	"slices"
	"time"

	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/secret"
)

// EndpointStatus tells whether an endpoint is sent to.
type EndpointStatus string

// The statuses of an endpoint.
const (
	Enabled  EndpointStatus = "enabled"
	Disabled EndpointStatus = "disabled"
	Deleted  EndpointStatus = "deleted" // its row stays, for the deliveries that name it
)

// Endpoint is where a merchant wants to hear of events.
type Endpoint struct {
	Merchant    string
	ID          string
	URL         string
	Filters     []string // types, prefixes such as payment.*, or *
	Status      EndpointStatus
	Description string
	Secrets     []secret.Text // whsec_…; each of them signs, the newest first
	Metadata    map[string]string
	CreatedAt   time.Time
	Version     int64
}

// Wants tells whether the endpoint is to be told of a type.
func (e Endpoint) Wants(t Type) bool {
	return e.Status == Enabled && slices.ContainsFunc(e.Filters, func(f string) bool { return Matches(f, t) })
}

// EndpointObject is an endpoint as the contract shows it. The secret is there only in the answer that made it.
type EndpointObject struct {
	ID          string            `json:"id"`
	Object      string            `json:"object" enum:"webhook_endpoint"`
	Livemode    bool              `json:"livemode"`
	URL         string            `json:"url"`
	Events      []string          `json:"events"`
	Status      EndpointStatus    `json:"status" enum:"enabled,disabled"`
	Description string            `json:"description,omitempty"`
	Version     string            `json:"version" doc:"The data version its events are rendered in."`
	Secret      string            `json:"secret,omitempty" doc:"Shown once."`
	Metadata    map[string]string `json:"metadata"`
	CreatedAt   time.Time         `json:"created_at"`
}

// Object is the endpoint as the contract shows it, without its secret.
func (e Endpoint) Object() EndpointObject {
	metadata := e.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return EndpointObject{
		ID: e.ID, Object: "webhook_endpoint", Livemode: id.Live(e.Merchant), URL: e.URL, Events: e.Filters, Status: e.Status,
		Description: e.Description, Version: Version, Metadata: metadata, CreatedAt: e.CreatedAt,
	}
}

// DeliveryState is how far a delivery is.
type DeliveryState string

// The states of a delivery. Pending comes again by its due_at; failed has used up its schedule.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliverySucceeded DeliveryState = "succeeded"
	DeliveryFailed    DeliveryState = "failed"
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	Merchant   string
	ID         string
	Event      string
	Endpoint   string
	State      DeliveryState
	Attempts   int64
	LastStatus int64  // HTTP; 0 if there was no answer
	LastError  string // why the last try failed
	LastAt     time.Time
	DueAt      time.Time // zero: nothing more to do
	CreatedAt  time.Time
	Version    int64
}

// DeliveryObject is a delivery as the contract shows it.
type DeliveryObject struct {
	ID             string        `json:"id"`
	Object         string        `json:"object" enum:"webhook_delivery"`
	Livemode       bool          `json:"livemode"`
	Event          string        `json:"event"`
	Endpoint       string        `json:"endpoint"`
	Status         DeliveryState `json:"status" enum:"pending,succeeded,failed"`
	Attempts       int64         `json:"attempts"`
	ResponseStatus int64         `json:"response_status,omitempty"`
	Error          string        `json:"error,omitempty"`
	LastAttemptAt  *time.Time    `json:"last_attempt_at"`
	NextAttemptAt  *time.Time    `json:"next_attempt_at"`
	CreatedAt      time.Time     `json:"created_at"`
}

// Object is the delivery as the contract shows it.
func (d Delivery) Object() DeliveryObject {
	return DeliveryObject{
		ID: d.ID, Object: "webhook_delivery", Livemode: id.Live(d.Merchant), Event: d.Event, Endpoint: d.Endpoint, Status: d.State,
		Attempts: d.Attempts, ResponseStatus: d.LastStatus, Error: d.LastError,
		LastAttemptAt: pointer(d.LastAt), NextAttemptAt: pointer(d.DueAt), CreatedAt: d.CreatedAt,
	}
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
