package routing

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/florinpay/florin/internal/splitmix"
)

// strategyExperiment is what a document calls an experiment. A decision has the strategy of the side that decided.
const strategyExperiment = "experiment"

// action puts candidates in an order.
type action interface {
	order(d *deciding)
}

// deciding is one decision in the making.
type deciding struct {
	req   *Request
	world World
	out   Decision
	taken []bool // by candidate
}

// take ranks a candidate next, if the account is one and is not ranked yet.
func (d *deciding) take(r Ranked) {
	for i, c := range d.req.Candidates {
		if c.Account == r.Account && !d.taken[i] {
			d.taken[i] = true
			d.out.Ranked = append(d.out.Ranked, r)
			return
		}
	}
}

// rest ranks what is left, in the merchant's own order.
func (d *deciding) rest(reason string) {
	for i, c := range d.req.Candidates {
		if !d.taken[i] {
			d.taken[i] = true
			d.out.Ranked = append(d.out.Ranked, Ranked{Account: c.Account, Reason: reason})
		}
	}
}

// notNamed is why a candidate comes behind those that the action is about.
const notNamed = "not named by the policy"

// priority is the merchant's own order.
type priority struct{}

func (priority) order(d *deciding) {
	d.out.Strategy = Priority
	d.rest("priority")
}

// ordered is a list.
type ordered struct{ accounts []string }

func (o ordered) order(d *deciding) {
	d.out.Strategy = Ordered
	for _, account := range o.accounts {
		d.take(Ranked{Account: account, Reason: "listed"})
	}
	d.rest(notNamed)
}

// split draws by weight, the next after the first one from those that are left. It draws among all the accounts that it has, also those
// that cannot take this payment: so whoever is drawn to an account stays there while another one is away.
type split struct {
	seed    string
	sticky  bool
	weights []Weight
	total   int64
}

func (s split) order(d *deciding) {
	d.out.Strategy = Split
	draw := newDraw(s.seed, d.req, s.sticky)
	left, weights := s.total, slices.Clone(s.weights)
	for left > 0 {
		at := int64(draw.Next() % uint64(left))
		for i, w := range weights {
			if at -= w.Weight; at < 0 {
				d.take(Ranked{Account: w.Account, Reason: s.reason(w)})
				left, weights[i].Weight = left-w.Weight, 0
				break
			}
		}
	}
	for _, w := range s.weights {
		d.take(Ranked{Account: w.Account, Reason: s.reason(w)})
	}
	d.rest(notNamed)
}

func (s split) reason(w Weight) string { return fmt.Sprintf("weight %d of %d", w.Weight, s.total) }

// newDraw is a row of numbers that looks random and is the same each time: of a payment, so that its next try decides the same, or of a
// customer.
func newDraw(seed string, req *Request, sticky bool) splitmix.Stream {
	kind, key := "payment", req.Payment
	if sticky && req.Customer != "" {
		kind, key = "customer", req.Customer
	}
	text := make([]byte, 0, 128)
	for _, part := range [...]string{seed, kind, req.Merchant, key} {
		text = append(text, part...)
		text = append(text, 0)
	}
	sum := sha256.Sum256(text)
	return splitmix.Stream(binary.BigEndian.Uint64(sum[:]))
}

// adaptive asks the ranker.
type adaptive struct{ accounts []string }

func (a adaptive) order(d *deciding) {
	d.out.Strategy = Adaptive
	if d.world.Ranker == nil {
		d.rest("nothing is learned here")
		return
	}
	asked := d.req
	if a.accounts != nil {
		some := *d.req
		some.Candidates = slices.DeleteFunc(slices.Clone(some.Candidates), func(c Candidate) bool { return !slices.Contains(a.accounts, c.Account) })
		asked = &some
	}
	if len(asked.Candidates) > 0 {
		for _, r := range d.world.Ranker.Rank(asked) {
			d.take(r)
		}
	}
	d.rest(notNamed)
}

// experiment gives a share of the payments to the challenger, until that is stopped.
type experiment struct {
	name                string
	sticky              bool
	share               int64 // the challenger's, in percent
	sample              int64
	control, challenger action
}

// parts is in how many a draw for an experiment is divided: so a share that is raised takes nobody out.
const parts = 10_000

func (e *experiment) order(d *deciding) {
	arm := Arm{Name: e.name, Stopped: d.world.Stopped != nil && d.world.Stopped(e.name)}
	draw := newDraw("experiment "+e.name, d.req, e.sticky)
	arm.Challenger = !arm.Stopped && draw.Next()%parts < uint64(e.share)*(parts/100)
	d.out.Experiment = &arm
	if arm.Challenger {
		e.challenger.order(d)
		return
	}
	e.control.order(d)
}
