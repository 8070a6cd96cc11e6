package payment

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/provider/simcard"
	"github.com/florinpay/florin/internal/sandbox"
	"github.com/florinpay/florin/internal/secret"
)

// The fault matrix: what the simulated acquirers do wrong, crossed with what is asked of them, and with the death of the process at each
// boundary: between the commit of an intent and the call, and between the call and the commit of its outcome, of the request and of the
// worker that takes over. A process is a Service of its own that knows nothing but the database. make soak runs all of it, make test
// a part: another one with each run, or the one that FLORIN_SEED chooses.

// crossing is one way through the matrix.
type crossing struct {
	op     string // what is asked for last
	number string // the card
	fault  string // a scenario of the sandbox, or an outage of alpha's while the operation is asked for
	dies   string // the boundaries at which a process dies, counted from the operation's beginning; none: ""
	deaf   bool   // no webhooks are sent
	toxic  string // what goes wrong on the way to alpha
}

func (c crossing) String() string {
	return fmt.Sprintf("%s of %s, %q, dies at %q, deaf %v, on the way %q", c.op, c.number, c.fault, c.dies, c.deaf, c.toxic)
}

// outage is the mode of alpha's outage, if that is the fault.
func (c crossing) outage() (mode string, ok bool) { return strings.CutPrefix(c.fault, "outage ") }

// scenario is what the cardholder's name says.
func (c crossing) scenario() string {
	if _, ok := c.outage(); ok || c.fault == "" || always[c.fault] || c.pays() {
		return strings.TrimPrefix(c.fault, "outage "+strings.TrimPrefix(c.fault, "outage "))
	}
	return c.fault + " " + strings.TrimPrefix(c.op, "part ")
}

// pays tells whether the operation is a payment itself.
func (c crossing) pays() bool { return c.op == "authorize" || c.op == "sale" || c.op == "off session" }

// always are the scenarios that concern every call of a transaction.
var always = map[string]bool{
	"duplicate_webhook": true, "late_webhook": true, "out_of_order_webhooks": true, "no_webhook": true, "amount_shift": true,
}

// forEver are the scenarios that meet each repeat of an operation too: it can never be done.
var forEver = map[string]bool{"timeout_before": true, "error_500": true, "down": true}

var (
	matrixOps    = []string{"authorize", "sale", "off session", "capture", "part capture", "void", "refund"}
	matrixFaults = []string{
		"", "timeout_before", "timeout_after", "error_500", "down", "slow", "duplicate_webhook", "late_webhook", "out_of_order_webhooks", "no_webhook",
		"amount_shift", "late_approval", "outage unavailable", "outage hang", "outage refuse",
	}
	// matrixCards are crossed without another fault: they are one. Those that are declined are only asked for money.
	matrixCards = map[string]bool{
		"4000000000000077": true, "4000000000005126": true, cardUncapturable: true, "4000000000003055": true,
		"4000000000000119": false, "4000000000000002": false,
	}
	matrixDeaths = []string{"", "1", "2", "3", "4", "5", "6", "7", "8"}
	soakDeaths   = []string{"9", "10", "1 2", "1 3", "1 4", "2 3", "2 4", "2 5", "3 4", "3 5", "1 3 5", "2 4 6", "1 2 3 4"}
)

// cardUncapturable is authorized, and every capture of it fails.
const cardUncapturable = "4000000000000341"

// crossings are all ways through the matrix.
func crossings(deaths []string) (all []crossing) {
	for _, op := range matrixOps {
		for _, dies := range deaths {
			for _, deaf := range []bool{false, true} {
				for _, f := range matrixFaults {
					all = append(all, crossing{op: op, number: visa, fault: f, dies: dies, deaf: deaf})
				}
				for number, approved := range matrixCards {
					if number == cardUncapturable && op == "refund" {
						continue // nothing was taken
					}
					if approved || (crossing{op: op}).pays() {
						all = append(all, crossing{op: op, number: number, dies: dies, deaf: deaf})
					}
				}
			}
		}
	}
	return all
}

// sampled is a part of all ways, the same for the same seed.
func sampled(all []crossing, seed string, most int) []crossing {
	rank := func(c crossing) string {
		sum := sha256.Sum256([]byte(seed + c.String()))
		return string(sum[:])
	}
	slices.SortFunc(all, func(a, b crossing) int { return strings.Compare(rank(a), rank(b)) })
	return all[:min(most, len(all))]
}

// drawnSeed chooses the part of the matrix that is run: FLORIN_SEED, or another one with each run. A run that fails says which it was.
func drawnSeed(t *testing.T) string {
	t.Helper()
	seed := os.Getenv("FLORIN_SEED")
	if seed == "" {
		seed = strings.ToLower(rand.Text()[:6])
	}
	t.Logf("FLORIN_SEED=%s runs the same part again", seed)
	return seed
}

