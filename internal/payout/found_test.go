package payout

import (
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

func TestPayoutsAreFoundByWhatChoosesThem(t *testing.T) {
	for index, f := range map[string]Filter{
		"payout_batch": {Batch: "pb_1"}, "payout_customer": {Customer: "cus_1"}, "payout_to": {Destination: "dst_1"}, "payout_status": {Status: "held"},
	} {
		text, args := db.PageStatement(payoutTable, "acct_shop:test", db.Page{Limit: 10}, f.columns()...)
		dbtest.ReadsBy(t, index, []db.Schema{Schema}, text, args...)
	}
}
