package payout

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/simpayout"
	"github.com/florinpay/florin/internal/sandbox/payouts"
	"github.com/florinpay/florin/internal/secret"
)

// The fault matrix of payouts, as that of payments: what the simulated bank does wrong, crossed with the death of the process that sends or
// asks, before and after each call. FLORIN_SOAK runs all of it; without, each run has another part,
// or the one that FLORIN_SEED chooses.

// crossing is one way through the matrix.
type crossing struct {
	scenario string // of the sandbox, or "down": it refuses everybody when the payout is sent first
	dies     string // the boundaries at which a process dies
	deaf     bool   // no webhooks are sent
}

func (c crossing) String() string {
	return fmt.Sprintf("%q, dies at %q, deaf %v", c.scenario, c.dies, c.deaf)
}

// matrixEnds are where the payouts of each scenario end, unless they are given up.
var matrixEnds = map[string]Status{
	"": Paid, "refuse": Failed, "fail": Failed, "return": Returned, "wait": Sent, "silent": Paid, "timeout_before": Paid, "timeout_after": Paid,
	"error_500": Paid, "duplicate_webhook": Paid, "out_of_order_webhooks": Paid, "down": Paid,
}

func crossings() (all []crossing) {
	deaths := []string{"", "1", "2", "3", "4", "5", "6", "1 2", "1 3", "2 3", "2 4", "3 5", "1 2 3", "2 4 6"}
	for scenario := range matrixEnds {
		for _, dies := range deaths {
			all = append(all, crossing{scenario, dies, false}, crossing{scenario, dies, true})
		}
	}
	return all
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

func TestEachPayoutOfTheFaultMatrixIsPaidOnceOrNotAtAll(t *testing.T) {
	all, seed := crossings(), drawnSeed(t)
	rank := func(c crossing) string {
		sum := sha256.Sum256([]byte(seed + c.String()))
		return string(sum[:])
	}
	slices.SortFunc(all, func(a, b crossing) int { return strings.Compare(rank(a), rank(b)) })
	if os.Getenv("FLORIN_SOAK") == "" {
		all = all[:shown]
	}
	for some := range slices.Chunk(all, shown) {
		payOut(t, some, seed)
	}
}

// shown is how many payouts the bank shows at most.
const shown = 100

// payOut runs ways on both engines.
func payOut(t *testing.T, all []crossing, seed string) {
	t.Helper()
	eachDesk(t, func(u *desk) {
		m := &matrix{desk: u, lives: map[string]*life{}, heard: make(chan struct{}, 1)}
		m.open()
		u.earn(eur(int64(len(all)) * 10_000))
		for _, deaf := range []bool{true, false} {
			m.hooks(!deaf)
			for _, down := range []bool{true, false} {
				for i, c := range all {
					if c.deaf == deaf && (c.scenario == "down") == down {
						m.asks(c, int64(100+i))
					}
				}
				m.down(down)
				m.sweep()
				m.down(false)
			}
			m.takeOver()
		}
		m.compare()
		u.Logf("%d ways, %d deaths, ended %v, seed %q", len(all), m.deaths, m.ended, seed)
		for _, some := range []Status{Paid, Failed, Returned, Sent} {
			if m.ended[some] == 0 {
				u.Errorf("no payout is %s: nothing was tested", some)
			}
		}
		if m.deaths == 0 {
			u.Error("nobody died")
		}
	})
}

// matrix runs ways through the fault matrix at one simulated bank.
type matrix struct {
	*desk
	world    *payouts.World
	account  provider.Account
	url      string
	receiver string
	ended    map[Status]int
	heard    chan struct{} // a message came

	mu     sync.Mutex
	lives  map[string]*life // by payout
	deaths int
}

// life is one way with what it has come to.
type life struct {
	crossing
	amount int64
	met    int      // boundaries
	told   []string // the messages that came
}

// only is a tenant's one account.
type only struct{ provider.Account }

func (o only) Get(context.Context, string, string) (provider.Account, error) { return o.Account, nil }
func (o only) List(context.Context, string) ([]provider.Account, error) {
	return []provider.Account{o.Account}, nil
}

// open makes the bank, the account there, and the receiver of its webhooks.
func (m *matrix) open() {
	m.Helper()
	world, err := payouts.Open(filepath.Join(m.TempDir(), "bank.db"), payouts.Options{Clock: m.now, Hold: time.Millisecond})
	if err != nil {
		m.Fatal(err)
	}
	bank, receiver := httptest.NewServer(world.Handler()), httptest.NewServer(http.HandlerFunc(m.receive))
	m.Cleanup(func() {
		bank.Close()
		if err := world.Close(); err != nil {
			m.Error(err)
		}
		receiver.Close()
	})
	m.world, m.url, m.receiver = world, bank.URL, receiver.URL
	key, hook := secret.New("key"), secret.New("hook")
	m.account = provider.Account{
		Merchant: shop, ID: "bank", Provider: "simpayout", Settings: map[string]string{"base_url": bank.URL + payouts.Prefix},
		Credentials: map[string]secret.Text{"api_key": key, "signing_key": key, "webhook_secret": hook},
	}
	m.Accounts = only{m.account}
	m.Providers["simpayout"] = mortal{simpayout.New(providertest.Sender{Client: &http.Client{Transport: &http.Transport{}}}), m}
}

// hooks has webhooks sent, or not.
func (m *matrix) hooks(on bool) {
	m.Helper()
	key := m.account.Credentials["api_key"]
	account := payouts.Account{APIKey: key, SigningKey: key}
	if on {
		account.WebhookURL, account.WebhookSecret = m.receiver, m.account.Credentials["webhook_secret"]
	}
	if err := m.world.Register(account); err != nil {
		m.Fatal(err)
	}
}

func (m *matrix) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = (*simpayout.Connector)(nil).VerifyWebhook(m.account, r.Header, body, m.now.Now())
	}
	var n provider.Notification
	if err == nil {
		n, err = (*simpayout.Connector)(nil).ReadWebhook(m.account, body)
	}
	if err == nil {
		err = m.process().Notify(r.Context(), m.account, n, func(*db.Change, payment.Heard) error { return nil })
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError) // it comes again
		return
	}
	m.mu.Lock()
	m.lives[n.Reference].told = append(m.lives[n.Reference].told, n.Type)
	m.mu.Unlock()
	select {
	case m.heard <- struct{}{}:
	default:
	}
}

