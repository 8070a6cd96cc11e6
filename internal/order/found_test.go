package order

import (
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
)

func TestOrdersAreFoundByTheirCustomerOrInvoice(t *testing.T) {
	for index, f := range map[string]Filter{"orders_customer": {Customer: "cus_1", Status: Open}, "orders_invoice": {InvoiceNumber: "R-1"}} {
		text, args := db.PageStatement(orderTable, "acct_shop:test", db.Page{Limit: 10}, f.columns()...)
		dbtest.ReadsBy(t, index, []db.Schema{Schema}, text, args...)
	}
}
