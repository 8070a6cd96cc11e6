package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/merchant"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/simulation"
)

// stored is a history that is read from the database.
const stored = "stored"

// storedMost is how many attempts are read from there, and storedBytes how much of what their payments say is held.
const (
	storedMost  = 1_000_000
	storedBytes = 256 << 20
)

// storedSpec is what follows stored:.
type storedSpec struct {
	days   int
	method string
}

// isStored tells whether a history is to be read from the database, and what follows.
func isStored(history string) (spec string, ok bool) {
	spec, ok = strings.CutPrefix(history, stored)
	if ok && spec != "" {
		spec, ok = strings.CutPrefix(spec, ":")
	}
	return spec, ok
}

func parseStored(spec string) (storedSpec, error) {
	s := storedSpec{28, string(provider.MethodCard)}
	for part := range strings.SplitSeq(spec, ",") {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		switch {
		case !ok || value == "":
			return s, fmt.Errorf("--history %s:%s: %s has no value", stored, spec, part)
		case name == "method":
			s.method = value
		case name == "days":
			var err error
			if s.days, err = strconv.Atoi(value); err != nil || s.days < 1 || s.days > 366 {
				return s, fmt.Errorf("--history %s:%s: days must be from 1 to 366", stored, spec)
			}
		default:
			return s, fmt.Errorf("--history %s:%s: there is no %s; there are days and method", stored, spec, name)
		}
	}
	return s, nil
}

// replayStored tries the policies on the merchant's own payments.
func (s routingSimulate) replayStored(ctx context.Context, c *console, spec storedSpec) (shown replayShown, err error) {
	err = withMain(ctx, c, s.Storage, func(opened *stores, where storage) error {
		if err := opened.openMainBox(ctx, where); err != nil {
			return err
		}
		if _, err := merchant.New(opened.main, opened.clock, opened.ids).Get(ctx, s.Of.Merchant); fault.Is(err, fault.NotFound) {
			return fmt.Errorf("--merchant %s: no such merchant", s.Of.Merchant)
		} else if err != nil {
			return err
		}
		of := simulation.Subject{Tenant: s.Of.tenant(), Method: spec.method}
		own, err := candidates{provider.NewAccounts(opened.main, opened.mainBox, opened.clock)}.Candidates(ctx, of.Tenant)
		if err != nil {
			return err
		}
		window := simulation.Window{Subject: of, Days: spec.days, Now: opened.clock.Now(), Attempts: storedMost, Bytes: storedBytes}
		history, err := simulation.Stored(ctx, payment.NewHistory(opened.main), window, own)
		if err != nil {
			return err
		}
		var names []string
		for _, a := range own {
			names = append(names, a.Account)
		}
		shown, err = s.try(ctx, history.All, names, of, of.Tenant)
		shown.Truncated = history.Truncated
		return err
	})
	return shown, err
}
