package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/routing/sim"
	"github.com/florinpay/florin/internal/simulation"
)

type routingGroup struct {
	Simulate routingSimulate `cmd:"" help:"Try routing policies in a generated world, or on recorded payments."`
}

type routingSimulate struct {
	Policy  []string `help:"What to try: fixed, windowed, windowed-bin, adaptive or oracle, or the file of a policy (JSON). Several may be given." placeholder:"NAME|FILE" required:"" sep:"none"`
	History string   `help:"generated:payments=100000,days=28,warmup=7,seed=101-110 (each may be left out), stored:days=28,method=card (likewise), or a file of recorded payments, .jsonl or .csv." placeholder:"SOURCE" required:""`
	Seed    uint64   `help:"Of the random numbers of routers on a recorded history." default:"1"`
	Storage storage  `embed:""`
	Of      optional `embed:""`
}

func (routingSimulate) Help() string {
	return `In a generated world every policy meets the same payers with the same luck, the same outages and brown-outs, and the same breaker. Printed are
approvals, the part of the gap between a fixed order and an oracle that a policy captures, its regret, what outages cost, fees, and how soon a
provider that recovered is used again. The accounts there are pa_north, pa_east, pa_south and pa_west.

On recorded payments only those count that the policy would have sent where they went: how the others would have ended is not known. They come
from a file, which is described in docs/routing.md, or from the database, beside a server that runs: a merchant's own, with --history stored.

Examples:

    florin routing simulate --policy windowed --policy adaptive --history generated:payments=20000,seed=101
    florin routing simulate --policy rules.json --history payments.jsonl
    florin routing simulate --policy adaptive --history stored --data ./florin-data --merchant acct_shop --mode live`
}

// generated begins a history that is made, not read.
const generated = "generated:"

// Validate refuses what the flags alone show to be wrong.
func (s routingSimulate) Validate() error {
	if spec, ok := strings.CutPrefix(s.History, generated); ok {
		_, err := parseWorlds(spec)
		return err
	}
	if spec, ok := isStored(s.History); ok {
		if _, err := parseStored(spec); err != nil {
			return err
		}
		if s.Of.Merchant == "" {
			return errors.New("--history stored needs --merchant, and --data or --database with --keys")
		}
	} else if _, err := historyFormat(s.History); err != nil {
		return err
	}
	for _, p := range s.Policy {
		if p == simulation.Oracle {
			return errors.New("--policy oracle: nobody knows what the world of a recorded history was like; it is for generated ones")
		}
	}
	return nil
}

// Run tries the policies and prints what became of the payments.
func (s routingSimulate) Run(ctx context.Context, c *console) error {
	if spec, ok := strings.CutPrefix(s.History, generated); ok {
		worlds, err := parseWorlds(spec)
		if err != nil {
			return usageError{err}
		}
		shown, err := s.generate(ctx, worlds)
		if err != nil {
			return err
		}
		return c.print(shown, shown.text)
	}
	shown, err := s.replay(ctx, c)
	if err != nil {
		return err
	}
	return c.print(shown, shown.text)
}

// replay tries the policies on recorded payments.
func (s routingSimulate) replay(ctx context.Context, c *console) (replayShown, error) {
	spec, ok := isStored(s.History)
	if !ok {
		return s.replayFile(ctx)
	}
	which, err := parseStored(spec)
	if err != nil {
		return replayShown{}, usageError{err}
	}
	return s.replayStored(ctx, c, which)
}

// contenders reads the policies. accounts are those that a file may name.
func (s routingSimulate) contenders(accounts []string, of simulation.Subject) ([]simulation.Contender, error) {
	var all []simulation.Contender
	for _, name := range s.Policy {
		c, ok := simulation.BuiltIn(name)
		if !ok {
			policy, err := readPolicy(name, accounts)
			if err != nil {
				return nil, err
			}
			c = simulation.OfPolicy(name, policy, of)
		}
		all = append(all, c)
	}
	return all, nil
}

