package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/health"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing"
)

// Router decides in which order accounts are asked, and hears how it went. See routing.Router.
type Router interface {
	Plan(ctx context.Context, r routing.Request) (routing.Decision, error)
	Observe(o routing.Outcome)
}

// Control knows what people have switched off. See control.Control.
type Control interface {
	// Blocked fails with fault.Unavailable and the reason if a switch stops what is asked.
	Blocked(ctx context.Context, tenant string, a control.Ask) error
	// Persons is how many people must agree to what is asked, beside the one who asks.
	Persons(ctx context.Context, tenant string, a control.Ask, amount money.Money) (int, error)
}

// reasons why accounts are left out. Those of Health are its own words.
const (
	reasonCapability = "capability"
	reasonCurrency   = "currency"
	reasonLimit      = "limit"
	reasonSwitch     = "kill_switch"
)

// objection is why an account cannot be asked for a payment's money.
type objection struct {
	reason string // a closed word
	why    error  // for the merchant
	able   bool   // it could take the payment, were it not for people or for its health
}

// progress tells whether a payment is under way already: its call goes before new ones then, see room.go.
type progress bool

const (
	isNew   progress = false
	isBegun progress = true
)

// objects is what keeps an account from being asked for a payment's money, the first that there is; nil if nothing does. It fails if that
// cannot be found out.
func (s *Service) objects(ctx context.Context, a provider.Account, p Payment, of progress) (*objection, error) {
	if o := s.incapable(a, p); o != nil {
		return o, nil
	}
	if o, err := s.switchedOff(ctx, a, p); o != nil || err != nil {
		return o, err
	}
	return s.shut(a, p, of), nil
}

// limits are the codes of what a method's terms refuse.
var limits = map[string]string{
	fault.CodeCurrency: reasonCurrency, fault.CodeAmountTooSmall: reasonLimit, fault.CodeAmountTooLarge: reasonLimit,
}

func (s *Service) incapable(a provider.Account, p Payment) *objection {
	why := s.serves(a, p)
	if why == nil {
		return nil
	}
	o := &objection{reason: reasonCapability, why: why}
	var refused *fault.Error
	if errors.As(why, &refused) && limits[refused.Code] != "" {
		o.reason = limits[refused.Code]
	}
	return o
}

func (s *Service) switchedOff(ctx context.Context, a provider.Account, p Payment) (*objection, error) {
	why := s.permits(ctx, p, string(provider.OpAuthorize), a.ID)
	if fault.Is(why, fault.Unavailable) {
		return &objection{reason: reasonSwitch, why: why, able: true}, nil
	}
	return nil, why
}

func (s *Service) shut(a provider.Account, p Payment, of progress) *objection {
	if s.Health == nil {
		return nil
	}
	now := s.Health.State(p.Merchant, a.ID, health.Authorize)
	if now.Enterable() || of == isBegun && now.Begun {
		return nil
	}
	return &objection{reason: now.Reason, able: true, why: s.shutFor(now.Reason, now.Ends)}
}

// permits is nil unless people have switched an operation of a payment off. It fails with fault.Unavailable and their reason, and with
// another error if the switches cannot be read.
func (s *Service) permits(ctx context.Context, p Payment, operation, account string) error {
	if s.Control == nil {
		return nil
	}
	return s.Control.Blocked(ctx, p.Merchant, p.asks(operation, account))
}

// switched tells whether an error says that people have switched something off.
func switched(err error) bool {
	var e *fault.Error
	return errors.As(err, &e) && e.Kind == fault.Unavailable && e.Code == fault.CodeKillSwitch
}

// persons is how many people must agree to a refund, beside the one who asks for it.
func (s *Service) persons(ctx context.Context, p Payment, op Operation) (int, error) {
	if s.Control == nil {
		return 0, nil
	}
	return s.Control.Persons(ctx, p.Merchant, p.asks(string(inquiries[op.Kind]), op.Account), op.Amount)
}

// asks is an operation of a payment as people switch it off.
func (p Payment) asks(operation, account string) control.Ask {
	return control.Ask{Operation: control.Operation(operation), Account: account, Method: p.Method.word(), Country: p.Method.Country}
}

