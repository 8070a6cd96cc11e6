package main

import (
	"encoding/json"
	"testing"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/secret"
)

func TestEveryTypeOfEventHasAPlay(t *testing.T) {
	had := map[event.Type]int{}
	for _, p := range plays {
		had[p.of]++
		if (len(p.steps) == 0) == (p.cannot == "") {
			t.Errorf("%s: either there are steps, or a reason why not", p.of)
		}
		if p.tells == "" && p.cannot == "" {
			t.Errorf("%s: nobody is told what happens", p.of)
		}
	}
	for _, of := range event.Types {
		if had[of] != 1 {
			t.Errorf("%s has %d plays", of, had[of])
		}
		delete(had, of)
	}
	for of := range had {
		t.Errorf("%s is no type of event", of)
	}
}

// TestEveryPlayEndsWithItsEvent performs each against a florin dev and asks the API for what was printed.
func TestEveryPlayEndsWithItsEvent(t *testing.T) {
	shown := devFor(t)
	to := remote{APIURL: shown.Zones[zoneAPI], Key: secret.New(access.DevSecret)}
	florin, err := to.client()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plays {
		t.Run(string(p.of), func(t *testing.T) {
			c, out := quiet(true)
			command := triggerCommand{
				Event: string(p.of), To: to, VaultURL: shown.Zones[zoneVault], SandboxURL: shown.Zones[zoneSandbox],
				Amount: 3001, Currency: "usd", Wait: patience,
			}
			err := command.Run(t.Context(), c)
			if p.cannot != "" {
				if err == nil {
					t.Error("it could be triggered after all")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var printed client.Event
			if err := json.Unmarshal([]byte(out.String()), &printed); err != nil {
				t.Fatalf("printed %q: %v", out, err)
			}
			kept, err := florin.Events.Get(t.Context(), printed.ID)
			if err != nil || kept.Type != string(p.of) {
				t.Errorf("the API has %+v, %v", kept, err)
			}
			for endpoint, err := range florin.WebhookEndpoints.List(t.Context()) {
				t.Errorf("%s was left behind (%v)", endpoint, err)
			}
		})
	}
}
