package main

import (
	"slices"
	"testing"

	"github.com/florinpay/florin/internal/health"
)

func TestMaintenanceMayNameWhatAConnectorIsAskedFor(t *testing.T) {
	for name, want := range map[string][]health.Operation{
		"simcard":   {health.Authorize, health.Capture, health.Void, health.Refund, health.Inquiry, health.Authenticate},
		"simpayout": {health.Payout, health.Inquiry},
	} {
		if got := callsOf(connectors()[name]); !slices.Equal(got, want) {
			t.Errorf("%s can be asked for %v, want %v", name, got, want)
		}
	}
}
