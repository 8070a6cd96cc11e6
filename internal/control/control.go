package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/recent"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

const (
	// freshness is how old a node's knowledge of the switches may be; with the read itself it stays under the second that is promised.
	freshness = 500 * time.Millisecond
	cacheSize = 10_000
	// mostOn is how many switches of one tenant may be on: each payment is held against all of them.
	mostOn = 100
)

// openEnded is when to ask again for what stays off until somebody lifts it.
const openEnded = time.Minute

// Contract is a provider account, and what can be asked of it.
type Contract struct {
	Account string
	Does    []Operation
}

// Accounts tells which provider accounts there are.
type Accounts interface {
	// Contracts are those of a tenant; of Everyone, those of all merchants, among whom one name may stand for several.
	Contracts(ctx context.Context, tenant string) ([]Contract, error)
}

// Options are what a Control stands on.
type Options struct {
	DB       *db.DB // has Schema
	Accounts Accounts
	Outbox   *event.Outbox
	Clock    clock.Clock
	IDs      *id.Source
}

// Control knows what people have switched off.
type Control struct {
	Options
	cache *recent.Cache[string, []Switch]
}

// New makes a control.
func New(o Options) *Control {
	return &Control{Options: o, cache: recent.New[string, []Switch](o.Clock, freshness, cacheSize)}
}

// Blocked is nil unless a switch stops what is asked. Then it is fault.Unavailable with the reason that was given for it. It costs no
// read but one each half a second.
func (c *Control) Blocked(ctx context.Context, tenant string, a Ask) error {
	found, err := c.covering(ctx, tenant, Block, a)
	if err != nil || len(found) == 0 {
		return err
	}
	now := c.Clock.Now()
	e := &fault.Error{Kind: fault.Unavailable, Code: fault.CodeKillSwitch, Detail: fmt.Sprintf("%s is switched off: %s", a.Operation, found[0].Reason)}
	for _, s := range found {
		if s.ExpiresAt.IsZero() {
			e.RetryAfter = openEnded
			break
		}
		e.RetryAfter = max(e.RetryAfter, s.ExpiresAt.Sub(now))
	}
	return e
}

// Persons is how many people must agree to what is asked, beside the one who asks: none, one or two.
func (c *Control) Persons(ctx context.Context, tenant string, a Ask, amount money.Money) (int, error) {
	found, err := c.covering(ctx, tenant, Approve, a)
	persons := 0
	for _, s := range found {
		persons = max(persons, s.persons(amount))
	}
	return persons, err
}

// covering are the switches of a tenant, and of everybody, that cover what is asked now. The widest comes first, as
// its reason is that of the most, and of equal ones that which stays longest.
func (c *Control) covering(ctx context.Context, tenant string, m Mode, a Ask) ([]Switch, error) {
	now := c.Clock.Now()
	var found []Switch
	for _, whose := range []string{Everyone, tenant} {
		all, err := c.cache.Get(ctx, whose, func(ctx context.Context) ([]Switch, error) { return c.open(ctx, whose) })
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			if s.Mode == m && s.on(now) && s.Scope.covers(m, a) {
				found = append(found, s)
			}
		}
	}
	slices.SortStableFunc(found, func(x, y Switch) int {
		if wider := x.Scope.named() - y.Scope.named(); wider != 0 {
			return wider
		}
		if x.ExpiresAt.IsZero() != y.ExpiresAt.IsZero() {
			if x.ExpiresAt.IsZero() {
				return -1
			}
			return 1
		}
		return y.ExpiresAt.Compare(x.ExpiresAt)
	})
	return found, nil
}

// With adds the caller's rows, such as the audit record, to the Change that makes or lifts a switch.
type With func(c *db.Change, o Object) error

// Throw switches something off, or puts it under people's eyes. It fails with fault.Invalid, naming every wrong field, and with
// fault.Conflict if a hundred switches are on.
func (c *Control) Throw(ctx context.Context, s Switch, with With) (Object, error) {
	now := c.Clock.Now()
	if err := s.check(now); err != nil {
		return Object{}, err
	}
	if err := c.meets(ctx, s); err != nil {
		return Object{}, err
	}
	open, err := c.open(ctx, s.Merchant)
	if err != nil {
		return Object{}, err
	}
	if len(open) >= mostOn {
		return Object{}, fault.State(fmt.Sprintf("%d switches are on already: lift some", mostOn))
	}
	s.ID, s.CreatedAt = c.IDs.New(id.KillSwitch), now
	return c.write(ctx, s, now, with)
}

// shownMost is how many provider accounts a refusal names.
const shownMost = 20

