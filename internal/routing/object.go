package routing

import (
	"errors"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Object is a policy as the contract shows it.
type Object struct {
	ID               string    `json:"id" example:"rp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object           string    `json:"object" enum:"routing_policy"`
	Livemode         bool      `json:"livemode"`
	Name             string    `json:"name" doc:"Of the latest version."`
	LatestVersion    int64     `json:"latest_version"`
	PublishedVersion *int64    `json:"published_version" doc:"By which your payments are routed; null if they are not routed by this policy."`
	DocumentVersion  *int64    `json:"document_version,omitempty" doc:"Which version the document is. Not in lists."`
	Document         *Document `json:"document,omitempty" doc:"What the published version says, or the latest if the policy is not published; of a version that was made just now, what that one says. Not in lists: the versions have theirs."`
	CreatedAt        time.Time `json:"created_at"`
	UpdatedAt        time.Time `json:"updated_at" doc:"When the latest version was made."`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o Object) ObjectID() string { return o.ID }

// objectOf shows a policy, with what one of its versions says unless that is nil.
func objectOf(p policy, pub pointer, e *edition) Object {
	o := Object{
		ID: p.id, Object: "routing_policy", Livemode: id.Live(p.merchant), Name: p.name, LatestVersion: p.latest,
		CreatedAt: p.created, UpdatedAt: p.updated,
	}
	if e != nil {
		o.DocumentVersion, o.Document = &e.number, &e.document
	}
	if pub.policy == p.id {
		o.PublishedVersion = &pub.number
	}
	return o
}

// VersionObject is a version of a policy as the contract shows it.
type VersionObject struct {
	ID          string     `json:"id" example:"rpv_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object      string     `json:"object" enum:"routing_policy_version"`
	Livemode    bool       `json:"livemode"`
	Policy      string     `json:"policy" example:"rp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Version     int64      `json:"version"`
	Status      Status     `json:"status" enum:"draft,published,retired" doc:"A version that was published and is no longer is retired, until it is published again."`
	Document    Document   `json:"document"`
	CreatedBy   string     `json:"created_by" doc:"The key that made it."`
	PublishedAt *time.Time `json:"published_at" doc:"The last time."`
	CreatedAt   time.Time  `json:"created_at"`
}

func (e edition) object() VersionObject {
	o := VersionObject{
		ID: e.id, Object: "routing_policy_version", Livemode: id.Live(e.merchant), Policy: e.policy, Version: e.number, Status: e.status,
		Document: e.document, CreatedBy: e.by, CreatedAt: e.created,
	}
	if !e.published.IsZero() {
		o.PublishedAt = &e.published
	}
	return o
}

// TrialObject is what a version would do, as the contract shows it.
type TrialObject struct {
	Object   string        `json:"object" enum:"routing_trial"`
	Livemode bool          `json:"livemode"`
	Policy   string        `json:"policy" example:"rp_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Version  int64         `json:"version"`
	Valid    bool          `json:"valid" doc:"Whether it could be published now."`
	Faults   []FaultObject `json:"faults" doc:"What is wrong with it, such as an account that is gone."`
	Decision *Decision     `json:"decision" doc:"How it would order the accounts; null if it is not valid."`
}

// FaultObject is one wrong place of a policy.
type FaultObject struct {
	Param  string `json:"param" example:"rules[2].when"`
	Detail string `json:"detail" example:"line 1, column 7: undeclared reference to 'brnd'"`
}

func faultObjects(err error) []FaultObject {
	var wrong *fault.Error
	if !errors.As(err, &wrong) {
		return nil
	}
	all := make([]FaultObject, len(wrong.Fields))
	for i, f := range wrong.Fields {
		all[i] = FaultObject{f.Param, f.Detail}
	}
	return all
}