// waits until a payout's message of a state has come.
func (m *matrix) waits(one *life, message string) {
	m.Helper()
	for patience := time.After(time.Minute); ; {
		m.mu.Lock()
		came := slices.Contains(one.told, message)
		m.mu.Unlock()
		if came {
			return
		}
		select {
		case <-m.heard:
		case <-patience:
			m.Fatalf("%v: no message %s came", one, message)
		}
	}
}

// down takes the bank down, or up.
func (m *matrix) down(is bool) {
	m.Helper()
	what := "up"
	if is {
		what = "down"
	}
	r, err := http.PostForm(m.url+"/control/payouts/"+what, url.Values{"seconds": {"3600"}})
	if err != nil || r.StatusCode != http.StatusOK {
		m.Fatalf("%s: %v, %v", what, r, err)
	}
	if err := r.Body.Close(); err != nil {
		m.Fatal(err)
	}
}

// asks makes a payout. The amounts differ, so that one cannot pass for another.
func (m *matrix) asks(c crossing, amount int64) {
	m.Helper()
	in := order(amount)
	if in.To.Name = "SCENARIO " + c.scenario; matrixEnds[c.scenario] == Paid && (c.scenario == "" || c.scenario == "down") {
		in.To.Name = "Ada Lovelace"
	}
	m.mu.Lock()
	defer m.mu.Unlock() // nobody sends it before it is known
	m.lives[m.pay(in).ID] = &life{crossing: c, amount: amount}
}

// process is a process over the same database.
func (m *matrix) process() *Service {
	o := m.Options
	o.Metrics = nil
	return New(o)
}

// sweep has a worker do what is due. One that died leaves its row claimed: it comes again after the lease.
func (m *matrix) sweep() {
	m.Helper()
	for _, sweep := range m.process().Sweeps() {
		handle := sweep.Handle
		sweep.Handle = func(ctx context.Context, key []string) (err error) {
			defer func() {
				if p := recover(); p != nil && p != errDied {
					panic(p)
				}
			}()
			return handle(ctx, key)
		}
		for n, round := 1, 0; n > 0; round++ {
			var err error
			if n, err = m.DB.SweepOnce(context.WithoutCancel(m.Context()), sweep); err != nil || round > 100 {
				m.Fatalf("sweep %s, round %d: %v", sweep.Name, round, err)
			}
		}
	}
}

func (m *matrix) takeOver() {
	m.Helper()
	for _, d := range []time.Duration{
		3 * time.Second, 5 * time.Second, 12 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour, // what is paid is asked about once a day
	} {
		m.now.Advance(d)
		if err := m.world.CatchUp(); err != nil {
			m.Fatal(err)
		}
		m.sweep()
	}
}

// compare holds each payout against the bank's own books.
func (m *matrix) compare() {
	m.Helper()
	r, err := http.Get(m.url + "/control/payouts/")
	if err != nil {
		m.Fatal(err)
	}
	defer r.Body.Close()
	var books struct {
		Data []struct {
			Reference, Status string
			Amount            int64
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&books); err != nil {
		m.Fatal(err)
	}
	paid := map[string][]string{}
	for _, x := range books.Data {
		paid[x.Reference] = append(paid[x.Reference], x.Status)
		if one := m.lives[x.Reference]; one == nil || one.amount != x.Amount {
			m.Errorf("the bank paid %+v, asked for was %+v", x, one)
		}
	}
	m.ended = map[Status]int{}
	words := map[Status]string{Paid: "paid", Failed: "failed", Returned: "returned", Sent: "pending"}
	for id, one := range m.lives {
		if !one.deaf && one.scenario != "silent" && len(paid[id]) == 1 {
			m.waits(one, "payout."+paid[id][0])
		}
		p, err := m.store.payout(m.Context(), shop, id)
		if err != nil {
			m.Fatal(err)
		}
		m.ended[p.Status]++
		if p.Status != matrixEnds[one.scenario] || len(paid[id]) != 1 || paid[id][0] != words[p.Status] {
			m.Errorf("%v: %s is %s, call %q, the bank has it %v; %+v", one, id, p.Status, p.Call, paid[id], p.Timeline)
		}
	}
}

var errDied = errors.New("the process died")

// mortal is the connector of processes that die before or after a call.
type mortal struct {
	*simpayout.Connector
	m *matrix
}

func (m mortal) Pay(ctx context.Context, a provider.Account, p provider.Payout) provider.Outcome {
	m.m.boundary(p.Reference)
	defer m.m.boundary(p.Reference)
	return m.Connector.Pay(ctx, a, p)
}

func (m mortal) InquirePayout(ctx context.Context, a provider.Account, q provider.PayoutInquiry) provider.Finding {
	m.m.boundary(q.Reference)
	defer m.m.boundary(q.Reference)
	return m.Connector.InquirePayout(ctx, a, q)
}

func (m *matrix) boundary(payout string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.lives[payout]
	one.met++
	if slices.Contains(strings.Fields(one.dies), fmt.Sprint(one.met)) {
		m.deaths++
		panic(errDied)
	}
}
