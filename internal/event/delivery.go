package event

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/id"
)

// DeliveryState is how far a delivery is.
type DeliveryState string

// The states of a delivery. Pending comes again by its due_at; failed has used up its schedule, and waits for somebody to
// have it sent again.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliverySucceeded DeliveryState = "succeeded"
	DeliveryFailed    DeliveryState = "failed"
)

// DeliveryStates are all of them.
var DeliveryStates = []DeliveryState{DeliveryPending, DeliverySucceeded, DeliveryFailed}

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	Merchant   string
	ID         string
	Event      string
	Endpoint   string
	Type       Type
	Thread     string // empty: it waits for no other
	Sequence   int64
	State      DeliveryState
	Attempts   int64
	LastStatus int64  // HTTP; 0 if there was no answer
	LastError  string // why the last try failed
	LastAt     time.Time
	DueAt      time.Time // zero: nothing more to do
	Retried    int64     // tries of the schedule that runs
	Since      time.Time // when that schedule began: the delivery was made, or somebody had it sent again
	CreatedAt  time.Time
	Version    int64
}

// Again is the delivery with its schedule begun anew at a time.
func (d Delivery) Again(now time.Time) Delivery {
	d.State, d.DueAt, d.Since, d.Retried = DeliveryPending, now, now, 0
	return d
}

// GiveUp is the delivery ended without success.
func (d Delivery) GiveUp(why string) Delivery {
	d.State, d.DueAt, d.LastError = DeliveryFailed, time.Time{}, why
	return d
}

// DeliveryObject is a delivery as the contract shows it.
type DeliveryObject struct {
	ID             string          `json:"id"`
	Object         string          `json:"object" enum:"webhook_delivery"`
	Livemode       bool            `json:"livemode"`
	Event          string          `json:"event"`
	EventType      Type            `json:"event_type" example:"payment.captured"`
	Endpoint       string          `json:"endpoint"`
	Status         DeliveryState   `json:"status" enum:"pending,succeeded,failed"`
	AttemptCount   int64           `json:"attempt_count" doc:"How often it was tried."`
	ResponseStatus int64           `json:"response_status,omitempty" doc:"Of the last try; absent if no answer came."`
	Error          string          `json:"error,omitempty" doc:"Why the last try failed."`
	LastAttemptAt  *time.Time      `json:"last_attempt_at"`
	NextAttemptAt  *time.Time      `json:"next_attempt_at" doc:"When it is due; it may have to wait for its endpoint. Null: it is not tried again by itself."`
	Attempts       []AttemptObject `json:"attempts,omitempty" doc:"Each try, the first one first; only where one delivery is asked for."`
	CreatedAt      time.Time       `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o DeliveryObject) ObjectID() string { return o.ID }

// Object is the delivery as the contract shows it.
func (d Delivery) Object() DeliveryObject {
	return DeliveryObject{
		ID: d.ID, Object: "webhook_delivery", Livemode: id.Live(d.Merchant), Event: d.Event, EventType: d.Type, Endpoint: d.Endpoint, Status: d.State,
		AttemptCount: d.Attempts, ResponseStatus: d.LastStatus, Error: d.LastError,
		LastAttemptAt: pointer(d.LastAt), NextAttemptAt: pointer(d.DueAt), CreatedAt: d.CreatedAt,
	}
}

// Attempt is one try of a delivery: what was asked, what was answered, and how long it took. The body that was sent is the
// event's.
type Attempt struct {
	Merchant       string
	Delivery       string
	Number         int64 // from 1
	URL            string
	RequestHeader  map[string][]string // what the merchant keeps secret is left out
	Status         int64               // 0: no answer
	Error          string              // why it failed
	ResponseHeader map[string][]string
	ResponseBody   []byte // its beginning
	Truncated      bool
	FirstByte      time.Duration // until the answer began; 0: no answer
	Duration       time.Duration // in all
	CreatedAt      time.Time     // when it began
}

// AttemptObject is a try as the contract shows it.
type AttemptObject struct {
	Number     int64          `json:"number"`
	CreatedAt  time.Time      `json:"created_at"`
	DurationMS int64          `json:"duration_ms"`
	Error      string         `json:"error,omitempty" doc:"Why it failed."`
	Request    AttemptRequest `json:"request"`
	Response   *AttemptAnswer `json:"response" doc:"Null: no answer came."`
}

// AttemptRequest is what was sent.
type AttemptRequest struct {
	URL    string              `json:"url"`
	Header map[string][]string `json:"headers" doc:"The values of your static headers are hidden."`
	Body   string              `json:"body" doc:"The event, byte for byte as it was signed."`
}

// AttemptAnswer is what came back.
type AttemptAnswer struct {
	Status      int64               `json:"status"`
	Header      map[string][]string `json:"headers"`
	Body        string              `json:"body" doc:"The first 16 KiB."`
	Base64      bool                `json:"base64,omitempty" doc:"The body is no UTF-8 and so in base64."`
	Truncated   bool                `json:"truncated,omitempty" doc:"There was more."`
	FirstByteMS int64               `json:"first_byte_ms" doc:"How long it took until the answer began."`
}

// Object is the try as the contract shows it; body is the event's.
func (a Attempt) Object(body []byte) AttemptObject {
	o := AttemptObject{
		Number: a.Number, CreatedAt: a.CreatedAt, DurationMS: a.Duration.Milliseconds(), Error: a.Error,
		Request: AttemptRequest{URL: a.URL, Header: orNone(a.RequestHeader), Body: string(body)},
	}
	if a.Status > 0 {
		text, coded := Text(a.ResponseBody)
		o.Response = &AttemptAnswer{
			Status: a.Status, Header: orNone(a.ResponseHeader), Body: text, Base64: coded, Truncated: a.Truncated, FirstByteMS: a.FirstByte.Milliseconds(),
		}
	}
	return o
}

// Text is bytes as a text of JSON, and whether they had to be put into base64 for that. A character that was cut off at the
// end does not count.
func Text(raw []byte) (text string, coded bool) {
	whole := raw
	for cut := 0; cut < utf8.UTFMax && len(whole) > 0 && !utf8.Valid(whole); cut++ {
		whole = whole[:len(whole)-1]
	}
	if utf8.Valid(whole) {
		return string(whole), false
	}
	return base64.StdEncoding.EncodeToString(raw), true
}

func orNone(header map[string][]string) map[string][]string {
	if header == nil {
		return map[string][]string{}
	}
	return header
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
