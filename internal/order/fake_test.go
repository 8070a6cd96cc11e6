package order

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/vault"
)

// The cards of the tests.
const (
	goodCard = "pm_tok_00000000000000000000000001"
	poorCard = "pm_tok_00000000000000000000000002" // declined
	lateCard = "pm_tok_00000000000000000000000003" // its bank answers when the test says so
	muteCard = "pm_tok_00000000000000000000000004" // the answer is lost
)

// acquirer is a provider with books of its own.
type acquirer struct {
	mu       sync.Mutex
	captured map[string]int64 // by our reference of the attempt
	refunded map[string]int64
	outcomes map[string]provider.Outcome
	refuses  int      // how many refunds it still refuses
	meeting  *meeting // authorizations wait here for each other; nil: they do not
}

func newAcquirer() *acquirer {
	return &acquirer{captured: map[string]int64{}, refunded: map[string]int64{}, outcomes: map[string]provider.Outcome{}}
}

func (*acquirer) Capabilities() provider.Capabilities {
	return provider.Capabilities{AuthorizationTTL: 7 * day, PartialCaptures: true, SettleDelay: time.Second, Timeout: time.Minute}
}

func (q *acquirer) Authorize(_ context.Context, _ provider.Account, r provider.Authorization) provider.Outcome {
	if q.meeting != nil {
		q.meeting.Await()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	o := provider.Outcome{Class: provider.Approved, State: provider.Authorized, Amount: r.Amount, Reference: "q-" + r.Reference}
	switch {
	case r.Card == poorCard:
		o = provider.Refused(provider.InsufficientFunds, "51", "no")
	case r.Card == lateCard:
		o.State = provider.Pending
	case r.Capture:
		o.State = provider.Captured
		q.captured[r.Reference] = r.Amount.Minor()
	}
	q.outcomes[r.Reference] = o
	if r.Card == muteCard {
		return provider.Doubt("no answer in time")
	}
	return o
}

// answers lets the bank of a late card say yes.
func (q *acquirer) answers() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for reference, o := range q.outcomes {
		if o.State == provider.Pending {
			o.State = provider.Captured
			q.outcomes[reference] = o
			q.captured[reference] = o.Amount.Minor()
		}
	}
}

func (q *acquirer) Capture(_ context.Context, _ provider.Account, r provider.Capture) provider.Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.captured[r.Attempt] += r.Amount.Minor()
	return provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: r.Amount, Reference: "q-" + r.Reference}
}

func (q *acquirer) Void(_ context.Context, _ provider.Account, r provider.Void) provider.Outcome {
	return provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: "q-" + r.Reference}
}

func (q *acquirer) Refund(_ context.Context, _ provider.Account, r provider.Refund) provider.Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuses > 0 {
		q.refuses--
		return provider.Refused(provider.ProcessingError, "no", "not now")
	}
	q.refunded[r.Attempt] += r.Amount.Minor()
	return provider.Outcome{Class: provider.Approved, State: provider.Succeeded, Amount: r.Amount, Reference: "q-" + r.Reference}
}

func (q *acquirer) Inquire(_ context.Context, _ provider.Account, r provider.Inquiry) provider.Finding {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o, ok := q.outcomes[r.Reference]; ok {
		return provider.Found(o)
	}
	return provider.NotFound()
}

// has is what the acquirer has of everybody's money.
func (q *acquirer) has() (sum int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for reference, captured := range q.captured {
		sum += captured - q.refunded[reference]
	}
	return sum
}

type cards struct{}

func (cards) Describe(_ context.Context, _, token string) (vault.Description, error) {
	if !slices.Contains([]string{goodCard, poorCard, lateCard, muteCard}, token) {
		return vault.Description{}, fault.Missing("token")
	}
	return vault.Description{Token: token, Fingerprint: "of " + token, Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Funding: "credit"}, nil
}

type contracts struct{}

var alpha = provider.Account{Merchant: shop, ID: "alpha", Provider: "fake"}

func (contracts) Get(context.Context, string, string) (provider.Account, error) { return alpha, nil }

func (contracts) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{alpha}, nil
}

type merchants struct{}

func (merchants) Of(context.Context, string) (merchant.Merchant, error) {
	return merchant.Merchant{ID: "acct_shop", FeeBasisPoints: 100, Origins: []string{"https://shop.example"}}, nil
}

func euros(minor int64) money.Money {
	c, err := money.ParseCurrency("EUR")
	if err != nil {
		panic(err)
	}
	return money.Of(minor, c)
}

// meeting lets go of those who wait when as many as expected are there.
type meeting struct {
	all sync.WaitGroup
}

func meetingOf(n int) *meeting {
	m := &meeting{}
	m.all.Add(n)
	return m
}

// Await waits for the others.
func (m *meeting) Await() {
	m.all.Done()
	m.all.Wait()
}