// maxSeeds is how many worlds one run tries.
const maxSeeds = 100

// parseWorlds reads what follows generated:. Every seed is a world.
func parseWorlds(spec string) ([]sim.World, error) {
	w := sim.Standard(0, 20_000)
	from, to := uint64(1), uint64(1)
	for _, part := range strings.Split(spec, ",") {
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("--history %s%s: %s has no value", generated, spec, part)
		}
		var err error
		switch name {
		case "payments":
			w.PerDay, err = strconv.Atoi(value)
		case "days":
			w.Days, err = strconv.Atoi(value)
		case "warmup":
			w.WarmUp, err = strconv.Atoi(value)
		case "seed":
			from, to, err = parseSeeds(value)
		default:
			return nil, fmt.Errorf("--history %s%s: there is no %s; there are payments, days, warmup and seed", generated, spec, name)
		}
		if err != nil {
			return nil, fmt.Errorf("--history %s%s: %s=%s is not a number", generated, spec, name, value)
		}
	}
	if err := w.Check(); err != nil {
		return nil, fmt.Errorf("--history %s%s: %w", generated, spec, err)
	}
	if to < from || to-from >= maxSeeds {
		return nil, fmt.Errorf("--history %s%s: seed takes one number, or up to %d as in 101-110", generated, spec, maxSeeds)
	}
	var worlds []sim.World
	for seed := from; ; seed++ {
		w.Seed = seed
		worlds = append(worlds, w)
		if seed == to {
			return worlds, nil
		}
	}
}

func parseSeeds(text string) (from, to uint64, err error) {
	first, last, isRange := strings.Cut(text, "-")
	if from, err = strconv.ParseUint(first, 10, 64); err != nil || !isRange {
		return from, from, err
	}
	to, err = strconv.ParseUint(last, 10, 64)
	return from, to, err
}

// historyFormat is the reader for a file, by the end of its name.
func historyFormat(name string) (func(io.Reader, []string) iter.Seq2[sim.Recorded, error], error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jsonl", ".ndjson":
		return sim.ReadJSONLines, nil
	case ".csv":
		return sim.ReadCSV, nil
	}
	return nil, fmt.Errorf("--history %s: want %spayments=…, %s:days=…, or a file that ends in .jsonl or .csv", name, generated, stored)
}

// replayFile tries the policies on a file.
func (s routingSimulate) replayFile(ctx context.Context) (shown replayShown, err error) {
	read, err := historyFormat(s.History)
	if err != nil {
		return shown, usageError{err}
	}
	file, err := os.Open(s.History)
	if err != nil {
		return shown, fmt.Errorf("open the history: %w", err)
	}
	defer file.Close()
	var codes []string
	for _, code := range provider.Codes() {
		codes = append(codes, string(code))
	}
	return s.try(ctx, func() iter.Seq2[sim.Recorded, error] {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return func(yield func(sim.Recorded, error) bool) {
				yield(sim.Recorded{}, fmt.Errorf("read the history again: %w", err))
			}
		}
		return read(file, codes)
	}, nil, simulated, s.History)
}

// simulated is whose all payments are that are made up, or come from a file.
var simulated = simulation.Subject{Tenant: "simulated", Method: string(provider.MethodCard)}

// try walks a history once to see that it is whole, and then for each policy. own are accounts that policies may name beside those of the
// history.
func (s routingSimulate) try(ctx context.Context, history func() iter.Seq2[sim.Recorded, error], own []string, of simulation.Subject, name string) (shown replayShown, err error) {
	accounts, err := sim.Providers(simulation.Until(ctx, history()))
	if err != nil {
		return shown, fmt.Errorf("%s: %w", name, err)
	}
	contenders, err := s.contenders(slices.Concat(accounts, own), of)
	if err != nil {
		return shown, err
	}
	if shown.Report, err = simulation.Replay(ctx, history, accounts, contenders, of, s.Seed); err != nil {
		return shown, fmt.Errorf("%s: %w", name, err)
	}
	return shown, nil
}
