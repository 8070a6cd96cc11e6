package audit

import "slices"

// Action is what was done: a noun and a verb in the past tense, such as api_key.revoked. The set is closed: see Actions.
type Action string

// actions is the closed set. docs/audit.md says of each what it means and what its details are; a test holds the two together.
var actions = []Action{
	"merchant.created", "merchant.updated",
	"api_key.created", "api_key.revoked", "api_key.rolled",
	"provider_account.created", "provider_account.updated",
	"provider_maintenance.announced", "provider_maintenance.lifted",
	"kill_switch.created", "kill_switch.lifted",
	"routing_policy.created", "routing_policy.changed", "routing_policy.published", "routing_policy.rolled_back", "routing_policy.unpublished",
	"routing_experiment.stopped",
	"manual_item.resolved", "recon_break.closed", "inbound_webhook.replayed",
	"refund.approved", "refund.canceled",
	"payout.created", "payout.approved", "payout.canceled", "payout_batch.created",
	"destination.created", "destination.updated",
	"dispute.evidence_changed", "dispute.file_added", "dispute.file_removed", "dispute.file_read", "dispute.submitted", "dispute.accepted",
	"customer.created", "customer.updated", "customer.erased",
	"payment_method.kept", "payment_method.updated", "payment_method.consent_withdrawn", "payment_method.detached",
	"order.created", "order.canceled",
	"webhook_endpoint.created", "webhook_endpoint.updated", "webhook_endpoint.deleted", "webhook_endpoint.enabled", "webhook_endpoint.disabled",
	"webhook_endpoint.secret_rotated", "webhook_endpoint.tested", "webhook_endpoint.recovered", "webhook_delivery.retried",
}

// Actions are all that there are.
func Actions() []Action { return slices.Clone(actions) }

// Known tells whether there is such an action.
func (a Action) Known() bool { return slices.Contains(actions, a) }