// plan is the provider accounts that can take a payment, best first, and how that order came about. If none can, the error is that of
// the one that came nearest.
func (s *Service) plan(ctx context.Context, p Payment) ([]provider.Account, routing.Decision, error) {
	all, err := s.Accounts.List(ctx, p.Merchant)
	if err != nil {
		return nil, routing.Decision{}, fmt.Errorf("list the provider accounts of %s: %w", p.Merchant, err)
	}
	able, excluded, nearest, err := s.eligible(ctx, p, all)
	var asked []provider.Account
	if err == nil {
		asked, err = p.named(able, excluded)
	}
	switch {
	case err != nil:
		return nil, routing.Decision{}, err
	case len(asked) == 0:
		return nil, routing.Decision{}, nearest
	}
	request := p.request(s.Clock.Now())
	request.Excluded = excluded.list()
	for _, a := range asked {
		request.Candidates = append(request.Candidates, routing.Candidate{Account: a.ID, Provider: a.Provider})
	}
	if len(p.Plan) > 0 {
		return asked, inOrder(request, strategyRequested), nil
	}
	d := s.order(ctx, request)
	return ranked(d, asked), d, nil
}

// order asks the router. A payment is not lost because its policy cannot be read: it has the merchant's own order then.
func (s *Service) order(ctx context.Context, r routing.Request) routing.Decision {
	if s.Router == nil {
		return inOrder(r, routing.Priority)
	}
	d, err := s.Router.Plan(ctx, r)
	if err != nil || len(d.Ranked) != len(r.Candidates) {
		s.Logger.Error("a payment has no routing decision", "merchant_id", r.Merchant, "payment_id", r.Payment, "ranked", len(d.Ranked), "error", err)
		return inOrder(r, routing.Priority)
	}
	return d
}

// strategyRequested says that the request named its accounts.
const strategyRequested = "requested"

// inOrder is a decision for the order that is there.
func inOrder(r routing.Request, strategy string) routing.Decision {
	d := routing.Decision{Strategy: strategy, Ranked: make([]routing.Ranked, len(r.Candidates)), Excluded: r.Excluded}
	for i, c := range r.Candidates {
		d.Ranked[i] = routing.Ranked{Account: c.Account, Reason: strategy}
	}
	return d
}

// ranked is the accounts in a decision's order.
func ranked(d routing.Decision, accounts []provider.Account) []provider.Account {
	place := func(a provider.Account) int {
		return slices.IndexFunc(d.Ranked, func(r routing.Ranked) bool { return r.Account == a.ID })
	}
	sorted := slices.Clone(accounts)
	slices.SortStableFunc(sorted, func(a, b provider.Account) int { return place(a) - place(b) })
	return sorted
}

// ruledOut are the accounts that cannot be asked, each with why.
type ruledOut []struct {
	account string
	objection
}

func (r ruledOut) list() []routing.Excluded {
	var all []routing.Excluded
	for _, one := range r {
		all = append(all, routing.Excluded{Account: one.account, Reason: one.reason})
	}
	return all
}

// of is why an account was ruled out; nil if it was not.
func (r ruledOut) of(account string) *objection {
	for i := range r {
		if r[i].account == account {
			return &r[i].objection
		}
	}
	return nil
}

// eligible is the accounts, of those that a payment's request named if it named some, that can be asked for its money, those that cannot,
// and the error if none can. It fails if it cannot be found out.
func (s *Service) eligible(ctx context.Context, p Payment, all []provider.Account) (able []provider.Account, excluded ruledOut, nearest, err error) {
	for _, a := range all {
		if len(p.Plan) > 0 && !slices.Contains(p.Plan, a.ID) {
			continue
		}
		o, err := s.objects(ctx, a, p, isNew)
		if err != nil {
			return nil, nil, nil, err
		}
		if o == nil {
			able = append(able, a)
			continue
		}
		excluded = append(excluded, struct {
			account string
			objection
		}{a.ID, *o})
	}
	return able, excluded, excluded.nearest(p), nil
}

