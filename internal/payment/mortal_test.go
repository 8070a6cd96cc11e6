package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simcard"
)

// dies runs what a process does until it dies.
func dies(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			dead, ok := p.(error)
			if !ok || !errors.Is(dead, errCrash) {
				panic(p)
			}
			err = dead
		}
	}()
	return do()
}

// mortalHandle is what a worker does in a sweep until it dies.
func mortalHandle(handle func(context.Context, []string) error) func(context.Context, []string) error {
	return func(ctx context.Context, key []string) error {
		err := dies(func() error { return handle(ctx, key) })
		if errors.Is(err, errCrash) {
			return nil
		}
		return err
	}
}

// life is one way with what it has come to.
type life struct {
	crossing
	token   string
	payment string
	armed   bool
	met     int // boundaries
}

// lives are all ways, by what names them at a provider.
type lives struct {
	mu        sync.Mutex
	byToken   map[string]*life
	byPayment map[string]*life
	deaths    int
}

func (l *lives) add(one *life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byToken[one.token] = one
}

func (l *lives) arm(one *life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one.armed = true
}

// boundary is where a process may die. The first one of a payment tells whose way it is.
func (l *lives) boundary(payment, token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.byPayment[payment]
	if one == nil {
		one = l.byToken[token]
		one.payment = payment
		l.byPayment[payment] = one
	}
	if !one.armed {
		return
	}
	one.met++
	if slices.Contains(strings.Fields(one.dies), fmt.Sprint(one.met)) {
		l.deaths++
		panic(errCrash)
	}
}

// mortal is the connector of processes that die before or after a call.
type mortal struct {
	*simcard.Connector
	lives *lives
}

func (m mortal) Authorize(ctx context.Context, a provider.Account, r provider.Authorization) provider.Outcome {
	m.lives.boundary(r.Payment, r.Card)
	defer m.lives.boundary(r.Payment, r.Card)
	return m.Connector.Authorize(ctx, a, r)
}

func (m mortal) Authenticate(ctx context.Context, a provider.Account, r provider.Authentication) provider.AuthenticationOutcome {
	m.lives.boundary(r.Payment, r.Card)
	defer m.lives.boundary(r.Payment, r.Card)
	return m.Connector.Authenticate(ctx, a, r)
}

func (m mortal) Authenticated(ctx context.Context, a provider.Account, r provider.AuthenticationInquiry) provider.AuthenticationOutcome {
	defer m.around(r.Reference)()
	return m.Connector.Authenticated(ctx, a, r)
}

func (m mortal) Capture(ctx context.Context, a provider.Account, r provider.Capture) provider.Outcome {
	defer m.around(r.Attempt)()
	return m.Connector.Capture(ctx, a, r)
}

func (m mortal) Void(ctx context.Context, a provider.Account, r provider.Void) provider.Outcome {
	defer m.around(r.Attempt)()
	return m.Connector.Void(ctx, a, r)
}

func (m mortal) Refund(ctx context.Context, a provider.Account, r provider.Refund) provider.Outcome {
	defer m.around(r.Attempt)()
	return m.Connector.Refund(ctx, a, r)
}

func (m mortal) Inquire(ctx context.Context, a provider.Account, r provider.Inquiry) provider.Finding {
	defer m.around(r.Attempt)()
	return m.Connector.Inquire(ctx, a, r)
}

// around is the boundary before a call, and gives the one behind it.
func (m mortal) around(attempt string) func() {
	payment, _, _ := parseAttemptReference(attempt)
	m.lives.boundary(payment, "")
	return func() { m.lives.boundary(payment, "") }
}
