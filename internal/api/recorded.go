package api

import (
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
)

// identified is what an action makes or changes.
type identified interface {
	ObjectID() string
}

// recorded adds to the Change that makes an object who asked for it, and the answer.
func recorded[T identified](o *once, did audit.Action, detail map[string]string) func(*db.Change, T) error {
	return recordedAs(o, did, func(T) map[string]string { return detail })
}

// recordedAs is recorded where what is written down of an action is in what it made.
func recordedAs[T identified](o *once, did audit.Action, detail func(T) map[string]string) func(*db.Change, T) error {
	return func(c *db.Change, made T) error {
		c.Add(o.rq.by().Record(o.api.IDs, o.api.Clock.Now(), c.Merchant(), did, made.ObjectID(), detail(made)).Row())
		return o.Result(c, made, nil)
	}
}
