package sandbox

import (
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/secret"
)

// acquirer is one of the simulated ones.
type acquirer struct {
	name string
	// scenarios tells whether a cardholder named SCENARIO x sets a fault here. Only at alpha: the fault is meant for the
	// first provider, and the cascade to the second must be seen to succeed.
	scenarios bool
}

var acquirers = []acquirer{{"alpha", true}, {"beta", false}}

func findAcquirer(name string) (acquirer, bool) {
	for _, a := range acquirers {
		if a.name == name {
			return a, true
		}
	}
	return acquirer{}, false
}

// Account is a merchant's contract with an acquirer: who may call, and where the webhooks go.
type Account struct {
	Acquirer      string      `json:"acquirer"`       // alpha or beta
	Merchant      string      `json:"merchant"`       // the name that a payer sees in a challenge; empty: "Test merchant"
	APIKey        secret.Text `json:"api_key"`        // the bearer token of every call
	SigningKey    secret.Text `json:"signing_key"`    // the HMAC key of the bodies of calls
	WebhookURL    string      `json:"webhook_url"`    // on this machine; empty: no webhooks are made
	WebhookSecret secret.Text `json:"webhook_secret"` // the HMAC key of webhooks
}

func (a Account) check() error {
	var wrong fault.Collect
	if _, ok := findAcquirer(a.Acquirer); !ok {
		wrong.Add("acquirer", fault.CodeInvalid, "must be alpha or beta")
	}
	a.contract().Check(&wrong)
	return wrong.Err()
}

// contract is the account without the acquirer, as every world has it.
func (a Account) contract() stage.Account {
	return stage.Account{Merchant: a.Merchant, APIKey: a.APIKey, SigningKey: a.SigningKey, WebhookURL: a.WebhookURL, WebhookSecret: a.WebhookSecret}
}

// merchant is the name that a payer sees.
func (a Account) merchant() string { return a.contract().Shown() }

// account is a registered Account with its number in the store.
type account struct {
	Account
	number int64
}

// book keeps the accounts at hand: each call looks one up.
type book struct {
	mu       sync.RWMutex
	byKey    map[[2]string]account
	byNumber map[int64]account
}

func newBook() *book {
	return &book{byKey: map[[2]string]account{}, byNumber: map[int64]account{}}
}

func (b *book) put(a account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byKey[[2]string{a.Acquirer, a.APIKey.Reveal()}] = a
	b.byNumber[a.number] = a
}

func (b *book) find(acquirer, key string) (account, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a, ok := b.byKey[[2]string{acquirer, key}]
	return a, ok
}

func (b *book) numbered(n int64) (account, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a, ok := b.byNumber[n]
	return a, ok
}

// Outage is a time during which an acquirer answers nobody.
type Outage struct {
	Acquirer string    `json:"acquirer"`
	Mode     string    `json:"mode"`
	Until    time.Time `json:"until"`
}

// outages are kept in memory only: a restart of the sandbox brings every acquirer up.
type outages struct {
	clock clock.Clock
	mu    sync.RWMutex
	by    map[string]Outage
}

func newOutages(c clock.Clock) *outages { return &outages{clock: c, by: map[string]Outage{}} }

func (o *outages) set(name string, mode string, d time.Duration) Outage {
	out := Outage{name, mode, o.clock.Now().Add(d)}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.by[name] = out
	return out
}

func (o *outages) end(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.by, name)
}

func (o *outages) now(name string) (Outage, bool) {
	o.mu.RLock()
	out, ok := o.by[name]
	o.mu.RUnlock()
	return out, ok && o.clock.Now().Before(out.Until)
}
