package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/simulation"
)

// Simulations tries versions of policies on payments of the past. See simulation.Simulator.
type Simulations interface {
	Simulate(ctx context.Context, tenant, policy string, a simulation.Ask) (simulation.Object, error)
}

// simulatePolicy is the body of a simulation.
type simulatePolicy struct {
	Version *int64          `json:"version,omitempty" minimum:"1" maximum:"1000000000" doc:"The latest if it is not given." example:"2"`
	Days    *int64          `json:"days,omitempty" minimum:"1" maximum:"366" doc:"How far back the payments go; 28 if it is not given." example:"28"`
	Method  provider.Method `json:"method,omitempty" enum:"card,bank_redirect,pix,ideal,payid,fpx,upi,sepa_qr,wallet" doc:"By which the payments were paid; card if it is not given." example:"card"`
	Against []string        `json:"against,omitempty" maxItems:"5" enum:"published,fixed,windowed,windowed-bin,adaptive" doc:"What it is compared with: the published version, your own order of the accounts, a router by success rates of the last 24 hours by country or by BIN, or the strategy adaptive. If it is not given: fixed, and what is published if that is another version." example:"[\"published\",\"fixed\",\"adaptive\"]"`
}

// usualDays is how far back a simulation goes that does not say.
const usualDays = 28

// ask is what is to be tried.
func (s *simulatePolicy) ask() simulation.Ask {
	a := simulation.Ask{Version: orZero(s.Version), Days: usualDays, Method: string(s.Method), Against: s.Against}
	if s.Days != nil {
		a.Days = int(*s.Days)
	}
	if a.Method == "" {
		a.Method = string(provider.MethodCard)
	}
	return a
}

func (a *API) registerSimulation() {
	register(a, operation{
		id: "simulateRoutingPolicy", method: http.MethodPost, path: "/v1/routing/policies/{id}/simulate", tag: "Routing", summary: "Simulate a routing policy",
		doc: "Replays your own payments of the last days, at most the newest 200,000 attempts, under a version and under what that is compared with. How a payment would have ended elsewhere " +
			"is not known: only those count that a policy would have sent where they went. Nothing is written, and nobody is asked for money. One simulation runs at a time in each process, for a minute at most.",
		scope: access.RoutingRead, status: http.StatusOK, answer: reflect.TypeFor[simulation.Object](), body: reflect.TypeFor[simulatePolicy](), optional: true, looks: true,
		sample: `{"version":2,"days":28,"method":"card","against":["published","fixed","adaptive"]}`,
	}, a.simulatePolicy)
}

// simulatePolicy writes nothing, so that a repeat needs no record of the first.
func (a *API) simulatePolicy(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Policy) {
		return answer{}, fault.Missing("routing policy")
	}
	body, err := decodeOptional[simulatePolicy](rq, in.RawBody, a.Clock.Now())
	if err != nil {
		return answer{}, err
	}
	return show(a.Simulations.Simulate(ctx, rq.principal.Tenant, in.ID, body.ask()))
}
