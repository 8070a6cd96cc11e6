package sandbox

import (
	"fmt"
	"strings"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Kind is what a call asks for.
type Kind string

// The kinds of calls. A reversal is a void.
const (
	Authorize    Kind = "authorize"
	Authenticate Kind = "authenticate" // 3-D Secure
	Capture      Kind = "capture"
	Void         Kind = "void"
	Refund       Kind = "refund"
)

// fate is what a scenario does to the call itself.
type fate = stage.Fate

// processed is the fate of a call that no scenario is about.
const processed = stage.Processed

// scenario is a row of the scenario table.
type scenario struct {
	name  string
	fate  fate
	title string
	// every: without an operation in its name the scenario is about every call of the transaction, not only about the
	// authorization. So it is with what concerns webhooks and clearing.
	every bool
	// early: without an operation in its name the scenario is about the authentication before an authorization, too.
	early bool
}

var scenarios = []scenario{
	{name: "timeout_before", fate: stage.HeldBefore, early: true, title: "Never processed, no answer"},
	{name: "timeout_after", fate: stage.HeldAfter, title: "Processed, no answer"},
	{name: "error_500", fate: stage.BrokenBefore, early: true, title: "Answers 500, not processed"},
	{name: "down", fate: stage.Refused, early: true, title: "Answers 503 not_accepted, not processed"},
	{name: "slow", fate: stage.Slowed, early: true, title: "Answers late"},
	{name: "duplicate_webhook", every: true, title: "Each webhook is sent twice, under one id"},
	{name: "late_webhook", every: true, title: "Webhooks are sent late"},
	{name: "out_of_order_webhooks", every: true, title: "The webhook of the authorization comes after the later ones"},
	{name: "no_webhook", every: true, title: "No webhook is sent"},
	{name: "amount_shift", every: true, title: "Captures clear at nine tenths of their amount"},
	{name: "late_approval", title: "Answers pending, approves later"},
}

// play is a scenario in a transaction, and the kind of call it is about.
type play struct {
	scenario
	on Kind // empty: see scenario.every
}

const scenarioPrefix = "SCENARIO "

// parseScenario reads a cardholder's name: "SCENARIO timeout_after", "SCENARIO timeout_after refund". Any other name is
// no scenario. A scenario that does not exist is an error, so that a typing mistake does not pass for a success.
func parseScenario(name string) (play, error) {
	words, ok := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(name)), scenarioPrefix)
	if !ok {
		return play{}, nil
	}
	fields := strings.Fields(strings.ToLower(words))
	var p play
	for _, s := range scenarios {
		if len(fields) > 0 && s.name == fields[0] {
			p.scenario = s
		}
	}
	if len(fields) == 2 {
		p.on = Kind(fields[1])
	}
	known := p.on == "" || p.on == Authorize || p.on == Authenticate || p.on == Capture || p.on == Void || p.on == Refund || p.on == answering
	if p.name == "" || len(fields) > 2 || !known {
		return play{}, fmt.Errorf("there is no scenario %q", strings.ToLower(words))
	}
	return p, nil
}

// String is what is kept in a transaction, and read back by recall.
func (p play) String() string { return strings.TrimSpace(p.name + " " + string(p.on)) }

// recall is the play of a stored transaction. What was stored was parsed, so a failure can only mean a scenario that
// this version does not have any more: then nothing is played.
func recall(stored string) play {
	p, err := parseScenario(scenarioPrefix + stored)
	if err != nil {
		return play{}
	}
	return p
}

// concerns tells whether the scenario is about a call of this kind.
func (p play) concerns(k Kind) bool {
	switch {
	case p.on != "":
		return p.on == k
	case p.every:
		return true
	}
	return k == Authorize || k == Authenticate && p.early
}

// plays tells whether the named scenario is about a call of this kind.
func (p play) plays(name string, k Kind) bool { return p.name == name && p.concerns(k) }

// fateOf is what happens to a call of this kind.
func (p play) fateOf(k Kind) fate {
	if p.concerns(k) {
		return p.fate
	}
	return processed
}
