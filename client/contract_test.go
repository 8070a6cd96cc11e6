package client

import (
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// left is where a type and its schema differ, and why.
var left = map[string]string{
	"object":           "the Go type says it",
	"Problem.status":   "it is the HTTP status",
	"Card.fingerprint": "the cards of tokens have it, and the type is the same",
}

func contract(t *testing.T) *openapi3.T {
	t.Helper()
	text, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestTypesAreThoseOfTheContract compares each type with its schema in the committed document, so that neither moves alone.
func TestTypesAreThoseOfTheContract(t *testing.T) {
	doc := contract(t)
	for name, of := range map[string]reflect.Type{
		"Payment": reflect.TypeFor[Payment](), "PaymentMethod": reflect.TypeFor[PaymentMethod](), "Card": reflect.TypeFor[Card](),
		"Failure": reflect.TypeFor[Failure](), "NextAction": reflect.TypeFor[NextAction](), "ThreeDS": reflect.TypeFor[ThreeDS](), "Attempt": reflect.TypeFor[Attempt](), "TimelineEntry": reflect.TypeFor[TimelineEntry](),
		"Refund": reflect.TypeFor[Refund](), "Event": reflect.TypeFor[Event](), "Balance": reflect.TypeFor[Balance](), "CurrencyAmount": reflect.TypeFor[Amount](),
		"LedgerAccount": reflect.TypeFor[LedgerAccount](), "LedgerTransaction": reflect.TypeFor[LedgerTransaction](), "LedgerEntry": reflect.TypeFor[LedgerEntry](),
		"WebhookEndpoint": reflect.TypeFor[WebhookEndpoint](), "PaymentList": reflect.TypeFor[List[Payment]](),
		"Problem": reflect.TypeFor[problem](), "ProblemFault": reflect.TypeFor[FieldError](),
		"CreatePayment": reflect.TypeFor[CreatePayment](), "Method": reflect.TypeFor[MethodRequest](), "Routing": reflect.TypeFor[Routing](), "ThreeDSRequest": reflect.TypeFor[ThreeDSRequest](), "Device": reflect.TypeFor[Device](), "ConfirmPayment": reflect.TypeFor[ConfirmPayment](),
		"CapturePayment": reflect.TypeFor[CapturePayment](), "CancelPayment": reflect.TypeFor[CancelPayment](), "RefundPayment": reflect.TypeFor[RefundPayment](),
		"CreateWebhookEndpoint": reflect.TypeFor[CreateWebhookEndpoint](), "UpdateWebhookEndpoint": reflect.TypeFor[UpdateWebhookEndpoint](),
		"TokenRequest": reflect.TypeFor[CreateToken](), "Token": reflect.TypeFor[Token](), "TokenWallet": reflect.TypeFor[TokenWallet](), "TokenWalletRequest": reflect.TypeFor[WalletDetails](), "PaymentWallet": reflect.TypeFor[PaymentWallet](), "TokenCard": reflect.TypeFor[CardDetails](), "TokenView": reflect.TypeFor[Card](),
		"RotateWebhookSecret": reflect.TypeFor[RotateWebhookSecret](), "RecoverWebhookEndpoint": reflect.TypeFor[RecoverWebhookEndpoint](), "ClientCertificateRequest": reflect.TypeFor[ClientCertificateRequest](),
		"ClientCertificate": reflect.TypeFor[ClientCertificate](), "WebhookRecovery": reflect.TypeFor[WebhookRecovery](),
		"WebhookAttempt": reflect.TypeFor[WebhookAttempt](), "WebhookRequest": reflect.TypeFor[WebhookRequest](), "WebhookResponse": reflect.TypeFor[WebhookResponse](),
		"WebhookDelivery": reflect.TypeFor[WebhookDelivery](), "InboundWebhook": reflect.TypeFor[InboundWebhook](), "ApiKey": reflect.TypeFor[APIKey](), "ProviderAccount": reflect.TypeFor[ProviderAccount](), "BankObject": reflect.TypeFor[Bank](),
		"ProviderHealth": reflect.TypeFor[ProviderHealth](), "ProviderOperation": reflect.TypeFor[ProviderOperation](), "ProviderMaintenance": reflect.TypeFor[ProviderMaintenance](), "AnnounceMaintenance": reflect.TypeFor[AnnounceMaintenance](),
		"Dispute": reflect.TypeFor[Dispute](), "DisputeFile": reflect.TypeFor[DisputeFile](), "DisputeResponse": reflect.TypeFor[DisputeResponse](),
		"DisputeEvidence": reflect.TypeFor[DisputeEvidence](), "SetDisputeEvidence": reflect.TypeFor[SetDisputeEvidence](),
		"RequestLog": reflect.TypeFor[RequestLog](), "Customer": reflect.TypeFor[Customer](), "Address": reflect.TypeFor[Address](), "AddressRequest": reflect.TypeFor[Address](),
		"SavedPaymentMethod": reflect.TypeFor[SavedPaymentMethod](), "SavedCard": reflect.TypeFor[Card](), "Consent": reflect.TypeFor[Consent](), "ConsentRequest": reflect.TypeFor[ConsentRequest](),
		"KeepPaymentMethod": reflect.TypeFor[KeepPaymentMethod](), "UpdatePaymentMethod": reflect.TypeFor[UpdatePaymentMethod](),
		"Payout": reflect.TypeFor[Payout](), "ArrivalWindow": reflect.TypeFor[ArrivalWindow](), "PayoutFailure": reflect.TypeFor[PayoutFailure](),
		"PayoutPart": reflect.TypeFor[PayoutPart](), "PayoutUnusedSource": reflect.TypeFor[PayoutUnusedSource](),
		"CustomerFunds": reflect.TypeFor[CustomerFunds](), "CustomerFundsBalance": reflect.TypeFor[CustomerFundsBalance](),
		"PayoutTimelineEntry": reflect.TypeFor[PayoutTimelineEntry](), "CreatePayout": reflect.TypeFor[CreatePayout](), "BankAlias": reflect.TypeFor[BankAlias](),
		"CancelPayout": reflect.TypeFor[CancelPayout](), "ResolvePayout": reflect.TypeFor[ResolvePayout](), "CreatePayoutBatch": reflect.TypeFor[CreatePayoutBatch](), "PayoutBatch": reflect.TypeFor[PayoutBatch](),
		"PayoutBatchLine": reflect.TypeFor[PayoutBatchLine](), "PayoutBatchFault": reflect.TypeFor[PayoutBatchFault](), "Destination": reflect.TypeFor[Destination](),
		"DestinationCard": reflect.TypeFor[DestinationCard](), "CreateDestination": reflect.TypeFor[CreateDestination](), "UpdateDestination": reflect.TypeFor[UpdateDestination](),
		"AuditEntry": reflect.TypeFor[AuditEntry](), "KillSwitch": reflect.TypeFor[KillSwitch](), "KillSwitchScope": reflect.TypeFor[KillSwitchScope](), "KillSwitchAmount": reflect.TypeFor[KillSwitchAmount](), "CreateKillSwitch": reflect.TypeFor[CreateKillSwitch](), "ReconBreak": reflect.TypeFor[Break](), "CloseReconBreak": reflect.TypeFor[CloseBreak](),
		"Order": reflect.TypeFor[Order](), "OrderLine": reflect.TypeFor[OrderLine](), "OrderReminder": reflect.TypeFor[OrderReminder](), "OrderPayment": reflect.TypeFor[OrderPayment](),
		"CreateOrder": reflect.TypeFor[CreateOrder](), "OrderLineRequest": reflect.TypeFor[OrderLineRequest](), "CancelOrder": reflect.TypeFor[CancelOrder](),
		"RoutingObject": reflect.TypeFor[AttemptRouting](), "RoutingDecision": reflect.TypeFor[RoutingDecision](), "RoutingDecisionExperiment": reflect.TypeFor[RoutingExperiment](),
		"RoutingRanked": reflect.TypeFor[RoutingRanked](), "RoutingExcluded": reflect.TypeFor[RoutingExcluded](), "RoutingSkipped": reflect.TypeFor[RoutingSkipped](),
		"RoutingPolicy": reflect.TypeFor[RoutingPolicy](), "RoutingPolicyVersion": reflect.TypeFor[RoutingPolicyVersion](), "ValidateRoutingPolicy": reflect.TypeFor[ValidateRoutingPolicy](),
		"RoutingFacts": reflect.TypeFor[RoutingFacts](), "RoutingTrial": reflect.TypeFor[RoutingTrial](), "RoutingFault": reflect.TypeFor[RoutingFault](),
		"RoutingExperimentResult": reflect.TypeFor[RoutingExperimentResult](), "RoutingExperimentSide": reflect.TypeFor[RoutingExperimentSide](), "RoutingExperimentLook": reflect.TypeFor[RoutingExperimentLook](),
		"SimulateRoutingPolicy": reflect.TypeFor[SimulateRoutingPolicy](), "RoutingSimulation": reflect.TypeFor[RoutingSimulation](), "RoutingSimulationResult": reflect.TypeFor[RoutingSimulationResult](),
		"RoutingSimulationSegment": reflect.TypeFor[RoutingSimulationSegment](), "RoutingSimulationAmount": reflect.TypeFor[Amount](),
		"ManualItem": reflect.TypeFor[ManualItem](), "ResolveManual": reflect.TypeFor[ResolveManual](),
		"CreateCustomer": reflect.TypeFor[CreateCustomer](), "UpdateCustomer": reflect.TypeFor[UpdateCustomer](),
	} {
		schema := doc.Components.Schemas[name]
		if schema == nil {
			t.Errorf("the contract has no %s", name)
			continue
		}
		compare(t, name, of, schema.Value)
	}
}

func compare(t *testing.T, name string, of reflect.Type, schema *openapi3.Schema) {
	t.Helper()
	has := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(of) {
		member, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if member == "-" || field.Anonymous {
			continue // of the SDK alone, or with its own fields in its place
		}
		has[member] = field.Type
		if schema.Properties[member] == nil && left[name+"."+member] == "" {
			t.Errorf("%s.%s is not in the contract", name, member)
		}
	}
	for member, property := range schema.Properties {
		is, ok := has[member]
		switch {
		case ok:
			if want := property.Value.Type; want != nil && !slices.ContainsFunc(want.Slice(), func(one string) bool { return one == kindOf(is) || one == "null" }) {
				t.Errorf("%s.%s is %s here, %v in the contract", name, member, is, want.Slice())
			}
		case left[member] == "" && left[name+"."+member] == "":
			t.Errorf("%s.%s is in the contract and not here", name, member)
		}
	}
}

// kindOf is how a Go type looks in JSON.
func kindOf(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time](), t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Int64, t.Kind() == reflect.Int:
		return "integer"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8: // json.RawMessage is any object
		return "array"
	}
	return "object"
}