func TestEachOrderOfTheFaultMatrixIsChargedOnceOrNotAtAll(t *testing.T) {
	all, seed := crossings(matrixDeaths), ""
	if os.Getenv("FLORIN_SOAK") != "" {
		all = crossings(append(matrixDeaths, soakDeaths...))
	} else {
		seed = drawnSeed(t)
		all = sampled(all, seed, 100)
	}
	eachStreet(t, func(s *street) {
		m := newMatrix(s)
		for _, deaf := range []bool{true, false} {
			m.hooks(!deaf)
			for _, c := range all {
				if c.deaf == deaf {
					m.runs(c)
				}
			}
		}
		m.takeOver()
		m.compare()
		s.Logf("%d ways, %d deaths, ended %v, seed %q", len(m.all), m.lives.deaths, m.ended, seed)
		for _, some := range []Status{Authorized, Captured, Canceled, Failed} {
			if m.ended[some] == 0 {
				s.Errorf("no payment is %s: nothing was tested", some)
			}
		}
		if m.lives.deaths == 0 {
			s.Error("nobody died")
		}
	})
}

// matrix runs ways through the fault matrix at one pair of acquirers.
type matrix struct {
	*street
	lives lives
	all   []*life
	ended map[Status]int
}

func newMatrix(s *street) *matrix {
	m := &matrix{street: s, lives: lives{byToken: map[string]*life{}, byPayment: map[string]*life{}}}
	s.Providers["simcard"] = mortal{s.Providers["simcard"].(*simcard.Connector), &m.lives}
	s.heard = make(chan heard, 1<<18) // nobody reads it
	return m
}

// hooks has webhooks sent, or not.
func (m *matrix) hooks(on bool) {
	m.Helper()
	for _, a := range m.accounts {
		key, hook := a.Credentials["api_key"], a.Credentials["webhook_secret"]
		account := sandbox.Account{Acquirer: a.ID, APIKey: key, SigningKey: key, WebhookSecret: hook}
		if on {
			account.WebhookURL = m.receiver + "/" + a.ID
		} else {
			account.WebhookSecret = secret.Text{}
		}
		if err := m.world.Register(account); err != nil {
			m.Fatal(err)
		}
	}
}

// process is a process over the same database.
func (m *matrix) process() *Service {
	o := m.Options
	o.Metrics = nil
	return New(o)
}

// runs asks for what a way asks for, in one process that may die over it.
func (m *matrix) runs(c crossing) {
	m.Helper()
	one, in := m.prepares(c)
	if mode, ok := c.outage(); ok {
		if _, err := m.world.Down("alpha", time.Hour, mode); err != nil {
			m.Fatal(err)
		}
	}
	m.lives.arm(one)
	err := dies(func() error { return m.asks(m.process(), one, in) })
	if up := m.world.Up("alpha"); up != nil {
		m.Fatal(up)
	}
	var refused *DeclinedError
	if err != nil && !errors.As(err, &refused) && !errors.Is(err, errCrash) {
		m.Errorf("%v: %v", c, err)
	}
}

// prepares makes what a way's operation needs, if it is not the first one.
func (m *matrix) prepares(c crossing) (*life, Create) {
	m.Helper()
	one := &life{crossing: c, token: m.card(c.number, c.scenario())}
	m.all = append(m.all, one)
	m.lives.add(one)
	in := order(c.op == "sale" || c.op == "off session" || c.op == "refund")
	in.Choice.Token = one.token
	if c.op == "off session" {
		method := m.saves(m.payer(), one.token, true)
		m.firstPaid(method)
		in.Choice.Token, in.Asked, in.QueueUntil = method, Asked{OffSession: true}, m.now.Now().Add(8*time.Hour)
	}
	if !c.pays() {
		o, err := m.process().Create(m.Context(), in, alone{})
		if err != nil || o.Status != Authorized && o.Status != Captured {
			m.Fatalf("%v: %s, %v", c, o.Status, err)
		}
	}
	return one, in
}

// asks makes the request that a way is about.
func (m *matrix) asks(s *Service, l *life, in Create) (err error) {
	ctx := context.WithoutCancel(m.Context())
	switch l.op {
	case "authorize", "sale", "off session":
		_, err = s.Create(ctx, in, alone{})
	case "capture":
		_, err = s.Capture(ctx, shop, l.payment, 0, true, alone{})
	case "part capture":
		_, err = s.Capture(ctx, shop, l.payment, 4_000, false, alone{})
	case "void":
		_, err = s.Cancel(ctx, shop, l.payment, "", alone{})
	case "refund":
		_, err = s.Refund(ctx, shop, l.payment, RefundRequest{Amount: 3_000}, alone{})
	}
	return err
}

// takeOver lets a day pass in which worker after worker does what is due, and dies where its way says so.
func (m *matrix) takeOver() {
	m.Helper()
	for _, d := range []time.Duration{
		0, 3 * time.Second, 5 * time.Second, 12 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour,
	} {
		m.now.Advance(d)
		if err := m.world.CatchUp(); err != nil {
			m.Fatal(err)
		}
		for _, sweep := range m.process().Sweeps() {
			m.drains(sweep)
		}
	}
}

// drains does what is due in a sweep. A worker that died leaves its row claimed: it comes again after the lease.
func (m *matrix) drains(sweep db.Sweep) {
	m.Helper()
	sweep.Handle = mortalHandle(sweep.Handle)
	for range 100 {
		n, err := m.DB.SweepOnce(context.WithoutCancel(m.Context()), sweep)
		if err != nil {
			m.Fatalf("sweep %s: %v", sweep.Name, err)
		}
		if n == 0 {
			return
		}
	}
	m.Errorf("the sweep %s does not end", sweep.Name)
}