// meets refuses a switch of an account that is not there, or of which nothing that it covers can be asked: it would stop nothing, for a slip
// of the pen.
func (c *Control) meets(ctx context.Context, s Switch) error {
	if s.Scope.Account == "" {
		return nil
	}
	all, err := c.Accounts.Contracts(ctx, s.Merchant)
	if err != nil {
		return fmt.Errorf("the provider accounts of %s: %w", s.Merchant, err)
	}
	var names []string
	var does []Operation
	for _, one := range all {
		names = append(names, one.Account)
		if one.Account == s.Scope.Account {
			does = append(does, one.Does...)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	covered := s.operations()
	switch {
	case len(names) == 0:
		return fault.Wrong(paramAccount, fault.CodeInvalid, "there is no provider account yet")
	case !slices.Contains(names, s.Scope.Account):
		return fault.Wrong(paramAccount, fault.CodeInvalid,
			fmt.Sprintf("there is no provider account %s: there are %s", s.Scope.Account, strings.Join(names[:min(len(names), shownMost)], ", ")))
	case !slices.ContainsFunc(covered, func(o Operation) bool { return slices.Contains(does, o) }):
		return fault.Wrong(paramAccount, fault.CodeInvalid, fmt.Sprintf("the provider account %s can do none of what is covered: %v", s.Scope.Account, covered))
	}
	return nil
}

// Lift ends a switch before its time. It fails with fault.NotFound, and with fault.Conflict if it does not work any more or is everybody's.
func (c *Control) Lift(ctx context.Context, tenant, switchID, by string, with With) (Object, error) {
	s, err := c.one(ctx, tenant, switchID)
	if fault.Is(err, fault.NotFound) && tenant != Everyone {
		if _, of := c.one(ctx, Everyone, switchID); of == nil {
			err = fault.State("the switch holds for the whole installation: its operator alone lifts it, by the command line")
		} else if !fault.Is(of, fault.NotFound) {
			err = of
		}
	}
	if err != nil {
		return Object{}, err
	}
	now := c.Clock.Now()
	if !s.on(now) {
		return Object{}, fault.State("the switch does not work any more: it has expired or was lifted")
	}
	s.LiftedAt, s.LiftedBy = now, by
	return c.write(ctx, s, now, with)
}

func (c *Control) write(ctx context.Context, s Switch, now time.Time, with With) (Object, error) {
	defer c.cache.Forget(s.Merchant)
	row, err := s.row()
	if err != nil {
		return Object{}, err
	}
	change, o := db.NewChange(s.Merchant, row), s.objectOf(s.Merchant, now)
	if s.Merchant != Everyone { // nobody listens for everyone
		err = c.Outbox.Emit(ctx, change, event.Fact{Type: event.KillSwitchChanged, Subject: s.ID, Thread: s.ID, Sequence: s.Version + 1, Object: o}, now)
		if err != nil {
			return Object{}, err
		}
	}
	if err := with(change, o); err != nil {
		return Object{}, err
	}
	if err := c.DB.Commit(ctx, change); err != nil {
		return Object{}, fmt.Errorf("write %s: %w", s.ID, err)
	}
	c.Outbox.Committed(change)
	return o, nil
}

// Get is a switch of a tenant, or of everybody.
func (c *Control) Get(ctx context.Context, tenant, switchID string) (Object, error) {
	s, err := c.one(ctx, tenant, switchID)
	if fault.Is(err, fault.NotFound) {
		s, err = c.one(ctx, Everyone, switchID)
	}
	if err != nil {
		return Object{}, err
	}
	return s.objectOf(tenant, c.Clock.Now()), nil
}

// List is a page of a tenant's switches, newest first.
func (c *Control) List(ctx context.Context, tenant string, p db.Page) ([]Object, bool, error) {
	found, more, err := db.ListPage(ctx, c.DB, table, scan, tenant, p)
	return c.objects(tenant, found), more, err
}

// OfEveryone are the switches of the whole installation that are on, as a tenant sees them.
func (c *Control) OfEveryone(ctx context.Context, tenant string) ([]Object, error) {
	return c.onOf(ctx, Everyone, tenant)
}

// On are the switches of a tenant that are on.
func (c *Control) On(ctx context.Context, tenant string) ([]Object, error) {
	return c.onOf(ctx, tenant, tenant)
}

func (c *Control) onOf(ctx context.Context, whose, viewer string) ([]Object, error) {
	all, err := c.open(ctx, whose)
	return c.objects(viewer, all), err
}

func (c *Control) objects(tenant string, all []Switch) []Object {
	objects, now := make([]Object, len(all)), c.Clock.Now()
	for i, s := range all {
		objects[i] = s.objectOf(tenant, now)
	}
	return objects
}

// String is a scope in words, for people.
func (s Scope) String() string {
	var words []string
	for _, part := range [][2]string{{"operation", string(s.Operation)}, {"provider account", s.Account}, {"method", s.Method}, {"country", s.Country}} {
		if part[1] != "" {
			words = append(words, part[0]+" "+part[1])
		}
	}
	if len(words) == 0 {
		return "everything"
	}
	return strings.Join(words, ", ")
}