// TestEveryOperationHasACall makes each call that the contract has, by the name it has there.
func TestEveryOperationHasACall(t *testing.T) {
	ctx := t.Context()
	one := func(_ any, err error) error { return err }
	document := json.RawMessage(`{"name":"usual"}`)
	calls := map[string]func(*Client) error{
		"createPayment":     func(c *Client) error { return one(c.Payments.Create(ctx, CreatePayment{})) },
		"getPayment":        func(c *Client) error { return one(c.Payments.Get(ctx, "x")) },
		"listPayments":      func(c *Client) error { return one(first(c.Payments.List(ctx, ListPayments{}))) },
		"confirmPayment":    func(c *Client) error { return one(c.Payments.Confirm(ctx, "x", ConfirmPayment{})) },
		"capturePayment":    func(c *Client) error { return one(c.Payments.Capture(ctx, "x", CapturePayment{All: true})) },
		"cancelPayment":     func(c *Client) error { return one(c.Payments.Cancel(ctx, "x", CancelPayment{})) },
		"refundPayment":     func(c *Client) error { return one(c.Payments.Refund(ctx, "x", RefundPayment{All: true})) },
		"getRefund":         func(c *Client) error { return one(c.Refunds.Get(ctx, "x")) },
		"approveRefund":     func(c *Client) error { return one(c.Refunds.Approve(ctx, "x")) },
		"cancelRefund":      func(c *Client) error { return one(c.Refunds.Cancel(ctx, "x")) },
		"listRefunds":       func(c *Client) error { return one(first(c.Refunds.List(ctx, ListRefunds{}))) },
		"listAuditLog":      func(c *Client) error { return one(first(c.AuditLog.List(ctx, ListAuditLog{}))) },
		"getAuditEntry":     func(c *Client) error { return one(c.AuditLog.Get(ctx, "x")) },
		"createKillSwitch":  func(c *Client) error { return one(c.KillSwitches.Create(ctx, CreateKillSwitch{})) },
		"getKillSwitch":     func(c *Client) error { return one(c.KillSwitches.Get(ctx, "x")) },
		"listKillSwitches":  func(c *Client) error { return one(first(c.KillSwitches.List(ctx, Page{}))) },
		"liftKillSwitch":    func(c *Client) error { return one(c.KillSwitches.Lift(ctx, "x")) },
		"listBreaks":        func(c *Client) error { return one(first(c.Breaks.List(ctx, ListBreaks{}))) },
		"getBreak":          func(c *Client) error { return one(c.Breaks.Get(ctx, "x")) },
		"closeBreak":        func(c *Client) error { return one(c.Breaks.Close(ctx, "x", CloseBreak{})) },
		"createOrder":       func(c *Client) error { return one(c.Orders.Create(ctx, CreateOrder{})) },
		"getOrder":          func(c *Client) error { return one(c.Orders.Get(ctx, "x")) },
		"listOrders":        func(c *Client) error { return one(first(c.Orders.List(ctx, ListOrders{}))) },
		"cancelOrder":       func(c *Client) error { return one(c.Orders.Cancel(ctx, "x", CancelOrder{})) },
		"createCustomer":    func(c *Client) error { return one(c.Customers.Create(ctx, CreateCustomer{})) },
		"getCustomer":       func(c *Client) error { return one(c.Customers.Get(ctx, "x")) },
		"listCustomers":     func(c *Client) error { return one(first(c.Customers.List(ctx, ListCustomers{}))) },
		"updateCustomer":    func(c *Client) error { return one(c.Customers.Update(ctx, "x", UpdateCustomer{})) },
		"getCustomerFunds":  func(c *Client) error { return one(c.Customers.Funds(ctx, "x", Page{})) },
		"eraseCustomer":     func(c *Client) error { return one(c.Customers.Erase(ctx, "x")) },
		"deleteCustomer":    func(c *Client) error { return c.Customers.Delete(ctx, "x") },
		"keepPaymentMethod": func(c *Client) error { return one(c.PaymentMethods.Keep(ctx, KeepPaymentMethod{})) },
		"getPaymentMethod":  func(c *Client) error { return one(c.PaymentMethods.Get(ctx, "x")) },
		"updatePaymentMethod": func(c *Client) error {
			return one(c.PaymentMethods.Update(ctx, "x", UpdatePaymentMethod{}))
		},
		"withdrawConsent":     func(c *Client) error { return one(c.PaymentMethods.WithdrawConsent(ctx, "x")) },
		"detachPaymentMethod": func(c *Client) error { return c.PaymentMethods.Detach(ctx, "x") },
		"listCustomerPaymentMethods": func(c *Client) error {
			return one(first(c.PaymentMethods.List(ctx, "x", Page{})))
		},
		"createPayout":       func(c *Client) error { return one(c.Payouts.Create(ctx, CreatePayout{})) },
		"createPayoutBatch":  func(c *Client) error { return one(c.Payouts.Batch(ctx, CreatePayoutBatch{})) },
		"getPayout":          func(c *Client) error { return one(c.Payouts.Get(ctx, "x")) },
		"listPayouts":        func(c *Client) error { return one(first(c.Payouts.List(ctx, ListPayouts{}))) },
		"approvePayout":      func(c *Client) error { return one(c.Payouts.Approve(ctx, "x")) },
		"resolvePayout":      func(c *Client) error { return one(c.Payouts.Resolve(ctx, "x", ResolvePayout{})) },
		"cancelPayout":       func(c *Client) error { return one(c.Payouts.Cancel(ctx, "x", CancelPayout{})) },
		"createDestination":  func(c *Client) error { return one(c.Destinations.Create(ctx, CreateDestination{})) },
		"getDestination":     func(c *Client) error { return one(c.Destinations.Get(ctx, "x")) },
		"listDestinations":   func(c *Client) error { return one(first(c.Destinations.List(ctx, Page{}))) },
		"updateDestination":  func(c *Client) error { return one(c.Destinations.Update(ctx, "x", UpdateDestination{})) },
		"listDisputes":       func(c *Client) error { return one(first(c.Disputes.List(ctx, ListDisputes{}))) },
		"getDispute":         func(c *Client) error { return one(c.Disputes.Get(ctx, "x")) },
		"getDisputeEvidence": func(c *Client) error { return one(c.Disputes.Evidence(ctx, "x")) },
		"setDisputeEvidence": func(c *Client) error { return one(c.Disputes.SetEvidence(ctx, "x", SetDisputeEvidence{})) },
		"uploadDisputeFile":  func(c *Client) error { return one(c.Disputes.Upload(ctx, "x", "y", "text/plain", []byte("z"))) },
		"getDisputeFile": func(c *Client) error {
			_, _, err := c.Disputes.File(ctx, "x", "y")
			return err
		},
		"removeDisputeFile":     func(c *Client) error { return one(c.Disputes.RemoveFile(ctx, "x", "y")) },
		"submitDispute":         func(c *Client) error { return one(c.Disputes.Submit(ctx, "x")) },
		"acceptDispute":         func(c *Client) error { return one(c.Disputes.Accept(ctx, "x")) },
		"getEvent":              func(c *Client) error { return one(c.Events.Get(ctx, "x")) },
		"listEvents":            func(c *Client) error { return one(first(c.Events.List(ctx, ListEvents{}))) },
		"streamEvents":          func(c *Client) error { return one(first(c.Events.Stream(ctx, StreamEvents{}))) },
		"streamRequestLogs":     func(c *Client) error { return one(first(c.RequestLogs.Stream(ctx, StreamRequestLogs{}))) },
		"createWebhookEndpoint": func(c *Client) error { return one(c.WebhookEndpoints.Create(ctx, CreateWebhookEndpoint{})) },
		"getWebhookEndpoint":    func(c *Client) error { return one(c.WebhookEndpoints.Get(ctx, "x")) },
		"updateWebhookEndpoint": func(c *Client) error { return one(c.WebhookEndpoints.Update(ctx, "x", UpdateWebhookEndpoint{})) },
		"deleteWebhookEndpoint": func(c *Client) error { return c.WebhookEndpoints.Delete(ctx, "x") },
		"listWebhookEndpoints":  func(c *Client) error { return one(first(c.WebhookEndpoints.List(ctx))) },
		"getWebhookDelivery":    func(c *Client) error { return one(c.WebhookDeliveries.Get(ctx, "x")) },
		"listWebhookDeliveries": func(c *Client) error { return one(first(c.WebhookDeliveries.List(ctx, ListWebhookDeliveries{}))) },
		"rotateWebhookSecret": func(c *Client) error {
			return one(c.WebhookEndpoints.RotateSecret(ctx, "x", RotateWebhookSecret{}))
		},
		"enableWebhookEndpoint":  func(c *Client) error { return one(c.WebhookEndpoints.Enable(ctx, "x")) },
		"disableWebhookEndpoint": func(c *Client) error { return one(c.WebhookEndpoints.Disable(ctx, "x")) },
		"testWebhookEndpoint":    func(c *Client) error { return one(c.WebhookEndpoints.Test(ctx, "x")) },
		"recoverWebhookEndpoint": func(c *Client) error {
			return one(c.WebhookEndpoints.Recover(ctx, "x", RecoverWebhookEndpoint{}))
		},
		"retryWebhookDelivery":   func(c *Client) error { return one(c.WebhookDeliveries.Retry(ctx, "x")) },
		"retryWebhookDeliveries": func(c *Client) error { return one(c.WebhookDeliveries.RetryAll(ctx, []string{"x"})) },
		"getWebhookRecovery":     func(c *Client) error { return one(c.WebhookRecoveries.Get(ctx, "x")) },
		"listWebhookRecoveries":  func(c *Client) error { return one(first(c.WebhookRecoveries.List(ctx, ListWebhookRecoveries{}))) },
		"getInboundWebhook":      func(c *Client) error { return one(c.InboundWebhooks.Get(ctx, "x")) },
		"listInboundWebhooks":    func(c *Client) error { return one(first(c.InboundWebhooks.List(ctx, ListInboundWebhooks{}))) },
		"replayInboundWebhook":   func(c *Client) error { return one(c.InboundWebhooks.Replay(ctx, "x")) },
		"getBalance":             func(c *Client) error { return one(c.Balance.Get(ctx)) },
		"listLedgerAccounts":     func(c *Client) error { return one(first(c.Ledger.Accounts(ctx))) },
		"listLedgerTransactions": func(c *Client) error {
			return one(first(c.Ledger.Transactions(ctx, ListLedgerTransactions{})))
		},
		"listBanks":            func(c *Client) error { return one(first(c.Payments.Banks(ctx, ListBanks{Method: "ideal"}))) },
		"getApiKey":            func(c *Client) error { return one(c.APIKeys.Get(ctx, "x")) },
		"listApiKeys":          func(c *Client) error { return one(first(c.APIKeys.List(ctx, Page{}))) },
		"revokeApiKey":         func(c *Client) error { return one(c.APIKeys.Revoke(ctx, "x")) },
		"listProviderAccounts": func(c *Client) error { return one(first(c.ProviderAccounts.List(ctx))) },
		"getProviderAccount":   func(c *Client) error { return one(c.ProviderAccounts.Get(ctx, "x")) },
		"getProviderHealth":    func(c *Client) error { return one(c.ProviderAccounts.Health(ctx, "x")) },
		"announceMaintenance":  func(c *Client) error { return one(c.ProviderAccounts.Announce(ctx, "x", AnnounceMaintenance{})) },
		"liftMaintenance":      func(c *Client) error { return one(c.ProviderAccounts.Lift(ctx, "x")) },
		"listRoutingPolicies":  func(c *Client) error { return one(first(c.RoutingPolicies.List(ctx, Page{}))) },
		"createRoutingPolicy":  func(c *Client) error { return one(c.RoutingPolicies.Create(ctx, document)) },
		"getRoutingPolicy":     func(c *Client) error { return one(c.RoutingPolicies.Get(ctx, "x")) },
		"listRoutingPolicyVersions": func(c *Client) error {
			return one(first(c.RoutingPolicies.Versions(ctx, "x", Page{})))
		},
		"createRoutingPolicyVersion": func(c *Client) error { return one(c.RoutingPolicies.Update(ctx, "x", document)) },
		"publishRoutingPolicy":       func(c *Client) error { return one(c.RoutingPolicies.Publish(ctx, "x", 1)) },
		"unpublishRoutingPolicy":     func(c *Client) error { return one(c.RoutingPolicies.Unpublish(ctx, "x")) },
		"rollbackRoutingPolicy":      func(c *Client) error { return one(c.RoutingPolicies.Rollback(ctx, "x")) },
		"validateRoutingPolicy":      func(c *Client) error { return one(c.RoutingPolicies.Validate(ctx, "x", ValidateRoutingPolicy{})) },
		"listRoutingExperiments":     func(c *Client) error { return one(first(c.RoutingPolicies.Experiments(ctx, "x"))) },
		"simulateRoutingPolicy":      func(c *Client) error { return one(c.RoutingPolicies.Simulate(ctx, "x", SimulateRoutingPolicy{})) },
		"listManualQueue":            func(c *Client) error { return one(first(c.ManualQueue.List(ctx, 0))) },
		"resolveManualItem":          func(c *Client) error { return one(c.ManualQueue.Resolve(ctx, "x", ResolveManual{})) },
		"createToken":                func(c *Client) error { return one(c.Tokens.Create(ctx, CreateToken{})) },
	}
	for path, item := range contract(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.OperationID == "receiveProviderWebhook" {
				continue // for providers
			}
			call := calls[operation.OperationID]
			if call == nil {
				t.Errorf("there is no call for %s", operation.OperationID)
				continue
			}
			give := object(200, `{}`)
			if operation.Responses.Status(200) != nil && operation.Responses.Status(200).Value.Content["text/event-stream"] != nil {
				give = streamed("data: {}\n\n")
			}
			c, a, _ := serve(t, []http.HandlerFunc{give})
			if err := call(c); err != nil {
				t.Error(err)
			}
			want := method + " " + strings.NewReplacer("{id}", "x", "{name}", "y").Replace(path)
			sent := a.sent()[0]
			if got := sent.method + " " + sent.path; got != want {
				t.Errorf("%s goes to %s, want %s", operation.OperationID, got, want)
			}
			if needs := method == http.MethodPost || method == http.MethodPatch; (sent.key != "") != needs {
				t.Errorf("%s has the idempotency key %q", operation.OperationID, sent.key)
			}
		}
	}
}