// nearest is the refusal if all accounts are ruled out: that of the one that came nearest. What its health keeps an account from weighs most,
// as it passes by itself, then what people have switched off, then what it could not do anyway. Of
// several of the first two it is that of the one that may be asked soonest.
func (r ruledOut) nearest(p Payment) error {
	most, why := 0, error(errNoAccount)
	if !p.Method.isCard() || p.Method.isWallet() {
		why = errNoMethod
	}
	for _, one := range r {
		weight := 0
		switch {
		case one.able && one.reason != reasonSwitch:
			weight = 3
		case one.able:
			weight = 2
		case !errors.Is(one.why, errNoMethod) && !p.Method.isCard():
			weight = 1
		}
		switch {
		case weight > most, weight == 1 && most == 1:
			most, why = weight, one.why
		case weight == most && weight > 1:
			why = nearer(why, one.why)
		}
	}
	return why
}

// named is the accounts that a payment's request named, in its order; all that are able if it named none. It fails with fault.Invalid for
// one that is not there, or can never take the payment.
func (p Payment) named(able []provider.Account, excluded ruledOut) ([]provider.Account, error) {
	if len(p.Plan) == 0 {
		return able, nil
	}
	var asked []provider.Account
	for i, name := range p.Plan {
		if at := slices.IndexFunc(able, func(a provider.Account) bool { return a.ID == name }); at >= 0 {
			asked = append(asked, able[at])
			continue
		}
		o := excluded.of(name)
		if o == nil || !o.able {
			return nil, fault.Wrong(fmt.Sprintf("routing.provider_accounts[%d]", i), fault.CodeInvalid, p.unfit(o))
		}
	}
	return asked, nil
}

// unfit says why an account that was named can never take a payment; nil: there is no such account.
func (p Payment) unfit(o *objection) string {
	if o == nil {
		return "no such provider account"
	}
	var why *fault.Error
	switch errors.As(o.why, &why); {
	case why == errNoAccount: // other cards it takes
		return "this provider account cannot authenticate the payer as three_ds.challenge demands"
	case why == nil || why == errNoMethod:
		return "this provider account cannot take a payment by " + p.Method.word()
	}
	return fmt.Sprintf("this provider account cannot take the payment: %s %s", why.Param, why.Detail)
}

// lane is what a try at an account needs to know of it.
func (s *Service) lane(ctx context.Context, p Payment, account provider.Account) (lane, error) {
	how, err := s.approach(ctx, p, account)
	if p.proven != nil && s.authenticates(account) {
		how = approach{} // it goes along
	}
	return lane{account: account.ID, how: how, able: s.authenticates(account), patience: s.patience(account), descriptor: s.descriptor(account, p)}, err
}

// successor finds who is asked next if an attempt fails; nil if nobody is. An account that cannot use a proof is not asked to go on with
// a payer who has given one: they would have to give it again. One that is full for new payments is asked, if the room that is kept for those
// under way is not: a new payment that is refused can be made again, this one would have failed. tries is how many accounts one request may try.
func (s *Service) successor(ctx context.Context, p Payment, a Attempt, tries int64) (*succession, error) {
	if a.Route == nil || a.State != AttemptSending || a.Route.Tried+1 >= tries {
		return nil, nil
	}
	p.Failure = nil
	for place := a.Route.Place + 1; place < int64(len(a.Route.Ranked)); place++ {
		account, err := s.Accounts.Get(ctx, p.Merchant, a.Route.Ranked[place].Account)
		switch {
		case fault.Is(err, fault.NotFound):
			continue // it was taken away meanwhile
		case err != nil:
			return nil, fmt.Errorf("provider account %s: %w", a.Route.Ranked[place].Account, err)
		}
		o, err := s.objects(ctx, account, p, isBegun)
		if err != nil {
			return nil, err
		}
		if o != nil || a.proof() != nil && !s.authenticates(account) {
			continue
		}
		next, err := s.lane(ctx, p, account)
		switch {
		case err != nil:
			return nil, err
		case a.proof() != nil: // which goes along
		case a.asking() && next.how.required && !s.proves(account):
			continue // whoever must be asked about is not charged unasked
		case next.asks() && !s.answers(account):
			if next.how.required {
				continue
			}
			next.able = false
		}
		return &succession{attempt: s.IDs.New(id.Attempt), lane: next, place: place, tries: tries, budget: s.Cascade}, nil
	}
	return nil, nil
}

// observe tells the router how an attempt ended, once that is written.
func (s *Service) observe(d decision) {
	if s.Router == nil {
		return
	}
	if o, ended := d.ending(); ended {
		s.Router.Observe(o)
	}
}
