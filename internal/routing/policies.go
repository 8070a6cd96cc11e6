package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// Accounts tells which provider accounts a merchant has, in its own order.
type Accounts interface {
	Candidates(ctx context.Context, tenant string) ([]Candidate, error)
}

// Takers tells besides by which methods each of them takes payments. One that takes none, such as an account for payouts, has none.
type Takers interface {
	Accounts
	Methods(ctx context.Context, tenant string) (map[string][]string, error)
}

// Policies keeps the merchants' policies.
type Policies struct {
	DB       *db.DB // has Schema
	Accounts Takers
	Router   *Router // hears at once of what is published here; other processes do within a second
	Clock    clock.Clock
	IDs      *id.Source
}

// With adds the caller's rows, such as an audit record and the idempotency record with the answer, to the Change that makes or
// changes a policy.
type With func(c *db.Change, o Object) error

// tries is how often a change is decided anew because the rows it was decided from changed meanwhile.
const tries = 16

func (s *Policies) store() store { return store{s.DB} }

// Create makes a policy, whose first version is a draft. It fails with fault.Invalid, naming every wrong place: see Compile.
func (s *Policies) Create(ctx context.Context, tenant, by string, d Document, with With) (Object, error) {
	if _, err := s.compile(ctx, tenant, d); err != nil {
		return Object{}, err
	}
	now := s.Clock.Now()
	p := policy{merchant: tenant, id: s.IDs.New(id.Policy), created: now}
	return s.write(ctx, p, by, d, now, with)
}

// Update makes a new version of a policy, a draft. What is published stays. It fails as Create does.
func (s *Policies) Update(ctx context.Context, tenant, policy, by string, d Document, with With) (Object, error) {
	if _, err := s.compile(ctx, tenant, d); err != nil {
		return Object{}, err
	}
	return s.again(func() (Object, error) {
		p, err := s.store().policy(ctx, tenant, policy)
		if err != nil {
			return Object{}, err
		}
		return s.write(ctx, p, by, d, s.Clock.Now(), with)
	})
}

// write writes the next version of a policy.
func (s *Policies) write(ctx context.Context, p policy, by string, d Document, now time.Time, with With) (Object, error) {
	pub, err := s.store().published(ctx, p.merchant)
	if err != nil {
		return Object{}, err
	}
	p.name, p.latest, p.updated = d.Name, p.latest+1, now
	e := edition{merchant: p.merchant, policy: p.id, number: p.latest, id: s.IDs.New(id.PolicyVersion), status: Draft, document: d, by: by, created: now}
	row, err := e.row()
	if err != nil {
		return Object{}, err
	}
	return s.commit(ctx, db.NewChange(p.merchant, p.row(), row), objectOf(p, pub, &e), with)
}

func (s *Policies) commit(ctx context.Context, c *db.Change, o Object, with With) (Object, error) {
	if err := with(c, o); err != nil {
		return Object{}, err
	}
	if err := s.DB.Commit(ctx, c); err != nil {
		return Object{}, fmt.Errorf("write %s: %w", o.ID, err)
	}
	return o, nil
}

// again decides anew while others change what it was decided from.
func (s *Policies) again(do func() (Object, error)) (Object, error) {
	for try := 1; ; try++ {
		o, err := do()
		var lost *db.Conflict
		if err == nil || try == tries || !errors.As(err, &lost) ||
			!slices.ContainsFunc(Schema.Tables, func(t *db.Table) bool { return t.Name == lost.Table }) {
			return o, err
		}
	}
}

// compile judges a document by the accounts that the merchant has now.
func (s *Policies) compile(ctx context.Context, tenant string, d Document) (*Policy, error) {
	takes, err := s.Accounts.Methods(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("list what the provider accounts of %s take: %w", tenant, err)
	}
	return compile(d, func(name string) string {
		methods, is := takes[name]
		switch {
		case !is:
			return noAccount(name)
		case len(methods) == 0:
			return name + " cannot take payments"
		}
		return ""
	})
}

