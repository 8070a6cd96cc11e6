package api

import (
	"cmp"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/control"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/health"
	orders "github.com/florinpay/florin/internal/order"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/payout"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/recon"
	policies "github.com/florinpay/florin/internal/routing"
	"github.com/florinpay/florin/internal/simulation"
)

// schemaNames are the names of types in the document where they are not simply the Go name.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[payment.WalletObject](): "PaymentWallet", reflect.TypeFor[walletsRequest](): "TokenWalletRequest",
	reflect.TypeFor[payment.Object]():          "Payment",
	reflect.TypeFor[payment.MethodObject]():    "PaymentMethod",
	reflect.TypeFor[payment.CardObject]():      "Card",
	reflect.TypeFor[payment.RefundObject]():    "Refund",
	reflect.TypeFor[payment.FailureObject]():   "Failure",
	reflect.TypeFor[payment.ThreeDSObject]():   "ThreeDS",
	reflect.TypeFor[threeDS]():                 "ThreeDSRequest",
	reflect.TypeFor[payment.AttemptObject]():   "Attempt",
	reflect.TypeFor[dispute.Object]():          "Dispute",
	reflect.TypeFor[dispute.File]():            "DisputeFile",
	reflect.TypeFor[dispute.ResponseObject]():  "DisputeResponse",
	reflect.TypeFor[disputeTexts]():            "SetDisputeEvidence",
	reflect.TypeFor[event.Object]():            "Event",
	reflect.TypeFor[event.EndpointObject]():    "WebhookEndpoint",
	reflect.TypeFor[event.DeliveryObject]():    "WebhookDelivery",
	reflect.TypeFor[event.AttemptObject]():     "WebhookAttempt",
	reflect.TypeFor[event.AttemptRequest]():    "WebhookRequest",
	reflect.TypeFor[event.AttemptAnswer]():     "WebhookResponse",
	reflect.TypeFor[event.RecoveryObject]():    "WebhookRecovery",
	reflect.TypeFor[event.CertificateObject](): "ClientCertificate",
	reflect.TypeFor[certificateRequest]():      "ClientCertificateRequest",
	reflect.TypeFor[problem.Fault]():           "ProblemFault",
	reflect.TypeFor[amount]():                  "CurrencyAmount",
	reflect.TypeFor[apiKey]():                  "ApiKey",
	reflect.TypeFor[rotateSecret]():            "RotateWebhookSecret",
	reflect.TypeFor[recoverEndpoint]():         "RecoverWebhookEndpoint",
	reflect.TypeFor[retryDeliveries]():         "RetryWebhookDeliveries",
	reflect.TypeFor[createEndpoint]():          "CreateWebhookEndpoint",
	reflect.TypeFor[updateEndpoint]():          "UpdateWebhookEndpoint",
	reflect.TypeFor[providerAccount]():         "ProviderAccount",
	reflect.TypeFor[audit.Object]():            "AuditEntry",
	reflect.TypeFor[control.Object]():          "KillSwitch",
	reflect.TypeFor[control.Scope]():           "KillSwitchScope",
	reflect.TypeFor[control.Amount]():          "KillSwitchAmount",
	reflect.TypeFor[throwSwitch]():             "CreateKillSwitch",
	reflect.TypeFor[recon.Object]():            "ReconBreak",
	reflect.TypeFor[closeBreak]():              "CloseReconBreak",
	reflect.TypeFor[health.Report]():           "ProviderHealth",
	reflect.TypeFor[health.OperationReport]():  "ProviderOperation",
	reflect.TypeFor[health.WindowObject]():     "ProviderMaintenance",
	reflect.TypeFor[maintenanceList]():         "ProviderMaintenanceList",
	reflect.TypeFor[loggedRequest]():           "RequestLog",
	reflect.TypeFor[listing[eventContent]]():   "EventList",
	reflect.TypeFor[customer.Object]():         "Customer",
	reflect.TypeFor[customerAddress]():         "AddressRequest",
	reflect.TypeFor[customer.MethodObject]():   "SavedPaymentMethod",
	reflect.TypeFor[customer.Card]():           "SavedCard",
	reflect.TypeFor[customer.ConsentObject]():  "Consent",
	reflect.TypeFor[keepMethod]():              "KeepPaymentMethod",
	reflect.TypeFor[updateMethod]():            "UpdatePaymentMethod",

	reflect.TypeFor[orders.Object]():         "Order",
	reflect.TypeFor[orders.Line]():           "OrderLine",
	reflect.TypeFor[orders.ReminderObject](): "OrderReminder",
	reflect.TypeFor[orders.PaymentObject]():  "OrderPayment",
	reflect.TypeFor[orderLine]():             "OrderLineRequest",

	reflect.TypeFor[policies.Object]():        "RoutingPolicy",
	reflect.TypeFor[policies.VersionObject](): "RoutingPolicyVersion",
	reflect.TypeFor[policies.Document]():      "RoutingPolicyDocument",
	reflect.TypeFor[policies.Rule]():          "RoutingRule",
	reflect.TypeFor[policies.Default]():       "RoutingDefault",
	reflect.TypeFor[policies.NamedAction]():   "RoutingNamedAction",
	reflect.TypeFor[policies.Action]():        "RoutingAction",
	reflect.TypeFor[policies.Weight]():        "RoutingWeight",
	reflect.TypeFor[policies.Experiment]():    "RoutingExperiment",
	reflect.TypeFor[policies.FeeTable]():      "RoutingFeeTable",
	reflect.TypeFor[policies.FeeRow]():        "RoutingFeeRow",
	reflect.TypeFor[policies.FixedFee]():      "RoutingFixedFee",
	reflect.TypeFor[policies.AccountFees]():   "RoutingAccountFees",
	reflect.TypeFor[policies.TrialObject]():   "RoutingTrial",
	reflect.TypeFor[policies.FaultObject]():   "RoutingFault",
	reflect.TypeFor[policies.Decision]():      "RoutingDecision",
	reflect.TypeFor[policies.Arm]():           "RoutingDecisionExperiment",
	reflect.TypeFor[policies.Ranked]():        "RoutingRanked",
	reflect.TypeFor[policies.Excluded]():      "RoutingExcluded",
	reflect.TypeFor[policies.Skipped]():       "RoutingSkipped",
	reflect.TypeFor[publishPolicy]():          "PublishRoutingPolicy",
	reflect.TypeFor[validatePolicy]():         "ValidateRoutingPolicy",

	reflect.TypeFor[policies.ExperimentObject](): "RoutingExperimentResult",
	reflect.TypeFor[policies.ExperimentSide]():   "RoutingExperimentSide",
	reflect.TypeFor[policies.LookObject]():       "RoutingExperimentLook",
	reflect.TypeFor[simulatePolicy]():            "SimulateRoutingPolicy",
	reflect.TypeFor[simulation.Object]():         "RoutingSimulation",
	reflect.TypeFor[simulation.Result]():         "RoutingSimulationResult",
	reflect.TypeFor[simulation.Segment]():        "RoutingSimulationSegment",
	reflect.TypeFor[simulation.Amount]():         "RoutingSimulationAmount",

	reflect.TypeFor[payout.Object]():             "Payout",
	reflect.TypeFor[payout.FailureObject]():      "PayoutFailure",
	reflect.TypeFor[payout.TimelineEntry]():      "PayoutTimelineEntry",
	reflect.TypeFor[payout.Part]():               "PayoutPart",
	reflect.TypeFor[payout.Unused]():             "PayoutUnusedSource",
	reflect.TypeFor[payment.FundsObject]():       "CustomerFunds",
	reflect.TypeFor[payment.FundsSourceObject](): "CustomerFundsSource",
	reflect.TypeFor[payment.FundsBalance]():      "CustomerFundsBalance",
	reflect.TypeFor[payout.Window]():             "ArrivalWindow",
	reflect.TypeFor[payout.DestinationObject]():  "Destination",
	reflect.TypeFor[payout.CardObject]():         "DestinationCard",
	reflect.TypeFor[payout.BatchObject]():        "PayoutBatch",
	reflect.TypeFor[payout.LineObject]():         "PayoutBatchLine",
	reflect.TypeFor[payout.FaultObject]():        "PayoutBatchFault",
}

