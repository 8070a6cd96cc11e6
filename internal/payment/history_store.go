package payment

import (
	"context"
	"errors"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// tenantAfter is the next tenant in the order of the index that has attempts; empty if there is none.
func (s store) tenantAfter(ctx context.Context, last string) (string, error) {
	next, err := db.Get(ctx, s.db, func(r db.Scanner) (tenant string, err error) { return tenant, r.Scan(&tenant) },
		"SELECT merchant_id FROM payment_attempt WHERE merchant_id > $1 ORDER BY merchant_id LIMIT 1", last)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return next, err
}

// pastCursor is an attempt by its key.
type pastCursor struct {
	payment string
	number  int64
}

// attemptsBefore is a page of a tenant's attempts, going back from one, to the payments from floor on.
func (s store) attemptsBefore(ctx context.Context, tenant, floor string, at pastCursor, limit int) ([]Attempt, error) {
	return db.List(ctx, s.db, scanAttempt, attemptTable.Select()+` WHERE merchant_id = $1 AND payment_id >= $2 AND (payment_id, number) < ($3, $4)
		ORDER BY payment_id DESC, number DESC LIMIT $5`, tenant, floor, at.payment, at.number, int64(limit))
}

// pastPayment is what is known of the payment of an attempt.
type pastPayment struct {
	id, customer string
	method       Method
	asked        Asked
	metadata     map[string]string
}

// pastPayments are some of a tenant's payments, by their ids.
func (s store) pastPayments(ctx context.Context, tenant string, ids []string) (map[string]pastPayment, error) {
	args := []any{tenant}
	for _, one := range ids {
		args = append(args, one)
	}
	found, err := db.List(ctx, s.db, func(r db.Scanner) (p pastPayment, err error) {
		var method, asked, metadata string
		var customer *string
		if err := r.Scan(&p.id, &method, &asked, &metadata, &customer); err != nil {
			return p, err
		}
		if customer != nil {
			p.customer = *customer
		}
		return p, errors.Join(db.FromJSON(method, &p.method), db.FromJSON(asked, &p.asked), db.FromJSON(metadata, &p.metadata))
	}, "SELECT id, method, asked, metadata, customer_id FROM payment WHERE merchant_id = $1 AND id IN "+db.In(2, len(ids)), args...)
	known := make(map[string]pastPayment, len(found))
	for _, p := range found {
		known[p.id] = p
	}
	return known, err
}
