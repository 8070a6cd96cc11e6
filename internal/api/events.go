package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/strict"
)

type listEventsInput struct {
	Paging
	Type    string `query:"type" maxLength:"64" doc:"Only events of this type." example:"payment.captured"`
	Types   string `query:"types" maxLength:"1000" doc:"Only events of these types, or of those that begin so: separated by commas." example:"payment.*,refund.failed"`
	Subject string `query:"subject" maxLength:"64" doc:"Only events about this payment, refund, dispute, saved payment method, payout, order or webhook endpoint."`
}

// Resolve checks the query.
func (in *listEventsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Event)
		if err := event.CheckType(event.Type(in.Type)); in.Type != "" && err != nil {
			f.Add("type", fault.CodeInvalid, err.Error())
		}
		if in.Type != "" && in.Types != "" {
			f.Add("types", fault.CodeInvalid, "cannot stand beside type")
		}
		checkTypes(f, in.Types)
		idOrNone(f, "subject", in.Subject, id.Payment, id.Refund, id.Dispute, id.PaymentMethod, id.Payout, id.Order, id.Endpoint, id.KillSwitch, id.Break)
	})
}

// filtersOf are the filters in a query.
func filtersOf(types string) []string {
	if types == "" {
		return nil
	}
	return strings.Split(types, ",")
}

func checkTypes(f *strict.Faults, types string) {
	for _, one := range filtersOf(types) {
		if err := event.CheckFilter(one); err != nil {
			f.Add("types", fault.CodeInvalid, "each between commas "+err.Error())
			return
		}
	}
}

func (a *API) registerEvents() {
	const tag = "Events"
	register(a, operation{
		id: "listEvents", method: http.MethodGet, path: "/v1/events", tag: tag, summary: "List events",
		doc:   "What happened, whether or not a webhook endpoint was there to hear of it.",
		scope: access.EventsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[eventContent]](),
	}, a.listEvents)
	register(a, operation{
		id: "getEvent", method: http.MethodGet, path: "/v1/events/{id}", tag: tag, summary: "Get an event",
		scope: access.EventsRead, status: http.StatusOK, answer: reflect.TypeFor[event.Object](),
	}, a.getEvent)
}

func (a *API) listEvents(ctx context.Context, rq *request, in *listEventsInput) (answer, error) {
	types := event.TypesOf(filtersOf(in.Types))
	if in.Type != "" {
		types = []event.Type{event.Type(in.Type)}
	}
	found, more, err := a.Events.EventsOf(ctx, rq.principal.Tenant, in.page(), types, in.Subject)
	data := make([]eventContent, len(found))
	for i, e := range found {
		data[i] = eventContent{json.RawMessage(e.Body)}
	}
	return showList(data, more, err)
}

func (a *API) getEvent(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Event) {
		return answer{}, fault.Missing("event")
	}
	found, err := a.Events.Event(ctx, rq.principal.Tenant, in.ID)
	return show(json.RawMessage(found.Body), err)
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