func nameSchema(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, ok := schemaNames[t]; ok {
		return name
	}
	if l, is := reflect.Zero(t).Interface().(interface{ of() reflect.Type }); is {
		return nameSchema(l.of(), "") + "List"
	}
	name := cmp.Or(t.Name(), hint)
	for i, r := range name {
		return string(unicode.ToUpper(r)) + name[i+len(string(r)):]
	}
	return name
}

const apiDescription = `One API for payments over several providers.

Amounts are integers in the currency's minor unit. Times are RFC 3339 in UTC. Ids sort by time. Unknown fields and
parameters are refused, never ignored; a refusal is a problem of RFC 9457 that names every wrong parameter at once.

Send an Idempotency-Key with every POST and PATCH: a repeat gets the first answer again, byte for byte, and nothing
happens twice.`

const (
	vaultTag   = "Tokens"
	inboundTag = "Inbound"
)

// tags are the groups of operations, in the order of the documentation.
var tags = []*huma.Tag{
	{Name: "Payments", Description: "Money asked of a payer: authorize, capture, cancel, refund."},
	{Name: vaultTag, Description: "Card numbers go to the vault, which listens on its own address, and come back as tokens."},
	{Name: "Refunds", Description: "Money on its way back."},
	{Name: "Disputes", Description: "Payments that their payers deny: what banks say, what you say, and by when."},
	{Name: "Customers", Description: "Payers you know, and what they left to be charged again. What tells who they are is stored encrypted, and can be erased for good."},
	{Name: "Orders", Description: "What is to be paid: carts, and invoices that fall due. An order takes many tries and is paid once."},
	{Name: "Payouts", Description: "Money on its way out: to bank accounts, cards and aliases."},
	{Name: "Events", Description: "What happened, in order, kept."},
	{Name: "Webhooks", Description: "Events sent to you, signed as Standard Webhooks 1.0 has it, at least once."},
	{Name: "Balance and ledger", Description: "Double entry, never changed: every transaction sums to zero."},
	{Name: "Routing", Description: "Which providers there are, and by what rules payments find theirs."},
	{Name: "Operations", Description: "What needs a person, and who did what."},
	{Name: "Reconciliation", Description: "What does not agree between Florin and a provider."},
	{Name: "API keys", Description: "Who may call, and what for."},
	{Name: "Request logs", Description: "What your keys asked of the API a moment ago."},
	{Name: inboundTag, Description: "What providers told of your payments: where their webhooks come in, and what became of each."},
}

