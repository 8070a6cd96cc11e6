package payment

import (
	"context"
	"errors"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

var operationTable = &db.Table{Name: "payment_operation", Key: 2, IDs: id.Refund, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "payment_id"}, {Name: "attempt", Kind: db.Int}, {Name: "kind"}, {Name: "state"},
	{Name: "amount", Kind: db.Int}, {Name: "currency"}, {Name: "final", Kind: db.Int}, {Name: "purpose"}, {Name: "reason"},
	{Name: "provider_reference"}, {Name: "failure"}, {Name: "detail"}, {Name: "inquiries", Kind: db.Int},
	{Name: "not_found", Kind: db.Int}, {Name: "metadata"}, {Name: "sent_at", Kind: db.Int},
	{Name: "due_at", Kind: db.Int, Null: true}, {Name: "created_at", Kind: db.Int}, {Name: "moved_at", Kind: db.Int},
	{Name: "provider_account"}, {Name: "requested_by"}, {Name: "approved_by"}, {Name: "payout_id"},
	{Name: "manual_at", Kind: db.Int, Null: true}, {Name: "manual_reason"}, {Name: "deadline", Kind: db.Int, Null: true},
	{Name: "asked_at", Kind: db.Int, Null: true}, {Name: "by_hand"}, {Name: "waited"},
}}

func operationRow(o Operation) (db.Row, error) {
	failure, err := db.JSON(o.Failure, o.Failure == nil)
	if err != nil {
		return db.Row{}, err
	}
	metadata, err := db.JSON(o.Metadata, len(o.Metadata) == 0)
	if err != nil {
		return db.Row{}, err
	}
	hand, err := db.JSON(o.ByHand, o.ByHand == nil)
	if err != nil {
		return db.Row{}, err
	}
	waited, err := db.JSON(o.Waited, len(o.Waited) == 0)
	if err != nil {
		return db.Row{}, err
	}
	return operationTable.Write(o.Version,
		o.Merchant, o.ID, o.Payment, o.Attempt, string(o.Kind), string(o.State), o.Amount.Minor(), o.Amount.Currency().Code(),
		db.Bit(o.Final), string(o.Purpose), o.Reason, o.Reference, failure, o.Detail, o.Inquiries, o.NotFound, metadata,
		db.Micros(o.SentAt), db.MicrosOrNil(o.DueAt), db.Micros(o.CreatedAt), db.Micros(o.MovedAt),
		o.Account, o.RequestedBy, o.ApprovedBy, o.Payout, db.MicrosOrNil(o.ManualAt), string(o.ManualReason), db.MicrosOrNil(o.Deadline),
		db.MicrosOrNil(o.AskedAt), hand, waited,
	), nil
}

func scanOperation(r db.Scanner) (Operation, error) {
	var o Operation
	var minor, final, sent, created, moved int64
	var due, manual, deadline, asked *int64
	var code, failure, metadata, hand, waited string
	err := r.Scan(&o.Merchant, &o.ID, &o.Payment, &o.Attempt, &o.Kind, &o.State, &minor, &code, &final, &o.Purpose, &o.Reason,
		&o.Reference, &failure, &o.Detail, &o.Inquiries, &o.NotFound, &metadata, &sent, &due, &created, &moved, &o.Account, &o.RequestedBy, &o.ApprovedBy, &o.Payout, &manual, &o.ManualReason, &deadline, &asked, &hand, &waited, &o.Version)
	if err != nil {
		return Operation{}, err
	}
	currency, err := money.ParseCurrency(code)
	if err != nil {
		return Operation{}, fmt.Errorf("operation %s: %w", o.ID, err)
	}
	o.Amount, o.Final = money.Of(minor, currency), final == 1
	o.SentAt, o.DueAt, o.CreatedAt, o.MovedAt = db.Time(sent), db.NullTime(due), db.Time(created), db.Time(moved)
	o.ManualAt, o.Deadline, o.AskedAt = db.NullTime(manual), db.NullTime(deadline), db.NullTime(asked)
	o.was = o.State
	if err := errors.Join(db.FromJSON(failure, &o.Failure), db.FromJSON(hand, &o.ByHand), db.FromJSON(waited, &o.Waited)); err != nil {
		return Operation{}, fmt.Errorf("operation %s: %w", o.ID, err)
	}
	return o, db.FromJSON(metadata, &o.Metadata)
}

func (s store) operation(ctx context.Context, tenant, id string) (Operation, error) {
	return db.One(ctx, s.db, "refund", scanOperation, operationTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, id)
}

func (s store) operations(ctx context.Context, tenant, payment string) ([]Operation, error) {
	return db.List(ctx, s.db, scanOperation, operationTable.Select()+" WHERE merchant_id = $1 AND payment_id = $2 ORDER BY created_at, id",
		tenant, payment)
}

func (s store) refunds(ctx context.Context, tenant string, p Page, payment string) ([]Operation, bool, error) {
	filters := []db.Filter{{Column: "kind", Value: string(KindRefund)}}
	if payment != "" {
		filters = append(filters, db.Filter{Column: "payment_id", Value: payment})
	}
	return db.ListPage(ctx, s.db, operationTable, scanOperation, tenant, p, filters...)
}

// openOf are the captures and voids of some payments whose outcome is open.
func (s store) openOf(ctx context.Context, tenant string, payments []string) ([]Operation, error) {
	args := []any{tenant, string(KindCapture), string(KindVoid), string(OperationQueued), string(OperationSending), string(OperationPending), string(OperationUnknown)}
	for _, p := range payments {
		args = append(args, p)
	}
	return db.List(ctx, s.db, scanOperation, operationTable.Select()+` WHERE merchant_id = $1 AND kind IN ($2, $3) AND state IN ($4, $5, $6, $7)
		AND payment_id IN `+db.In(8, len(payments)), args...)
}
