package stripe

import (
	"context"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
)

// The statuses of a payment intent.
const (
	statusCanceled       = "canceled"
	statusProcessing     = "processing"
	statusRequiresAction = "requires_action"
	statusRequiresCard   = "requires_payment_method"
	statusRequiresTaking = "requires_capture"
	statusSucceeded      = "succeeded"
)

// abandoned is the reason with which an intent is canceled that wanted its payer: see settle.
const (
	abandoned    = "abandoned"
	abandonedKey = "-abandon" // behind the attempt's reference
)

// intent is Stripe's payment intent. A number that is not there stays nil: nothing defaults to zero.
type intent struct {
	ID                 string             `json:"id"`
	Object             string             `json:"object"`
	Status             string             `json:"status"`
	Currency           string             `json:"currency"`
	Amount             *int64             `json:"amount"`
	AmountCapturable   *int64             `json:"amount_capturable"`
	AmountReceived     *int64             `json:"amount_received"`
	CancellationReason string             `json:"cancellation_reason"`
	Metadata           map[string]string  `json:"metadata"`
	LastPaymentError   *apiError          `json:"last_payment_error"`
	LatestCharge       expandable[charge] `json:"latest_charge"`
	NextAction         *nextAction        `json:"next_action"`
}

// nextAction is what Stripe wants of the payer. Only a page of Stripe's can be shown: what else there is needs Stripe's own
// script on the merchant's page.
type nextAction struct {
	RedirectToURL *struct {
		URL string `json:"url"`
	} `json:"redirect_to_url"`
}

// page is where the payer must go, empty if there is no such page.
func (i intent) page() string {
	if i.NextAction == nil || i.NextAction.RedirectToURL == nil {
		return ""
	}
	return i.NextAction.RedirectToURL.URL
}

func (i intent) isObject() bool { return i.Object == "payment_intent" && i.ID != "" }

// asked is what a call asked for: an answer that speaks of anything else is not believed.
type asked struct {
	reference string
	amount    money.Money // zero: not known, as in an inquiry
	alone     bool        // no payer is there who could act
}

// settle reads what became of an authorization. If Stripe wants the payer (3-D Secure) and gives a page for it, the payer is
// led there. If nobody is there to go, or there is no page, the intent is canceled so that nothing stays open, and the card
// counts as declined for want of authentication. error_on_requires_action makes Stripe do so by itself; this is for the day
// when it does not. otherwise is the outcome of an error that named no intent.
func (c *Connector) settle(ctx context.Context, a provider.Account, i *intent, want asked, otherwise provider.Outcome) provider.Outcome {
	switch {
	case i == nil:
		return otherwise
	case otherwise.Class != provider.Declined && otherwise != (provider.Outcome{}):
		return otherwise
	case i.Metadata[metaReference] != want.reference:
		return provider.Doubt("the answer is about another reference")
	case i.Status == statusRequiresAction && (want.alone || i.page() == ""):
		return c.abandon(ctx, a, *i, want)
	case otherwise.Class == provider.Declined:
		if i.Status != statusRequiresCard && i.Status != statusCanceled {
			return provider.Doubt("declined, and yet the intent is " + i.Status)
		}
		otherwise.Reference = i.ID
		return otherwise
	}
	return i.authorized(want)
}

func (c *Connector) abandon(ctx context.Context, a provider.Account, i intent, want asked) provider.Outcome {
	// The caller may have gone: the intent must not stay open for that. The request has a timeout of its own.
	answer, failure := c.cancel(context.WithoutCancel(ctx), a, i.ID, want.reference+abandonedKey, abandoned)
	if failure != nil || answer.ID != i.ID || answer.Status != statusCanceled {
		return provider.Doubt("Stripe wants the payer, and the intent could not be canceled")
	}
	return unauthenticated(i.ID)
}

func unauthenticated(id string) provider.Outcome {
	out := provider.Refused(provider.AuthenticationRequired, statusRequiresAction, "Stripe wants the payer to authenticate; the intent was canceled")
	out.Reference = id
	return out
}

