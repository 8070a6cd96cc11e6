package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/florinpay/florin/client"
)

// strikeTimeout bounds the clearing away behind a play.
const strikeTimeout = 10 * time.Second

// hearer registers an endpoint for some types of event at a server of its own on this machine, which answers every webhook with a
// status. Both are gone when the play is over.
func hearer(status int, types ...string) step {
	return func(ctx context.Context, s *stage) error {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(devHost, "0"))
		if err != nil {
			return fmt.Errorf("listen for webhooks: %w", err)
		}
		server := &http.Server{ReadTimeout: strikeTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		s.strike = append(s.strike, func(context.Context) error {
			err := server.Close()
			if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
				err = errors.Join(err, ended)
			}
			return err
		})
		s.endpoint, err = s.florin.WebhookEndpoints.Create(ctx, client.CreateWebhookEndpoint{
			URL: "http://" + listener.Addr().String(), Events: types, Description: "florin trigger",
		})
		if err != nil {
			return fmt.Errorf("register a webhook endpoint: %w", err)
		}
		s.strike = append(s.strike, func(ctx context.Context) error { return s.florin.WebhookEndpoints.Delete(ctx, s.endpoint.ID) })
		s.say("endpoint", "%s answers %d", s.endpoint.ID, status)
		return nil
	}
}

func testEndpoint(ctx context.Context, s *stage) error {
	delivery, err := s.florin.WebhookEndpoints.Test(ctx, s.endpoint.ID)
	if err != nil {
		return fmt.Errorf("test it: %w", err)
	}
	s.say("test", "%s %s", delivery.ID, delivery.Status)
	return nil
}

// clear takes away what a play set up, last first.
func (s *stage) clear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), strikeTimeout)
	defer cancel()
	var wrong []error
	for i := len(s.strike) - 1; i >= 0; i-- {
		wrong = append(wrong, s.strike[i](ctx))
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("clear away behind it: %w", err)
	}
	return nil
}
