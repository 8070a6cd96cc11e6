package payment

import (
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

// What is asked of one payment does not cost more the more of them a merchant has.
func TestAPaymentsRowsAreFoundByThePayment(t *testing.T) {
	for text, index := range map[string]string{
		transferTable.Select() + " WHERE merchant_id = $1 AND payment_id = $2 ORDER BY id LIMIT $3": "payment_transfer_payment",
		attemptTable.Select() + ` WHERE merchant_id = $1 AND provider_account = $2 AND provider_reference = $2 AND provider_reference <> ''
			ORDER BY payment_id DESC, number DESC LIMIT $3`: "payment_attempt_reference",
	} {
		dbtest.ReadsBy(t, index, []db.Schema{Schema}, text, shop, "pay_1", int64(10))
	}
}
