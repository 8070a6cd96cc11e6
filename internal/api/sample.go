package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/payout"
	policies "github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/simulation"
)

// story is values for fields of answers, by schema and name or by name alone.
type story map[string]any

// samples are one story: a payment of 92.32 EUR, captured, with 10.00 EUR refunded. What an operation's answer shows at
// another point of it is in the operation.
var samples = story{
	"Payment.id": "pay_01jd9qk3v8m2x4r6t7w9y0a1b2", "Refund.id": "ref_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"Event.id": "evt_01jd9qk3v8m2x4r6t7w9y0a1b2", "WebhookEndpoint.id": "we_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"WebhookDelivery.id": "wd_01jd9qk3v8m2x4r6t7w9y0a1b2", "WebhookRecovery.id": "wr_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"since": "2026-11-22T06:00:00Z", "until": "2026-11-22T12:00:00Z", "statuses": []string{"pending", "failed"}, "queued": 0, "InboundWebhook.type": "authorization.captured", "InboundWebhook.verdict": "applied",
	"InboundWebhook.detail": "", "applied_at": "2026-11-22T12:00:00Z", "PaymentMethod.id": "pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"Payment.status": "captured", "Refund.status": "succeeded", "WebhookDelivery.status": "succeeded",
	"Payment.amount": 9232, "amount_authorized": 9232, "amount_captured": 9232, "amount_capturing": 0, "amount_canceling": 0, "amount_refunded": 1000, "amount_disputed": 0, "amount_refundable": 8232, "refundable_until": nil, "amount_withdrawn": 0,
	"paid_in": 9232, "returned": 1000, "returning": 0, "disputed": 0, "withdrawn": 0, "left": 8232, "refundable": 8232, "reversible": 0, "barred": "",
	"Refund.amount": 1000, "capture": true, "Refund.payment": "pay_01jd9qk3v8m2x4r6t7w9y0a1b2", "currency": "EUR",
	"brand": "visa", "last4": "4242", "bin": "424242", "exp_month": 12, "exp_year": 2030, "country": "US", "funding": "credit",
	"provider": "alpha", "ProviderAccount.provider": "simcard", "metadata": map[string]string{"order_id": "ORD-1001"},
	"settings": map[string]string{"base_url": "http://127.0.0.1:8090/alpha"}, "fingerprint": "fp_7hq2c5v0k9",
	"type": "payment.captured", "PaymentMethod.type": "card", "api_version": Version, "version": Version,
	"event": "evt_01jd9qk3v8m2x4r6t7w9y0a1b2", "endpoint": "we_01jd9qk3v8m2x4r6t7w9y0a1b2", "WebhookDelivery.attempt_count": 1, "response_status": 200,
	"AttemptRequest.body": `{"id":"evt_01jd9qk3v8m2x4r6t7w9y0a1b2","object":"event","type":"payment.captured"}`, "AttemptAnswer.body": "ok", "event_type": "payment.captured",
	"url": "https://shop.example/webhooks", "events": []string{"payment.*"}, "scopes": []string{"payments:read", "payments:write"},
	"ApiKey.name": "checkout", "cause": "att_01jd9qk3v8m2x4r6t7w9y0a1b2", "subject": "pay_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"Event.object": "event", "balance": 9232, "LedgerAccount.class": "liability",
	"LedgerTransaction.entries": []ledgerEntry{{"auth_hold", "EUR", 9232}, {"auth_receivable", "EUR", -9232}, {"psp_receivable:alpha", "EUR", 9232}, {"merchant_pending", "EUR", -9232}},
	"Balance.available":         []amount{{"EUR", -1000}}, "Balance.pending": []amount{{"EUR", 9232}}, "Balance.refunding": []amount{},
	"Order.id": "ord_01jd9qk3v8m2x4r6t7w9y0a1b2", "Order.status": "open", "Order.amount": 9232, "amount_paid": 0, "amount_left": 9232, "amount_surplus": 0, "invoice_number": "2026-17",
	"minimum_payment": nil, "due_at": "2026-12-06T12:00:00Z", "Order.expires_at": nil, "paid_at": nil, "ended_at": nil, "Order.reminders": []string{},
	"Customer.id": "cus_01jd9qk3v8m2x4r6t7w9y0a1b2", "Customer.name": "Ada Lovelace", "email": "ada@shop.example", "Customer.reference": "user-77", "default_payment_method": "pm_01jd9qk3v8m2x4r6t7w9y0a1b2", "phone": nil, "Customer.address": nil, "erased_at": nil,
	"SavedPaymentMethod.id": "pm_01jd9qk3v8m2x4r6t7w9y0a1b2", "customer": "cus_01jd9qk3v8m2x4r6t7w9y0a1b2", "Payment.customer": nil, "SavedPaymentMethod.type": "card", "text_version": "terms-2026-11", "ip": "203.0.113.7",
	"withdrawn_at": nil, "detached_at": nil, "first_payment": nil, "SavedPaymentMethod.network_reference": nil, "SavedPaymentMethod.metadata": map[string]string{},
	"Payout.id": "po_01jd9qk3v8m2x4r6t7w9y0a1b2", "Payout.status": "paid", "Payout.destination": "dst_01jd9qk3v8m2x4r6t7w9y0a1b2", "Payout.provider": "payouts", "rail": "sepa_instant",
	"Payout.customer": nil, "closed_loop": "none", "parts": []payout.Part{}, "unused_sources": []payout.Unused{}, "Payout.amount_paid": 9232,
	"created_by": "key_01jd9qk3v8m2x4r6t7w9y0a1b2", "estimated_arrival": payout.Window{Earliest: time.Date(2026, 11, 22, 12, 0, 1, 0, time.UTC), Latest: time.Date(2026, 11, 22, 12, 0, 10, 0, time.UTC)}, "PayoutTimelineEntry.event": "payout.queued",
	"Destination.id": "dst_01jd9qk3v8m2x4r6t7w9y0a1b2", "Destination.type": "iban", "Destination.name": "Ada Lovelace", "Destination.country": "DE", "Destination.last4": "3000", "rails": []string{"sepa_instant", "sepa_credit"},
	"PayoutBatch.id": "pob_01jd9qk3v8m2x4r6t7w9y0a1b2", "PayoutBatchLine.line": 2, "PayoutBatchLine.held": false,
	"ManualItem.id": "att_01jd9qk3v8m2x4r6t7w9y0a1b2", "ManualItem.payment": "pay_01jd9qk3v8m2x4r6t7w9y0a1b2", "ManualItem.amount": 9232, "ManualItem.reference": "pay_01jd9qk3v8m2x4r6t7w9y0a1b2-1", "ManualItem.reason": "no_answer",
	"inquiries": 9, "next_inquiry_at": "2026-11-23T12:00:00Z",
	"approved_by": []string{}, "networks": []string{}, "has_more": false, "reason": "one item came back",
	"Dispute.reason": "fraudulent", "evidence_due_at": "2026-12-02T12:00:00Z", "evidence_erased_at": nil, "Dispute.metadata": map[string]string{}, "Dispute.provider_reference": "alpha_dp_01jd9qk3v8m2x4r6t7w9y0a1b2", "DisputeFile.type": "application/pdf",
	"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "DisputeEvidence.texts": map[string]string{"explanation": "Delivered to the cardholder on Monday."},
	"RoutingPolicy.name": "Cards in Europe", "document_version": 1, "document": json.RawMessage(samplePolicy), "RoutingPolicyVersion.version": 1, "RoutingPolicyVersion.status": "published", "RoutingTrial.version": 2,
	"RoutingTrial.valid": true, "RoutingTrial.faults": []policies.FaultObject{}, "decision": policies.Decision{Policy: "rp_01jd9qk3v8m2x4r6t7w9y0a1b2", Version: 2, Rule: "german-debit", Strategy: policies.Ordered,
		Ranked: []policies.Ranked{{Account: "beta", Reason: "listed"}, {Account: "alpha", Reason: "listed"}}}, "published_at": "2026-11-22T12:00:00Z",
	"RoutingExperimentResult.version": 2, "RoutingExperimentResult.status": "running", "RoutingExperimentResult.share": 10, "RoutingExperimentResult.minimum_sample": 500, "stopped_at": nil, "stopped_reason": nil, "next_look": 1000,
	"RoutingExperimentResult.control": policies.ExperimentSide{Action: "usual", Outcomes: 5400, Approved: 4860, ApprovedPPM: new(int64(900_000))}, "RoutingExperimentResult.challenger": policies.ExperimentSide{Action: "tried", Outcomes: 600, Approved: 528, ApprovedPPM: new(int64(880_000))},
	"last_look": policies.LookObject{Number: 1, At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Control: policies.ExperimentSide{Outcomes: 4500, Approved: 4050, ApprovedPPM: new(int64(900_000))},
		Challenger: policies.ExperimentSide{Outcomes: 500, Approved: 440, ApprovedPPM: new(int64(880_000))}, Level: "1/200", Z: "1.4018", ZLimit: "2.5758"},
	"RoutingSimulation.version": 2, "from": "2026-10-25T12:00:00Z", "RoutingSimulation.truncated": false, "RoutingSimulation.payments": 18211, "RoutingSimulation.approved": 16480, "RoutingSimulation.approved_ppm": 904947,
	"RoutingSimulation.policies": []simulation.Result{{Name: "simulated", Policy: "rp_01jd9qk3v8m2x4r6t7w9y0a1b2", Version: 2, Matched: 9407, MatchedPPM: 516556, Approved: 8602, ApprovedPPM: 914425, UsualPPM: 906210,
		Fees: []simulation.Amount{{Amount: 271844, Currency: "EUR"}}, Unpriced: 0,
		Countries: []simulation.Segment{{Name: "DE", Matched: 9407, Approved: 8602, ApprovedPPM: 914425, Fees: []simulation.Amount{{Amount: 271844, Currency: "EUR"}}}},
		Accounts: []simulation.Segment{{Name: "alpha", Matched: 4011, Approved: 3630, ApprovedPPM: 905011, Fees: []simulation.Amount{{Amount: 118340, Currency: "EUR"}}},
			{Name: "beta", Matched: 5396, Approved: 4972, ApprovedPPM: 921423, Fees: []simulation.Amount{{Amount: 153504, Currency: "EUR"}}}}}},
	"ReconBreak.kind": "contradiction", "ReconBreak.status": "open", "ReconBreak.amount": 9232, "ReconBreak.currency": "EUR", "ReconBreak.detail": "att_01jd9qk3v8m2x4r6t7w9y0a1b2: it is voided, the provider says captured 92.32 EUR",
	"note": "", "closed_by": nil, "closed_at": nil,
	"AuditEntry.details": map[string]string{"mode": "block", "scope": "provider account alpha", "reason": "The acquirer loses messages"}, "AuditEntry.request_id": "req_01jd9qk3v8m2x4r6t7w9y0a1b2", "AuditEntry.subject": "ks_01jd9qk3v8m2x4r6t7w9y0a1b2",
	"KillSwitch.reason": "The acquirer loses messages", "KillSwitch.scope": control.Scope{Account: "alpha"}, "everyone": false, "KillSwitch.on": true, "KillSwitch.expires_at": nil, "KillSwitch.lifted_at": nil, "KillSwitch.mode": "block",
	"ProviderHealth.state": "well", "ProviderOperation.since": "2026-11-22T06:00:00Z", "ProviderOperation.calls": 214, "latency_p50_ms": 182, "latency_p95_ms": 420, "concurrency_limit": 256,
	"in_flight": 3, "next_probe_at": nil, "elsewhere": false, "ProviderMaintenance.reason": "Announced by the acquirer", "starts_at": "2026-11-23T01:00:00Z", "ends_at": "2026-11-23T03:00:00Z", "lifted_at": nil,
	"last_attempt_at": "2026-11-22T12:00:01Z", "Event.data": map[string]string{"object": "payment", "id": "pay_01jd9qk3v8m2x4r6t7w9y0a1b2"},
}

