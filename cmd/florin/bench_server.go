package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/idempotency"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/sandbox"
	"github.com/florinpay/florin/internal/secret"
)

// benchServer is florin with the simulated acquirers over HTTP, in this process, on a database of its own.
type benchServer struct {
	parts    *parts
	where    storage
	url      *url.URL
	vault    string
	tenants  []string
	shops    []shop
	startup  time.Duration // from nothing to ready to serve, without the making of merchants
	template *recording

	asked func() // called once, by the acquirer, before it answers its first authorization
	stop  context.CancelFunc
	ended chan error
}

// startBench starts every zone on free ports of this machine and makes merchants, each with a key, an acquirer account and cards.
func startBench(ctx context.Context, c *console, where storage, b benchCommand) (_ *benchServer, err error) {
	began := clock.Stopwatch()
	s := &benchServer{where: where, ended: make(chan error, 1)}
	p := plan{where: where, sandbox: dataDir(where.Data).sandbox(), sites: map[string]*site{}, worker: true, localHTTP: true, keepEvents: event.Kept, drain: 10 * time.Second}
	for zone := range devOffsets {
		if p.sites[zone], err = bind(ctx, zone, devHost+":0", "any free port"); err != nil {
			return nil, errors.Join(err, unbind(p.sites))
		}
	}
	if s.parts, err = assemble(ctx, c.log, p); err != nil {
		return nil, errors.Join(err, unbind(p.sites))
	}
	if err = s.parts.migrate(ctx); err != nil {
		return nil, errors.Join(err, unbind(p.sites), s.parts.close())
	}
	s.watchAcquirer()
	if err = s.run(ctx); err != nil {
		return nil, err
	}
	s.startup = clock.Since(began)
	s.vault = p.sites[zoneVault].url()
	if s.url, err = url.Parse(p.sites[zoneAPI].url()); err == nil {
		err = s.fill(ctx, b)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// run starts the process and waits until it serves.
func (s *benchServer) run(ctx context.Context) error {
	ready := make(chan struct{})
	// A broken off benchmark stops its clients first and the server after them.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	process := s.parts.process()
	go func() {
		s.ended <- process.run(running, func() error { close(ready); return nil })
	}()
	select {
	case <-ready:
		return nil
	case err := <-s.ended:
		stop()
		return errors.Join(errors.New("the server did not start"), err)
	}
}

// close stops the server in order and closes its databases.
func (s *benchServer) close() error {
	s.stop()
	return <-s.ended
}

// fill makes the merchants.
func (s *benchServer) fill(ctx context.Context, b benchCommand) error {
	for i := range b.Merchants {
		account := fmt.Sprintf("acct_bench%d", i)
		tenant := id.Tenant(account, false)
		made := merchant.Merchant{ID: account, Name: "Benchmark", FeeBasisPoints: 100}
		if _, err := s.parts.merchants.Create(ctx, made, audit.Operator); err != nil {
			return fmt.Errorf("make a merchant: %w", err)
		}
		scopes, err := access.Set("vault:write")
		if err != nil {
			return err
		}
		_, key, err := s.parts.keys.Create(ctx, access.Spec{Tenant: tenant, Kind: access.Secret, Name: "bench", Scopes: scopes}, audit.Operator)
		if err != nil {
			return err
		}
		if err := s.acquirer(ctx, account, b.ProviderWebhooks); err != nil {
			return fmt.Errorf("make an acquirer account: %w", err)
		}
		tokens, err := tokenize(ctx, s.vault, key.Reveal(), b.Cards)
		if err != nil {
			return err
		}
		s.tenants = append(s.tenants, tenant)
		s.shops = append(s.shops, shop{key.Reveal(), tokens})
	}
	return nil
}

// acquirer makes a merchant's account at the simulated acquirer, on both sides.
func (s *benchServer) acquirer(ctx context.Context, account string, webhooks bool) error {
	name := devAcquirers[0]
	credentials := map[string]secret.Text{}
	for _, kind := range []string{"api_key", "signing_key", "webhook_secret"} {
		credentials[kind] = secret.New(fmt.Sprintf("%x", s.parts.mainBox.Derive("florin bench", account, kind)))
	}
	there := sandbox.Account{Acquirer: name, APIKey: credentials["api_key"], SigningKey: credentials["signing_key"]}
	if webhooks {
		there.WebhookURL, there.WebhookSecret = s.url.JoinPath("in", account, name).String(), credentials["webhook_secret"]
	}
	if err := s.parts.world.Register(there); err != nil {
		return err
	}
	_, err := s.parts.registrar().register(ctx, provider.Account{
		Merchant: id.Tenant(account, false), ID: name, Provider: "simcard", Credentials: credentials,
		Settings: map[string]string{"base_url": s.parts.plan.sites[zoneSandbox].url() + "/" + name},
	})
	return err
}

// watchAcquirer lets record look at the database while the acquirer is being asked.
func (s *benchServer) watchAcquirer() {
	server := s.parts.plan.sites[zoneSandbox].server
	inner := server.Handler
	var once sync.Once
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && s.asked != nil {
			once.Do(s.asked)
		}
		inner.ServeHTTP(w, r)
	})
}

// record makes the first payment, of the first merchant, and keeps what its two Changes wrote.
func (s *benchServer) record(ctx context.Context, run string) error {
	schemas := []db.Schema{event.Schema, ledger.Schema, idempotency.Schema, payment.Schema}
	tenant := s.tenants[0]
	var before []savedRow
	looked := errors.New("the acquirer was not asked")
	s.asked = func() { before, looked = savedRows(ctx, s.parts.main, tenant, schemas...) }
	first := &load{to: s.url, shops: s.shops[:1], run: run + "-first"}
	w := newWire(s.url)
	defer w.close()
	status, body, err := w.exchange(ctx, first.order(0, 0).next(0))
	if code := outcome(status, body, err); code != "" {
		return fmt.Errorf("the first payment was not captured: %s: %w", code, errors.Join(err, errors.New(string(body))))
	}
	if looked != nil {
		return looked
	}
	after, err := savedRows(ctx, s.parts.main, tenant, schemas...)
	if err != nil {
		return err
	}
	s.template, err = record(tenant, before, after)
	return err
}

// benchCards are the cards that the simulated acquirers approve.
var benchCards = []string{"4242424242424242", "5555555555554444", "378282246310005"}

// tokenize puts n cards into a vault zone.
func tokenize(ctx context.Context, vault, key string, n int) ([]string, error) {
	tokens := make([]string, 0, n)
	for i := range n {
		body, err := json.Marshal(map[string]any{"card": map[string]any{
			"number": benchCards[i%len(benchCards)], "exp_month": i%12 + 1, "exp_year": 2039, "cvc": map[bool]string{true: "1234", false: "123"}[i%3 == 2],
		}})
		if err != nil {
			return nil, fmt.Errorf("write a card: %w", err)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, vault+"/v1/tokens", bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("tokenize a card: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
		token, err := readToken(http.DefaultClient.Do(r))
		if err != nil {
			return nil, fmt.Errorf("tokenize a card at %s: %w", vault, err)
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

func readToken(response *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return "", err
	}
	var token struct{ ID, Code string }
	if err := json.Unmarshal(text, &token); err != nil || response.StatusCode > 299 || token.ID == "" {
		return "", fmt.Errorf("the vault answered %d %s", response.StatusCode, token.Code)
	}
	return token.ID, nil
}