// Publish has a merchant's payments routed by a version of a policy. What was published before is retired, and can be
// published again. It fails with fault.Conflict if the version is published already, and with fault.Invalid if there is no such version, or
// if it is no longer right, because an account is gone.
func (s *Policies) Publish(ctx context.Context, tenant, policy string, number int64, by string, with With) (Object, error) {
	return s.again(func() (Object, error) {
		p, err := s.store().policy(ctx, tenant, policy)
		if err != nil {
			return Object{}, err
		}
		e, err := s.version(ctx, p, number)
		if err != nil {
			return Object{}, err
		}
		pub, err := s.store().published(ctx, tenant)
		if err != nil {
			return Object{}, err
		}
		return s.publish(ctx, p, e, pub, by, with)
	})
}

// Rollback publishes the newest version of a policy again that is older than the one that is published, and was ever published itself. It
// fails with fault.Conflict if the policy is not published, or has no such version.
func (s *Policies) Rollback(ctx context.Context, tenant, policy, by string, with With) (Object, error) {
	return s.again(func() (Object, error) {
		p, err := s.store().policy(ctx, tenant, policy)
		if err != nil {
			return Object{}, err
		}
		pub, err := s.store().published(ctx, tenant)
		if err != nil {
			return Object{}, err
		}
		if pub.policy != policy {
			return Object{}, fault.State("the policy is not published")
		}
		e, err := s.store().before(ctx, tenant, policy, pub.number)
		if fault.Is(err, fault.NotFound) {
			return Object{}, fault.State(fmt.Sprintf("no version before %d was ever published", pub.number))
		}
		if err != nil {
			return Object{}, err
		}
		return s.publish(ctx, p, e, pub, by, with)
	})
}

// version is a version of a policy, 0 the latest. It fails with fault.Invalid, naming the parameter, if there is none.
func (s *Policies) version(ctx context.Context, p policy, number int64) (edition, error) {
	if number == 0 {
		number = p.latest
	}
	if number > p.latest {
		return edition{}, fault.Wrong("version", fault.CodeInvalid, fmt.Sprintf("there is no version %d: the latest is %d", number, p.latest))
	}
	return s.store().edition(ctx, p.merchant, p.id, number)
}

// Unpublish has a merchant's payments routed by no policy any more: they have its own order of the accounts again. The version that was
// published is retired, and can be published again. It fails with fault.Conflict if the policy is not published.
func (s *Policies) Unpublish(ctx context.Context, tenant, policy, by string, with With) (Object, error) {
	return s.again(func() (Object, error) {
		p, err := s.store().policy(ctx, tenant, policy)
		if err != nil {
			return Object{}, err
		}
		was, err := s.store().published(ctx, tenant)
		if err != nil {
			return Object{}, err
		}
		if was.policy != policy {
			return Object{}, fault.State("the policy is not published")
		}
		c := db.NewChange(tenant)
		old, err := s.retire(ctx, c, was)
		if err != nil {
			return Object{}, err
		}
		none := pointer{merchant: tenant, by: by, at: s.Clock.Now(), version: was.version}
		c.Add(none.row())
		return s.route(ctx, tenant, c, objectOf(p, none, &old), with)
	})
}

// retire has what is published be so no longer.
func (s *Policies) retire(ctx context.Context, c *db.Change, was pointer) (edition, error) {
	old, err := s.store().edition(ctx, was.merchant, was.policy, was.number)
	if err != nil {
		return edition{}, err
	}
	old.status = Retired
	return old, addEdition(c, old)
}

// route commits what changes how payments are routed.
func (s *Policies) route(ctx context.Context, tenant string, c *db.Change, o Object, with With) (Object, error) {
	o, err := s.commit(ctx, c, o, with)
	if err == nil && s.Router != nil && s.Router.current != nil {
		s.Router.current.Forget(tenant)
	}
	return o, err
}

