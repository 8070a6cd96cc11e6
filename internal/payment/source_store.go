package payment

import (
	"context"

	"github.com/florinpay/florin/internal/db"
)

// hasSource is which payments a customer can have something of. Disputes are counted by whoever looks closer: what is disputed is to be named.
const hasSource = "(amount_captured > amount_refunded + amount_refunding + amount_withdrawn OR status = 'authorized')"

// sources are a customer's payments in a currency of which something can be had, in the order in which they were made.
func (s store) sources(ctx context.Context, tenant, customer, currency string, newest bool, limit int) ([]Payment, error) {
	order := "ASC"
	if newest {
		order = "DESC"
	}
	return db.List(ctx, s.db, scanPayment, paymentTable.Select()+" WHERE merchant_id = $1 AND customer_id = $2 AND currency = $3 AND "+hasSource+
		" ORDER BY id "+order+" LIMIT $4", tenant, customer, currency, int64(limit))
}

// spentSources are a customer's payments of which nothing can be had in a currency, newest first.
func (s store) spentSources(ctx context.Context, tenant, customer, currency string, limit int) ([]Payment, error) {
	return db.List(ctx, s.db, scanPayment, paymentTable.Select()+" WHERE merchant_id = $1 AND customer_id = $2 AND amount_captured > 0 AND (currency <> $3 OR NOT "+
		hasSource+") ORDER BY id DESC LIMIT $4", tenant, customer, currency, int64(limit))
}

// operating tells whether a capture or a void of a payment is under way.
func (s store) operating(ctx context.Context, tenant, payment string) (bool, error) {
	n, err := db.Get(ctx, s.db, func(r db.Scanner) (n int64, err error) { return n, r.Scan(&n) },
		"SELECT COUNT(*) FROM payment_operation WHERE merchant_id = $1 AND payment_id = $2 AND kind IN ('capture', 'void') AND state IN ($3, $4, $5, $6)",
		tenant, payment, string(OperationQueued), string(OperationSending), string(OperationPending), string(OperationUnknown))
	return n > 0, err
}

// paidIn is what a customer's payments in one currency come to.
type paidIn struct {
	currency                                          string
	captured, refunded, refunding, disputed, withdrew int64
	left                                              int64
}

func (s store) paidIn(ctx context.Context, tenant, customer string) ([]paidIn, error) {
	const left = "amount_captured - amount_refunded - amount_refunding - amount_disputed - amount_withdrawn"
	return db.List(ctx, s.db, func(r db.Scanner) (b paidIn, err error) {
		return b, r.Scan(&b.currency, &b.captured, &b.refunded, &b.refunding, &b.disputed, &b.withdrew, &b.left)
	}, `SELECT currency, CAST(SUM(amount_captured) AS BIGINT), CAST(SUM(amount_refunded) AS BIGINT), CAST(SUM(amount_refunding) AS BIGINT),
		CAST(SUM(amount_disputed) AS BIGINT), CAST(SUM(amount_withdrawn) AS BIGINT), CAST(SUM(CASE WHEN `+left+` > 0 THEN `+left+` ELSE 0 END) AS BIGINT)
		FROM payment WHERE merchant_id = $1 AND customer_id = $2 AND amount_captured > 0 GROUP BY currency ORDER BY currency`, tenant, customer)
}
