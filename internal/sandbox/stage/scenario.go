package stage

import (
	"fmt"
	"slices"
	"strings"
)

// Operation is what a call asks for.
type Operation string

// The operations of every world.
const (
	Start  Operation = "start"
	Refund Operation = "refund"
)

// Fate is what a scenario does to the call itself.
type Fate uint8

// The fates. Before means that the call is not processed, after that it is.
const (
	Processed    Fate = iota
	HeldBefore        // held until the caller leaves, never processed
	HeldAfter         // processed, then held until the caller leaves
	BrokenBefore      // 500, not processed
	Refused           // 503 not_accepted, not processed
	Slowed            // processed, answered late
)

// Scenario is a fault, or a turn of events, that a caller asks for by a payment's description.
type Scenario struct {
	Name  string
	Title string
	// Every: without an operation in its name it is about every operation of the payment, not only about the start.
	Every bool
	fate  Fate
}

// common are what every world can play.
var common = []Scenario{
	{Name: "timeout_before", fate: HeldBefore, Title: "Never processed, no answer"},
	{Name: "timeout_after", fate: HeldAfter, Title: "Processed, no answer"},
	{Name: "error_500", fate: BrokenBefore, Title: "Answers 500, not processed"},
	{Name: "down", fate: Refused, Title: "Answers 503 not_accepted, not processed"},
	{Name: "slow", fate: Slowed, Title: "Answers late"},
	{Name: duplicateWebhook, Every: true, Title: "Each webhook is sent twice, under one id"},
	{Name: lateWebhook, Every: true, Title: "Webhooks are sent late"},
	{Name: outOfOrderWebhooks, Every: true, Title: "An earlier webhook comes after the later ones"},
	{Name: noWebhook, Every: true, Title: "No webhook is sent"},
}

const (
	duplicateWebhook   = "duplicate_webhook"
	lateWebhook        = "late_webhook"
	outOfOrderWebhooks = "out_of_order_webhooks"
	noWebhook          = "no_webhook"

	scenarioPrefix = "SCENARIO "
)

// Scenarios are all that this world can play.
func (s *Stage) Scenarios() []Scenario { return slices.Concat(s.world.Scenarios, common) }

// Play is a scenario in a payment, and the operation it is about.
type Play struct {
	Scenario
	on Operation // empty: see Scenario.Every
}

// Play reads a description: "SCENARIO timeout_after", "SCENARIO timeout_after refund". Any other text is no scenario. A scenario that
// does not exist is an error, so that a typing mistake does not pass for a success.
func (s *Stage) Play(description string) (Play, error) {
	words, ok := strings.CutPrefix(strings.ToUpper(strings.TrimSpace(description)), scenarioPrefix)
	if !ok {
		return Play{}, nil
	}
	fields := strings.Fields(strings.ToLower(words))
	var p Play
	for _, known := range s.Scenarios() {
		if len(fields) > 0 && known.Name == fields[0] {
			p.Scenario = known
		}
	}
	if len(fields) == 2 {
		p.on = Operation(fields[1])
	}
	if p.Name == "" || len(fields) > 2 || !slices.Contains([]Operation{"", Start, Refund}, p.on) {
		return Play{}, fmt.Errorf("there is no scenario %q", strings.ToLower(words))
	}
	return p, nil
}

// recall is the play of a stored payment. What was stored was read once, so a failure can only mean a scenario that this version does
// not have any more: then nothing is played.
func (s *Stage) recall(description string) Play {
	p, err := s.Play(description)
	if err != nil {
		return Play{}
	}
	return p
}

func (p Play) concerns(o Operation) bool {
	return p.on == o || p.on == "" && (p.Every || o == Start)
}

// Plays tells whether the named scenario is about an operation.
func (p Play) Plays(name string, o Operation) bool { return p.Name == name && p.concerns(o) }

// Fate is what happens to a call of this operation.
func (p Play) Fate(o Operation) Fate {
	if p.concerns(o) {
		return p.fate
	}
	return Processed
}

// Before tells whether the fate keeps a call from being processed.
func (f Fate) Before() bool { return f == HeldBefore || f == BrokenBefore || f == Refused }