func (s *Policies) publish(ctx context.Context, p policy, e edition, was pointer, by string, with With) (Object, error) {
	if was.policy == p.id && was.number == e.number {
		return Object{}, fault.State(fmt.Sprintf("version %d is published already", e.number))
	}
	if _, err := s.compile(ctx, p.merchant, e.document); err != nil {
		return Object{}, under("document.", err)
	}
	now := s.Clock.Now()
	c := db.NewChange(p.merchant)
	if was.routes() {
		if _, err := s.retire(ctx, c, was); err != nil {
			return Object{}, err
		}
	}
	e.status, e.published = Published, now
	if err := addEdition(c, e); err != nil {
		return Object{}, err
	}
	is := pointer{merchant: p.merchant, policy: p.id, number: e.number, by: by, at: now, version: was.version}
	c.Add(is.row())
	return s.route(ctx, p.merchant, c, objectOf(p, is, &e), with)
}

func addEdition(c *db.Change, e edition) error {
	row, err := e.row()
	if err == nil {
		c.Add(row)
	}
	return err
}

// under tells where in an answer or a request the document is that is wrong.
func under(prefix string, err error) error {
	var wrong *fault.Error
	if !errors.As(err, &wrong) || wrong.Kind != fault.Invalid {
		return err
	}
	var all fault.Collect
	for _, f := range wrong.Fields {
		all.Add(prefix+f.Param, f.Code, f.Detail)
	}
	return all.Err()
}

// Get is a policy with what its published version says, or its latest if it is not published; fault.NotFound if there is none.
func (s *Policies) Get(ctx context.Context, tenant, policy string) (Object, error) {
	p, err := s.store().policy(ctx, tenant, policy)
	if err != nil {
		return Object{}, err
	}
	pub, err := s.store().published(ctx, tenant)
	if err != nil {
		return Object{}, err
	}
	number := p.latest
	if pub.policy == p.id {
		number = pub.number
	}
	e, err := s.store().edition(ctx, tenant, policy, number)
	return objectOf(p, pub, &e), err
}

// List is a page of a merchant's policies, newest first.
func (s *Policies) List(ctx context.Context, tenant string, p db.Page) ([]Object, bool, error) {
	found, more, err := s.store().policies(ctx, tenant, p)
	if err != nil {
		return nil, false, err
	}
	pub, err := s.store().published(ctx, tenant)
	objects := make([]Object, len(found))
	for i, one := range found {
		objects[i] = objectOf(one, pub, nil)
	}
	return objects, more, err
}

// Versions is a page of a policy's versions, newest first.
func (s *Policies) Versions(ctx context.Context, tenant, policy string, p db.Page) ([]VersionObject, bool, error) {
	if _, err := s.store().policy(ctx, tenant, policy); err != nil {
		return nil, false, err
	}
	found, more, err := s.store().editions(ctx, tenant, policy, p)
	objects := make([]VersionObject, len(found))
	for i, e := range found {
		objects[i] = e.object()
	}
	return objects, more, err
}

// Edition is a compiled version of a policy.
type Edition struct {
	Policy  string // its id
	Version int64
	Rules   *Policy
}

// Compiled is a version of a policy, 0 the latest, whichever of its accounts the merchant still has. It fails with fault.NotFound if there is
// no such policy, and with fault.Invalid, naming version, if it has no such version.
func (s *Policies) Compiled(ctx context.Context, tenant, policy string, number int64) (Edition, error) {
	p, err := s.store().policy(ctx, tenant, policy)
	if err != nil {
		return Edition{}, err
	}
	e, err := s.version(ctx, p, number)
	if err != nil {
		return Edition{}, err
	}
	return compiledOf(e)
}

// CompiledPublished is the version that a merchant has published; false if that is none.
func (s *Policies) CompiledPublished(ctx context.Context, tenant string) (Edition, bool, error) {
	pub, err := s.store().published(ctx, tenant)
	if err != nil || !pub.routes() {
		return Edition{}, false, err
	}
	e, err := s.store().edition(ctx, tenant, pub.policy, pub.number)
	if err != nil {
		return Edition{}, false, err
	}
	made, err := compiledOf(e)
	return made, err == nil, err
}

func compiledOf(e edition) (Edition, error) {
	rules, err := compile(e.document, nil)
	if err != nil {
		return Edition{}, fmt.Errorf("compile version %d of %s: %w", e.number, e.policy, err)
	}
	return Edition{e.policy, e.number, rules}, nil
}

func (s *Policies) ranker() Ranker {
	if s.Router == nil {
		return nil
	}
	return s.Router.o.Ranker
}
