package webhook

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

// MaxRate is the most webhooks per second that an endpoint may be limited to.
const MaxRate = 5000

// check says all that is wrong with a new endpoint.
func (e *Endpoints) check(in EndpointInput, now time.Time) error {
	var wrong fault.Collect
	if detail := checkDestination(in.URL, e.AllowPrivate, e.Mail); detail != "" {
		wrong.Add("url", fault.CodeInvalid, detail)
	}
	checkFilters(&wrong, in.Events)
	checkOrdering(&wrong, in.Ordering)
	checkPace(&wrong, in.Concurrency, in.RateLimit)
	checkOwnHeaders(&wrong, in.URL, in.Headers)
	if in.ClientCertificate != nil {
		checkOwnCertificate(&wrong, in.URL, *in.ClientCertificate, now)
	}
	if detail := CheckSecret(in.Secret.Reveal()); !in.Secret.Empty() && detail != "" {
		wrong.Add("secret", fault.CodeInvalid, detail)
	}
	return wrong.Err()
}

func checkFilters(wrong *fault.Collect, filters []string) {
	if len(filters) == 0 || len(filters) > event.MaxFilters {
		wrong.Add("events", fault.CodeInvalid, fmt.Sprintf("name 1 to %d event types, prefixes such as payment.*, or * for all", event.MaxFilters))
		return
	}
	for i, filter := range filters {
		if err := event.CheckFilter(filter); err != nil {
			wrong.Add(fmt.Sprintf("events[%d]", i), fault.CodeInvalid, err.Error())
		}
	}
}

func checkOrdering(wrong *fault.Collect, o event.Ordering) {
	if o != event.Unordered && o != event.ByObject {
		wrong.Add("ordering", fault.CodeInvalid, "must be none or object")
	}
}

func checkPace(wrong *fault.Collect, concurrency, rate int64) {
	if concurrency < 1 || concurrency > event.MaxConcurrency {
		wrong.Add("concurrency", fault.CodeInvalid, fmt.Sprintf("must be from 1 to %d", event.MaxConcurrency))
	}
	if rate < 0 || rate > MaxRate {
		wrong.Add("rate_limit", fault.CodeInvalid, fmt.Sprintf("must be from 0, which is no limit, to %d", MaxRate))
	}
}

const notForMail = "is not for an endpoint that is told by mail"

func checkOwnHeaders(wrong *fault.Collect, url string, headers map[string]string) {
	if isMail(url) && len(headers) > 0 {
		wrong.Add("headers", fault.CodeInvalid, notForMail)
		return
	}
	for _, f := range checkHeaders(headers) {
		wrong.Add(f.Param, f.Code, f.Detail)
	}
}

func checkOwnCertificate(wrong *fault.Collect, url string, c ClientCertificate, now time.Time) {
	if isMail(url) {
		wrong.Add("client_certificate", fault.CodeInvalid, notForMail)
		return
	}
	for _, f := range checkClientCertificate(c.Chain, c.Key, now) {
		wrong.Add(f.Param, f.Code, f.Detail)
	}
}

// hide makes secrets of the values of headers.
func hide(headers map[string]string) map[string]secret.Text {
	hidden := make(map[string]secret.Text, len(headers))
	for name, value := range headers {
		hidden[name] = secret.New(value)
	}
	return hidden
}
