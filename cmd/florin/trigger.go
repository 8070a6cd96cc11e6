package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/event"
)

type triggerCommand struct {
	Event      string        `arg:"" optional:"" help:"Type of event, such as payment.captured."`
	List       bool          `help:"Say which events there are, and what makes them happen."`
	To         remote        `embed:""`
	VaultURL   string        `help:"Address of the vault zone. The api zone's port + 2 if not given." placeholder:"URL"`
	SandboxURL string        `help:"Address of the sandbox. The api zone's port + 10 if not given." placeholder:"URL"`
	Amount     int64         `help:"Amount in the currency's minor unit." default:"4200"`
	Currency   string        `help:"ISO 4217 code." default:"EUR"`
	Wait       time.Duration `help:"How long to wait until the event is there. While a provider is not called, because it failed before, time stands still." default:"30s"`
}

func (triggerCommand) Help() string {
	return `It makes the event really happen, by the API and with the sandbox's test cards, as a payer and a merchant would: other events come with it. What it
made stays. Test keys only; the key needs the scope vault:write, which that of florin dev has.

Examples:

    florin trigger payment.captured
    florin trigger refund.failed --amount 1500 --currency USD
    florin trigger --list`
}

// Validate refuses an amount of which there is no half.
func (t triggerCommand) Validate() error {
	if t.Amount < 2 {
		return errors.New("--amount is at least 2")
	}
	return nil
}

// Run makes one event happen, and prints it when it is there.
func (t triggerCommand) Run(ctx context.Context, c *console) error {
	if t.List {
		if t.Event != "" {
			return usagef("give an event or --list")
		}
		return c.print(map[string]any{"object": "list", "data": playsShown()}, writePlays)
	}
	p, err := t.play()
	if err != nil {
		return err
	}
	s, err := t.stage(c)
	if err != nil {
		return err
	}
	ctx, s.waits = endsAfter(ctx, t.Wait, fmt.Errorf("%s did not come within %s", t.Event, t.Wait))
	defer s.waits.end()
	found, err := s.perform(ctx, p)
	if err != nil {
		return fmt.Errorf("trigger %s: %w", p.of, because(ctx, err))
	}
	return c.print(json.RawMessage(found.Raw), func(w io.Writer) { fmt.Fprintf(w, "%-8s %s %s\n", "event", found.ID, found.Type) })
}

// because is why the time was over, if it was.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return context.Cause(ctx)
	}
	return err
}

// play is that of the event that was asked for.
func (t triggerCommand) play() (play, error) {
	if t.Event == "" {
		return play{}, usagef("which event? florin trigger --list shows them")
	}
	i := slices.IndexFunc(plays, func(p play) bool { return string(p.of) == t.Event })
	switch {
	case i < 0:
		return play{}, usagef("there is no event %s: florin trigger --list shows them", t.Event)
	case plays[i].cannot != "":
		return play{}, fmt.Errorf("%s cannot be triggered: %s", t.Event, plays[i].cannot)
	}
	return plays[i], nil
}

// stage is where a play is performed, refused to live keys.
func (t triggerCommand) stage(c *console) (*stage, error) {
	if key := t.To.Key.Reveal(); !strings.HasPrefix(key, "sk_test_") && !strings.HasPrefix(key, "rk_test_") {
		return nil, usagef("--key: florin trigger takes a test key, sk_test_… or rk_test_…: it makes payments up")
	}
	vault, err := t.To.beside(zoneVault, t.VaultURL, "--vault-url")
	if err != nil {
		return nil, err
	}
	sandbox, err := t.To.beside(zoneSandbox, t.SandboxURL, "--sandbox-url")
	if err != nil {
		return nil, err
	}
	florin, err := t.To.client(client.WithVaultURL(vault))
	if err != nil {
		return nil, err
	}
	once, err := t.To.client(client.WithVaultURL(vault), client.WithRetries(0))
	if err != nil {
		return nil, err
	}
	said := c.out
	if c.json {
		said = io.Discard // the event alone
	}
	return &stage{florin: florin, once: once, sandbox: panel{sandbox}, amount: t.Amount, currency: strings.ToUpper(t.Currency), now: clock.System{}.Now(), said: said}, nil
}

// The waits between looks for an event.
const (
	firstLook = 20 * time.Millisecond
	lastLook  = time.Second
)

// await looks for an event about what the play made, again and again until it is there or ctx ends.
func (s *stage) await(ctx context.Context, of event.Type) (*client.Event, error) {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		found, err := newest(s.florin.Events.List(ctx, client.ListEvents{Page: client.Page{Limit: 1}, Type: string(of), Subject: s.subject(of)}))
		if err != nil || found != nil && found.ID > s.heard {
			return found, err
		}
		if err := rest(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// rest waits for a while, or until ctx ends: then it fails with why.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// newest is the first of a list, nil if it is empty.
func newest[T any](list iter.Seq2[*T, error]) (*T, error) {
	next, stop := iter.Pull2(list)
	defer stop()
	found, err, _ := next()
	return found, err
}

// playShown is a play as --list shows it.
type playShown struct {
	Event  event.Type `json:"event"`
	Tells  string     `json:"how"`
	Cannot string     `json:"cannot,omitempty"`
}

func playsShown() []playShown {
	shown := make([]playShown, len(plays))
	for i, p := range plays {
		shown[i] = playShown{p.of, p.tells, p.cannot}
	}
	return shown
}

func writePlays(w io.Writer) {
	fmt.Fprintln(w, "EVENT\tHOW")
	for _, p := range plays {
		how := p.tells
		if p.cannot != "" {
			how = "cannot be triggered: " + p.cannot
		}
		fmt.Fprintf(w, "%s\t%s\n", p.of, how)
	}
}