// unsampled are fields that a sample of the story does not have.
var unsampled = map[string]bool{
	"client_secret": true, "checkout_url": true, "Payment.attempts": true, "WebhookDelivery.attempts": true, "Payment.refunds": true, "Payment.timeline": true, "Order.payments": true, "Order.timeline": true, "cancellation_reason": true,
	"Payout.batch": true, "part_of": true, "closed_loop_order": true, "Refund.payout": true, "PayoutTimelineEntry.detail": true, "Destination.card": true, "bank_code": true, "branch_code": true, "alias_type": true, "blocked_reason": true,
	"lifted_by": true, "two_above": true, "ManualItem.payout": true,
	"ManualItem.detail": true, "description": true, "statement_descriptor": true, "PaymentMethod.bank": true, "PaymentMethod.wallet": true, "Token.wallet": true, "TokenRequest.wallet": true, "qr_code": true, "qr_image_url": true, "copy_code": true, "deeplink": true, "network_reference": true, "provider_reference": true, "error": true,
	"decline_code": true, "network_decline_code": true, "network_advice_code": true, "WebhookEndpoint.secret": true, "base64": true, "requested_by": true, "text_sha256": true, "truncated": true,
}

// sample writes an example of a schema's object, in the order of its Go type.
func (w referenceWriter) sample(s *huma.Schema, shows story) string {
	var b strings.Builder
	w.shows = shows
	w.sampleValue(&b, "", "", s, 0)
	return b.String()
}