// authorized is what an intent says of its authorization.
func (i intent) authorized(want asked) provider.Outcome {
	if i.Metadata[metaReference] != want.reference {
		return provider.Doubt("the answer is about another reference")
	}
	whole, doubt := fromStripe(i.Amount, i.Currency)
	if doubt == "" {
		doubt = provider.Confirm(whole, want.amount)
	}
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	out := provider.Outcome{Class: provider.Approved, Reference: i.ID, NetworkReference: i.LatestCharge.Object.network(), Amount: whole,
		ThreeDS: i.LatestCharge.Object.threeDS()}
	switch i.Status {
	case statusRequiresAction:
		out.State, out.Action = provider.ActionRequired, provider.Action{URL: i.page()}
		return out
	case statusRequiresTaking:
		if len(i.captures()) > 0 {
			return i.received(out, provider.Captured, want)
		}
		out.State = provider.Authorized
		return i.counted(out, i.AmountCapturable, want)
	case statusSucceeded:
		return i.received(out, provider.Captured, want)
	case statusProcessing:
		out.State = provider.Pending
		return out
	case statusCanceled:
		return i.ended(out)
	case statusRequiresCard:
		return i.declined()
	}
	return provider.Doubt("the intent is " + i.Status)
}

func (i intent) received(out provider.Outcome, state provider.State, want asked) provider.Outcome {
	out.State = state
	return i.counted(out, i.AmountReceived, want)
}

// counted is the outcome with the amount that counts for its state.
func (i intent) counted(out provider.Outcome, amount *int64, want asked) provider.Outcome {
	said, doubt := fromStripe(amount, i.Currency)
	if doubt == "" {
		doubt = provider.Confirm(said, want.amount)
	}
	if doubt != "" {
		return provider.Doubt(doubt)
	}
	out.Amount = said
	return out
}

// ended reads a canceled intent: a void if it held money, else a decline whose reason may still be there.
func (i intent) ended(out provider.Outcome) provider.Outcome {
	switch {
	case i.LastPaymentError != nil:
		return i.declined()
	case i.CancellationReason == abandoned && i.LatestCharge.ID == "":
		return unauthenticated(i.ID)
	}
	out.State = provider.Voided
	return out
}

func (i intent) declined() provider.Outcome {
	if i.LastPaymentError == nil {
		return provider.Doubt("the intent wants a card, and says no reason")
	}
	e := i.LastPaymentError
	return provider.Outcome{Class: provider.Declined, Reference: i.ID, Detail: e.Type + " " + e.Code, Decline: e.decline(),
		ThreeDS: i.LatestCharge.Object.threeDS()}
}

// captured is what an intent says of one of its captures. All that were recorded must add up to what was received.
func (i intent) captured(attempt, reference string, amount money.Money) provider.Outcome {
	if i.Metadata[metaReference] != attempt {
		return provider.Doubt("the answer is about another reference")
	}
	captures := i.captures()
	part, recorded := captures[reference]
	if !recorded || part <= 0 {
		return provider.Doubt("the intent does not know the capture")
	}
	var sum int64
	for _, each := range captures {
		sum += each
	}
	if i.AmountReceived == nil || *i.AmountReceived != sum {
		return provider.Doubt("the captures do not add up to what was received")
	}
	said, doubt := fromStripe(&part, i.Currency)
	switch {
	case doubt != "":
		return provider.Doubt(doubt)
	case !amount.IsZero() && said != amount:
		return provider.Doubt("the intent knows the capture with another amount")
	}
	out := provider.Outcome{Class: provider.Approved, State: provider.Captured, Amount: said, Reference: i.LatestCharge.ID}
	if out.Reference == "" {
		out.Reference = i.ID
	}
	return out
}

// captures are the captures that left their mark on the intent, in Stripe's unit. One that cannot be read is -1.
func (i intent) captures() map[string]int64 {
	captures := map[string]int64{}
	for key, value := range i.Metadata {
		reference, ours := strings.CutPrefix(key, metaCapture)
		if !ours || !isCapture(key) {
			continue
		}
		amount, err := strconv.ParseInt(value, 10, 64)
		if err != nil || amount <= 0 {
			amount = -1
		}
		captures[reference] = amount
	}
	return captures
}

func isCapture(key string) bool {
	switch key {
	case metaReference, metaPayment, metaAttempt, metaReason:
		return false
	}
	return true
}

func (i intent) voided(attempt string) provider.Outcome {
	switch {
	case i.Metadata[metaReference] != attempt:
		return provider.Doubt("the answer is about another reference")
	case i.Status != statusCanceled:
		return provider.Doubt("canceled, and yet the intent is " + i.Status)
	}
	return provider.Outcome{Class: provider.Approved, State: provider.Voided, Reference: i.ID}
}
