package api

import (
	"context"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
)

// fakePayouts answers with values in every field.
type fakePayouts struct{ commit func(*db.Change) error }

func somePayout() payout.Object {
	return payout.Object{
		ID: "po_" + someID, Object: "payout", Status: payout.Failed, Amount: 9232, Currency: "EUR", Destination: "dst_" + someID, Rail: bank.SEPAInstant,
		EstimatedArrival: &payout.Window{Earliest: start, Latest: start}, StatementDescriptor: "SHOP", Description: "d",
		Failure: &payout.FailureObject{Code: "invalid_account", Message: "closed"}, Provider: "payouts", ProviderReference: "p", Batch: "pob_" + someID,
		CreatedBy: "key_" + someID, ApprovedBy: []string{"key_" + someID}, Timeline: []payout.TimelineEntry{{At: start, Event: "payout.failed", Detail: "invalid_account"}},
		Metadata: map[string]string{"k": "v"}, CreatedAt: start, QueueUntil: &start, AmountPaid: 5000, Customer: &somePayer, ClosedLoop: payout.ModePrefer,
		ClosedLoopOrder: payout.OldestFirst, SourcePayment: &somePaymentID, PartOf: "po_" + someID,
		Parts: []payout.Part{
			{Type: payout.PartRefund, ID: "ref_" + someID, Status: payout.PartFailed, Amount: 5000, Payment: somePaymentID, Method: "card", Reason: payout.WhySource,
				Failure: &payout.FailureObject{Code: "do_not_honor", Message: "no"}, Replaced: true},
			{Type: payout.PartPayout, ID: "po_" + someID, Status: payout.PartSucceeded, Amount: 5000, Reason: payout.WhyRefundFailed},
		},
		UnusedSources: []payout.Unused{{Payment: somePaymentID, Method: "pix", Reason: "refund_window_closed", Left: 1, Until: &start}},
	}
}

var (
	somePayer     = "cus_" + someID
	somePaymentID = "pay_" + someID
)

// fakeFunds answers with values in every field.
type fakeFunds struct{}

func (fakeFunds) Funds(_ context.Context, merchant, _ string, _ payment.Page) (payment.FundsObject, error) {
	if merchant != tenant {
		return payment.FundsObject{}, fault.Missing("customer")
	}
	b := payment.FundsBalance{Currency: "EUR", PaidIn: 6, Returned: 1, Returning: 1, Disputed: 1, Withdrawn: 1, Left: 2}
	return payment.FundsObject{Object: "customer_funds", Customer: somePayer, Balances: []payment.FundsBalance{b}, Sources: []payment.FundsSourceObject{{
		Payment: somePaymentID, FundsBalance: b, Refundable: 2, Reversible: 1, RefundableUntil: &start, Barred: payment.BarNone, CreatedAt: start,
		Method: &payment.MethodObject{ID: someToken, Type: "card", Bank: "b", Card: &payment.CardObject{Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Country: "US", Funding: "debit"}},
	}}}, nil
}

func someDestination() payout.DestinationObject {
	return payout.DestinationObject{
		ID: "dst_" + someID, Object: "destination", Type: payout.TypeCard, Name: "Ada Lovelace", Country: "US", BankCode: "b", BranchCode: "c", AliasType: "email",
		Last4: "4242", Card: &payout.CardObject{Brand: "visa", Last4: "4242", Funding: "debit"}, Rails: []bank.RailName{bank.CardPush}, Blocked: true,
		BlockedReason: "r", Metadata: map[string]string{"k": "v"}, CreatedAt: start,
	}
}

// write runs what the caller adds to a Change.
func (f fakePayouts) write(merchant, what string, with func(*db.Change) error) error {
	if merchant != tenant {
		return fault.Missing(what)
	}
	c := db.NewChange(merchant)
	if err := with(c); err != nil || f.commit == nil {
		return err
	}
	return f.commit(c)
}

func (f fakePayouts) moved(merchant string, with payout.Result) (payout.Object, error) {
	return somePayout(), f.write(merchant, "payout", func(c *db.Change) error { return with(c, somePayout()) })
}

func (f fakePayouts) Create(_ context.Context, merchant string, _ payout.Create, with payout.Result) (payout.Object, error) {
	return f.moved(merchant, with)
}

func (f fakePayouts) Approve(_ context.Context, merchant, _, _ string, with payout.Result) (payout.Object, error) {
	return f.moved(merchant, with)
}

func (f fakePayouts) Cancel(_ context.Context, merchant, _, _ string, with payout.Result) (payout.Object, error) {
	return f.moved(merchant, with)
}

func (f fakePayouts) Resolve(_ context.Context, merchant, _ string, _ payout.Resolution, with payout.Result) (payout.Object, error) {
	return f.moved(merchant, with)
}

func (f fakePayouts) Batch(_ context.Context, merchant, _, _ string, _ bool, with func(*db.Change, payout.BatchObject) error) (payout.BatchObject, error) {
	b := payout.BatchObject{ID: "pob_" + someID, Object: "payout_batch", Created: 1, Invalid: 1, Totals: map[string]int64{"EUR": 1}, Lines: []payout.LineObject{
		{Line: 2, Status: "created", Amount: 1, Currency: "EUR", Payout: "po_" + someID, Held: true, Arrival: &payout.Window{Earliest: start, Latest: start}, Errors: []payout.FaultObject{}},
		{Line: 3, Status: "invalid", Errors: []payout.FaultObject{{Param: "iban", Code: "parameter_invalid", Detail: "is mistyped"}}},
	}}
	return b, f.write(merchant, "payout", func(c *db.Change) error { return with(c, b) })
}

func (fakePayouts) Get(_ context.Context, merchant, _ string) (payout.Object, error) {
	if merchant != tenant {
		return payout.Object{}, fault.Missing("payout")
	}
	return somePayout(), nil
}

func (fakePayouts) List(context.Context, string, db.Page, payout.Filter) ([]payout.Object, bool, error) {
	return []payout.Object{somePayout()}, false, nil
}

func (f fakePayouts) CreateDestination(_ context.Context, merchant string, _ payout.DestinationInput, with payout.With) (payout.DestinationObject, error) {
	return someDestination(), f.write(merchant, "destination", func(c *db.Change) error { return with(c, someDestination()) })
}

func (f fakePayouts) UpdateDestination(_ context.Context, merchant, _ string, _ payout.DestinationChange, with payout.With) (payout.DestinationObject, error) {
	return someDestination(), f.write(merchant, "destination", func(c *db.Change) error { return with(c, someDestination()) })
}

func (fakePayouts) GetDestination(_ context.Context, merchant, _ string) (payout.DestinationObject, error) {
	if merchant != tenant {
		return payout.DestinationObject{}, fault.Missing("destination")
	}
	return someDestination(), nil
}

func (fakePayouts) ListDestinations(context.Context, string, db.Page) ([]payout.DestinationObject, bool, error) {
	return []payout.DestinationObject{someDestination()}, false, nil
}