// of is the value of a field, if the story has one.
func (s story) of(schema, name string) (value any, ok bool) {
	if value, ok = s[schema+"."+name]; !ok {
		value, ok = s[name]
	}
	return value, ok
}

func (w referenceWriter) sampleObject(b *strings.Builder, s *huma.Schema, indent int) {
	schema := strings.TrimPrefix(s.Ref, "#/components/schemas/")
	b.WriteString("{")
	first := true
	w.eachField(s, func(name string, p *huma.Schema, _ bool) {
		_, shown := w.shows.of(schema, name)
		_, told := samples[schema+"."+name]
		if !shown && !told && (unsampled[name] || unsampled[schema+"."+name]) {
			return
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprintf(b, "\n%s%q: ", strings.Repeat("  ", indent+1), name)
		w.sampleValue(b, schema, name, p, indent+1)
	})
	b.WriteString("\n" + strings.Repeat("  ", indent) + "}")
}

func (w referenceWriter) sampleValue(b *strings.Builder, schema, name string, s *huma.Schema, indent int) {
	value, ok := w.shows.of(schema, name)
	if !ok {
		value, ok = samples.of(schema, name)
	}
	switch {
	case ok:
	case s.Ref != "":
		w.sampleObject(b, s, indent)
		return
	case len(s.OneOf) > 0 && (name == "payment_method" || name == "card" || name == "consent"):
		w.sampleObject(b, s.OneOf[0], indent)
		return
	case len(s.Examples) > 0:
		value = s.Examples[0]
	case s.Items != nil && s.Items.Ref != "":
		b.WriteString("[")
		w.sampleObject(b, s.Items, indent)
		b.WriteString("]")
		return
	default:
		value = plainSample(s)
	}
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte("null")
	}
	b.Write(text)
}

func plainSample(s *huma.Schema) any {
	switch {
	case s.Nullable || len(s.OneOf) > 0:
		return nil
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Items != nil:
		return []string{}
	case s.Format == "date-time":
		return "2026-11-22T12:00:00Z"
	}
	return map[string]any{huma.TypeString: "…", huma.TypeInteger: 1, huma.TypeBoolean: false, huma.TypeObject: map[string]string{}}[s.Type]
}
