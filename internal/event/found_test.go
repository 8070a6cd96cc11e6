package event

import (
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

func TestTheDeliveriesOfAnEventAreFoundByTheEvent(t *testing.T) {
	dbtest.ReadsBy(t, "webhook_delivery_event", []db.Schema{Schema},
		deliveryTable.Select()+" WHERE merchant_id = $1 AND event_id = $2 ORDER BY id DESC LIMIT $3", "acct_a:test", "evt_1", int64(10))
}

func TestTheEventsAboutAnObjectAreFoundByTheObject(t *testing.T) {
	for _, of := range []string{"subject = $2", "type = $2 AND subject = $2", "subject = $2 AND id < $2"} {
		dbtest.ReadsBy(t, "event_subject", []db.Schema{Schema},
			eventTable.Select()+" WHERE merchant_id = $1 AND "+of+" ORDER BY id DESC LIMIT $3", "acct_a:test", "pay_1", int64(10))
	}
}
