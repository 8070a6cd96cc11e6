package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/florinpay/florin/client"
)

type eventsResend struct {
	To       remote `embed:""`
	Event    string `arg:"" help:"Id of the event, evt_…" name:"event"`
	Endpoint string `help:"Only to this webhook endpoint. To all that were to hear of it if not given." placeholder:"WE"`
}

func (eventsResend) Help() string {
	return `The webhook is sent again at once, also where it had arrived, and by the schedule from its beginning if that fails. An endpoint that is disabled gets it
when it is enabled.

Example:

    florin events resend evt_01m89nmjx1f1t6h947dzeza49v --endpoint we_01m89nmjphc6w8tcyackncc9ps`
}

// mostRetried is how many deliveries the API takes at once.
const mostRetried = 100

// Run has an event sent again to the endpoints that were to hear of it.
func (e eventsResend) Run(ctx context.Context, c *console) error {
	florin, err := e.To.client()
	if err != nil {
		return err
	}
	if _, err := florin.Events.Get(ctx, e.Event); err != nil {
		return err
	}
	var deliveries []string
	for d, err := range florin.WebhookDeliveries.List(ctx, client.ListWebhookDeliveries{Page: client.Page{Limit: largestPage}, Event: e.Event, Endpoint: e.Endpoint}) {
		if err != nil {
			return err
		}
		deliveries = append(deliveries, d.ID)
	}
	if len(deliveries) == 0 {
		return fmt.Errorf("%s was not for %s: an endpoint gets what happens after it was made, of the types that it asked for", e.Event, orAny(e.Endpoint))
	}
	again := make([]client.WebhookDelivery, 0, len(deliveries))
	for some := range slices.Chunk(deliveries, mostRetried) {
		retried, err := florin.WebhookDeliveries.RetryAll(ctx, some)
		if err != nil {
			return err
		}
		again = append(again, retried...)
	}
	shown := make([]shownDelivery, len(again))
	for i, d := range again {
		shown[i] = shownDelivery{"webhook_delivery", d}
	}
	return c.print(map[string]any{"object": "list", "data": shown, "has_more": false}, func(w io.Writer) {
		fmt.Fprintln(w, "DELIVERY\tENDPOINT\tSTATUS")
		for _, d := range again {
			fmt.Fprintf(w, "%s\t%s\t%s\n", d.ID, d.Endpoint, d.Status)
		}
	})
}

// shownDelivery is a delivery as the API shows it.
type shownDelivery struct {
	Object string `json:"object"`
	client.WebhookDelivery
}

func orAny(endpoint string) string {
	if endpoint == "" {
		return "any webhook endpoint"
	}
	return endpoint
}