// The parameters and headers that many operations share.
var (
	versionParam = &huma.Param{
		Name: headerVersion, In: "header", Description: "Pins the data version. The merchant's own if it is not given.",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{Version}},
	}
	idempotencyParam = &huma.Param{
		Name: "Idempotency-Key", In: "header", Description: "1 to 255 characters of printable ASCII, kept 24 hours. A repeat with the same key and body gets the first answer again.",
		Schema: &huma.Schema{Type: huma.TypeString}, Example: "order-1001-charge",
	}
	requestIDHeader = &huma.Param{Description: "The id of this request. Quote it to support.", Schema: &huma.Schema{Type: huma.TypeString}}
	replayedHeader  = &huma.Param{Description: "true if this is the stored answer of an earlier request with the same key.", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"true"}}}
)

const idempotencyRef = "#/components/parameters/IdempotencyKey"

// document is huma's configuration: the head of the document, and nothing served by huma itself.
func document(address string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Florin", Version: Version, Description: apiDescription,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: address}},
			Tags:    tags,
			Components: &huma.Components{
				Schemas:    huma.NewMapRegistry("#/components/schemas/", nameSchema),
				Parameters: map[string]*huma.Param{"FlorinVersion": versionParam, "IdempotencyKey": idempotencyParam},
				Responses:  map[string]*huma.Response{},
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"secretKey":      {Type: "http", Scheme: "bearer", Description: "A secret key sk_… or a restricted key rk_…"},
					"publishableKey": {Type: "http", Scheme: "bearer", Description: "A publishable key pk_…"},
				},
			},
		},
		Formats: map[string]huma.Format{jsonType: huma.DefaultJSONFormat, problem.ContentType: huma.DefaultJSONFormat}, DefaultFormat: jsonType,
	}
}

// eventContent is an event as it was rendered; it is described as an event.Object.
type eventContent struct{ raw []byte }

// MarshalJSON gives the bytes as they are.
func (e eventContent) MarshalJSON() ([]byte, error) { return e.raw, nil }

// Schema is that of an event.
func (eventContent) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[event.Object](), true, "Event")
}

