package customer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/seal"
)

const shop = "acct_shop:test"

// desk is a service over one engine, with a clock moved by hand.
type desk struct {
	*testing.T
	*Service
	now   *clock.Manual
	vault *vault
	told  *told
	tells *tells
}

// tells is what disputes hear of erasures, in Changes that may land.
type tells struct {
	mu   sync.Mutex
	said map[*db.Change]string
}

func (e *tells) EraseEvidence(c *db.Change, customer string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said[c] = customer
}

func each(t *testing.T, body func(d *desk)) {
	for name, url := range dbtest.URLs(t, audit.Schema, Schema) {
		t.Run(name, func(t *testing.T) { body(open(t, url)) })
	}
}

func open(t *testing.T, url string) *desk {
	t.Helper()
	now := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	d := dbtest.Open(t, url, db.Options{Clock: now}, audit.Schema, Schema)
	dir := t.TempDir()
	wrapper, err := seal.FileWrapper(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Open(t.Context(), wrapper, filepath.Join(dir, "keyset"))
	if err != nil {
		t.Fatal(err)
	}
	u := &desk{T: t, now: now, vault: &vault{cards: map[string]Card{}, busy: map[string]bool{}}, told: &told{}, tells: &tells{said: map[*db.Change]string{}}}
	u.Service = &Service{DB: d, Store: NewStore(d, box), Clock: now, IDs: id.NewSource(now, rand.Reader), Cards: u.vault, Tokens: u.vault, Events: u.told, Evidence: u.tells}
	return u
}

// vault has the cards, and knows which tries are under way.
type vault struct {
	mu      sync.Mutex
	cards   map[string]Card
	busy    map[string]bool
	claimed []string // token, customer, method
	down    error
}

func (v *vault) Describe(_ context.Context, tenant, token string) (Card, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.cards[token]
	if !ok || tenant != shop {
		return Card{}, false, fault.Missing("payment method token")
	}
	return c, true, nil
}

func (v *vault) Forget(_ context.Context, _, token string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.down != nil {
		return v.down
	}
	if _, ok := v.cards[token]; !ok {
		return fault.Missing("payment method token")
	}
	delete(v.cards, token)
	return nil
}

func (v *vault) has(token string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.cards[token]
	return ok
}

func (v *vault) ClaimToken(_ context.Context, _ *db.Change, token, customer, method string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.claimed = append(v.claimed, token+" "+customer+" "+method)
	return nil
}

func (v *vault) ClaimLost(error) bool { return false }

func (v *vault) TokenBusy(_ context.Context, _, token string) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.busy[token], nil
}

// told is what was told of methods, in Changes that landed.
type told struct {
	mu      sync.Mutex
	waiting map[*db.Change][]string
	landed  []string
}

func (e *told) Tell(_ context.Context, c *db.Change, did Did, m Method) error {
	text, err := json.Marshal(m.Told())
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting == nil {
		e.waiting = map[*db.Change][]string{}
	}
	e.waiting[c] = append(e.waiting[c], string(did)+" "+string(text))
	return err
}

func (e *told) Committed(c *db.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.landed = append(e.landed, e.waiting[c]...)
}

// verbs are what happened, in order.
func (e *told) verbs() (all []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, text := range e.landed {
		verb, _, _ := strings.Cut(text, " ")
		all = append(all, verb)
	}
	return all
}

// token puts a card into the vault: the same number has the same fingerprint.
func (d *desk) token(number string, year int) string {
	d.Helper()
	token := d.IDs.New(id.Token)
	d.vault.mu.Lock()
	defer d.vault.mu.Unlock()
	d.vault.cards[token] = Card{Brand: "visa", Last4: number[len(number)-4:], BIN: number[:6], ExpMonth: 12, ExpYear: year, Funding: "credit", Fingerprint: "print-" + number}
	return token
}

func aloneMethod(*db.Change, MethodObject) error { return nil }

// keeps saves a token and fails the test if that fails.
func (d *desk) keeps(customer, token string) MethodObject {
	d.Helper()
	o, err := d.Keep(d.Context(), shop, Keep{Token: token, Customer: customer, Consent: &Consent{GivenAt: d.now.Now(), TextVersion: "terms-1", IP: "203.0.113.7", Channel: Web}}, aloneMethod)
	if err != nil {
		d.Fatal(err)
	}
	return o
}

// sweep does what is due.
func (d *desk) sweep() {
	d.Helper()
	for _, s := range d.Sweeps() {
		if _, err := d.DB.SweepOnce(d.Context(), s); err != nil {
			d.Fatal(err)
		}
	}
}

// alone adds nothing to a Change.
func alone(*db.Change, Object) error { return nil }

func ada() Person {
	return Person{
		Name: "Ada Lovelace", Email: "Ada@Shop.example", Phone: "+4930123456", Reference: "user-77", Metadata: map[string]string{"plan": "gold-plan"},
		Address: &Address{Line1: "Chausseestraße 1", City: "Berlin", PostalCode: "10115", Country: "DE"},
	}
}

// makes a customer and fails the test if that fails.
func (d *desk) makes(p Person) Object {
	d.Helper()
	o, err := d.Create(d.Context(), shop, p, alone)
	if err != nil {
		d.Fatal(err)
	}
	return o
}
