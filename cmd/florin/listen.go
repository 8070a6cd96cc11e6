package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/florinpay/florin/internal/api"
	"github.com/florinpay/florin/internal/obs"
)

// site is one zone at its address.
type site struct {
	zone     string
	listener net.Listener
	tls      *tls.Config // nil: plain
	server   *http.Server
}

// bind takes an address before anything else is done, so that a port in use stops a process that has changed nothing yet.
func bind(ctx context.Context, zone, address, hint string) (*site, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use, so the zone %s cannot listen there: %s", address, zone, hint)
	case err != nil:
		return nil, fmt.Errorf("listen for the zone %s: %w", zone, err)
	}
	return &site{zone: zone, listener: listener}, nil
}

// loopback tells whether an address can be reached from this machine only. A name is not trusted to stay local.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (s *site) serve(log *slog.Logger) error {
	listener := s.listener
	if s.tls != nil {
		listener = tls.NewListener(listener, s.tls)
	}
	s.server.ErrorLog = slog.NewLogLogger(log.With("zone", s.zone).Handler(), slog.LevelWarn)
	return s.server.Serve(listener)
}

// handle says what the site serves. Every zone has the same bounds on headers, bodies and time.
func (s *site) handle(h http.Handler) { s.server = api.Server(h) }

// process is everything that runs, in the order in which it stops: first nothing new comes in and what is under way ends, then
// due work stops, then what both stood on.
type process struct {
	log    *slog.Logger
	health *obs.Health
	drain  time.Duration // how long requests under way may still take
	front  []*site       // merchants, browsers, providers' webhooks
	work   []func(context.Context) error
	back   []*site // the vault, the simulated acquirers, the ops zone
	close  []func() error
}

// run serves, calls ready once everything runs, and waits until ctx ends or something fails; then it stops in order. It returns nil
// after a stop that lost nothing.
func (p *process) run(ctx context.Context, ready func() error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var servers, workers sync.WaitGroup
	for _, s := range append(append([]*site{}, p.front...), p.back...) {
		servers.Go(func() {
			if err := s.serve(p.log); !errors.Is(err, http.ErrServerClosed) {
				fail(fmt.Errorf("zone %s: %w", s.zone, err))
			}
		})
	}
	working, stopWork := context.WithCancel(context.Background())
	defer stopWork()
	for _, do := range p.work {
		workers.Go(func() {
			if err := do(working); err != nil && working.Err() == nil {
				fail(err)
			}
		})
	}

	if err := ready(); err != nil {
		fail(err)
	}
	<-ctx.Done()
	p.log.Info("stopping")
	p.health.Drain()
	wrong := []error{failure(ctx), p.shut(p.front)}
	stopWork()
	workers.Wait()
	wrong = append(wrong, p.shut(p.back))
	servers.Wait()
	wrong = append(wrong, p.release())
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	p.log.Info("stopped")
	return nil
}

// failure is why the process stops, if it was not asked to.
func failure(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// shut stops sites side by side: no new connection, and the requests under way end or are cut off when the time is up.
func (p *process) shut(sites []*site) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.drain)
	defer cancel()
	faults := make([]error, len(sites))
	var stopping sync.WaitGroup
	for i, s := range sites {
		stopping.Go(func() {
			if err := s.server.Shutdown(ctx); err != nil {
				faults[i] = fmt.Errorf("requests of the zone %s did not end within %s and were cut off: %w", s.zone, p.drain, errors.Join(err, s.server.Close()))
			}
		})
	}
	stopping.Wait()
	return errors.Join(faults...)
}

// release closes what was opened, last first.
func (p *process) release() error {
	var wrong []error
	for i := len(p.close) - 1; i >= 0; i-- {
		wrong = append(wrong, p.close[i]())
	}
	p.close = nil
	return errors.Join(wrong...)
}

// url is where the site can be reached from this machine.
func (s *site) url() string {
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}