// finishDocument adds what huma cannot know: the paths that other listeners serve, and what the schemas of answers promise.
func (a *API) finishDocument() {
	doc := a.huma.OpenAPI()
	a.describeInbound(doc)
	describeVault(doc, cmp.Or(a.VaultURL, "http://127.0.0.1:8082"))
	defer exemplify(doc)
	bodies := map[string]bool{}
	for _, o := range a.operations {
		if o.body != nil {
			bodies[nameSchema(o.body, "")] = true
		}
	}
	bodies["Routing"], bodies["TokenRequest"], bodies["TokenCard"], bodies["ClientCertificateRequest"] = true, true, true, true
	bodies["AddressRequest"], bodies["ConsentRequest"] = true, true
	bodies["BankAlias"], bodies["OrderLineRequest"] = true, true
	bodies["RoutingFacts"] = true
	for name := range doc.Components.Schemas.Map() { // a policy is read as strictly as it is written, at any depth
		if t := doc.Components.Schemas.TypeFromRef("#/components/schemas/" + name); policyParts[t] {
			bodies[name] = true
		}
	}
	for name, schema := range doc.Components.Schemas.Map() {
		t := doc.Components.Schemas.TypeFromRef("#/components/schemas/" + name)
		if bodies[name] {
			openNulls(schema, t, func(tag reflect.StructTag) bool { return tag.Get("null") == "empty" })
			continue
		}
		schema.AdditionalProperties = nil // an answer may grow fields: that breaks nobody
		openNulls(schema, t, func(tag reflect.StructTag) bool { return !strings.Contains(tag.Get("json"), ",omitempty") })
	}
	p := doc.Components.Schemas.Map()["Payment"].Properties
	p["order"] = &huma.Schema{Description: p["order"].Description + " Its id, or with expand=order all of it.", OneOf: []*huma.Schema{
		{Type: huma.TypeString}, {Ref: "#/components/schemas/Order"}, {Type: "null"},
	}}
	if codes := doc.Components.Schemas.Map()["Failure"].Properties["decline_code"]; codes != nil {
		codes.Description = "One of: " + strings.Join(declineWords(), ", ") + "."
	}
}

// openNulls says of fields that hold another object, or nothing, that null is possible where it is: huma says it of plain types only.
func openNulls(s *huma.Schema, t reflect.Type, possible func(reflect.StructTag) bool) {
	if t.Kind() != reflect.Struct {
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := s.Properties[name]
		switch {
		case p == nil || !possible(f.Tag):
		case f.Type.Kind() == reflect.Map && f.Tag.Get("null") != "":
			p.Nullable = true
		case f.Type.Kind() == reflect.Pointer && p.Ref != "":
			s.Properties[name] = &huma.Schema{
				Description: p.Description, OneOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}},
			}
		}
	}
}

func declineWords() []string {
	words := []string{}
	for _, c := range provider.Codes() {
		words = append(words, string(c))
	}
	return words
}

func (a *API) describeInbound(doc *huma.OpenAPI) {
	text := &huma.Schema{Type: huma.TypeString}
	op := &huma.Operation{
		OperationID: "receiveProviderWebhook", Method: http.MethodPost, Path: "/in/{merchant}/{provider_account}", Tags: []string{inboundTag},
		Summary:     "Receive a provider's webhook",
		Description: "For providers, not for merchants. The signature is verified as the provider makes it, the message is recorded once and applied; a repeat changes nothing. If it cannot be applied at once it is recorded, answered, and applied a little later. Many messages that do not verify are answered with 429.",
		Security:    []map[string][]string{},
		Parameters: []*huma.Param{
			{Name: "merchant", In: "path", Required: true, Schema: text},
			{Name: "provider_account", In: "path", Required: true, Schema: text},
		},
		RequestBody: &huma.RequestBody{
			Required: true, Description: "As the provider sends it.", Content: map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{}}},
		},
		Responses: map[string]*huma.Response{"200": {
			Description: "Recorded", Headers: map[string]*huma.Param{headerRequestID: requestIDHeader},
			Content: map[string]*huma.MediaType{jsonType: {Schema: doc.Components.Schemas.Schema(reflect.TypeFor[receipt](), true, "")}},
		}},
	}
	refuseWith(doc, op, 400, 401, 404, 408, 413, 429, 500, 503)
	doc.AddOperation(op)
}

func refuseWith(doc *huma.OpenAPI, op *huma.Operation, statuses ...int) {
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = refusal(doc, status)
	}
}

// refusalHeaders are the headers that go with some refusals.
var refusalHeaders = map[int]string{
	http.StatusUnauthorized: headerChallenge, http.StatusConflict: headerRetryAfter, http.StatusTooManyRequests: headerRetryAfter,
	http.StatusServiceUnavailable: headerRetryAfter,
}

// refusal is a reference to the one description of a status' Problem.
func refusal(doc *huma.OpenAPI, status int) *huma.Response {
	name := strings.ReplaceAll(http.StatusText(status), " ", "")
	if _, ok := doc.Components.Responses[name]; !ok {
		headers := map[string]*huma.Param{headerRequestID: requestIDHeader}
		if header := refusalHeaders[status]; header != "" {
			headers[header] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}}
		}
		doc.Components.Responses[name] = &huma.Response{
			Description: http.StatusText(status), Headers: headers,
			Content: map[string]*huma.MediaType{problem.ContentType: {Schema: doc.Components.Schemas.Schema(reflect.TypeFor[problem.Problem](), true, "Problem")}},
		}
	}
	return &huma.Response{Ref: "#/components/responses/" + name}
}
