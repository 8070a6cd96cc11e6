package api

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// PaymentMethods keeps what customers left to be charged again. See customer.Service.
type PaymentMethods interface {
	Keep(ctx context.Context, tenant string, in customer.Keep, with customer.WithMethod) (customer.MethodObject, error)
	GetMethod(ctx context.Context, tenant, id string) (customer.MethodObject, error)
	Methods(ctx context.Context, tenant, customer string, p db.Page) ([]customer.MethodObject, bool, error)
	UpdateMethod(ctx context.Context, tenant, id string, consent *customer.Consent, metadata map[string]string, with customer.WithMethod) (customer.MethodObject, error)
	Withdraw(ctx context.Context, tenant, id string, with customer.WithMethod) (customer.MethodObject, error)
	Detach(ctx context.Context, tenant, id string, with customer.WithMethod) (customer.MethodObject, error)
}

type keepMethod struct {
	Token    string          `json:"token" check:"vault_token" maxLength:"64" doc:"What the vault gave for the card. One that a browser made is used up by this." example:"pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Customer string          `json:"customer" check:"customer" maxLength:"64" example:"cus_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Consent  *consentRequest `json:"consent,omitempty" doc:"To be charged while the customer is not there."`
	Metadata Metadata        `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500. It is in webhooks: put nothing there that tells who somebody is."`
}

type updateMethod struct {
	Consent  *consentRequest `json:"consent,omitempty" doc:"Takes the place of the one before, also of one that was withdrawn."`
	Metadata Metadata        `json:"metadata,omitempty" doc:"Replaces all of it."`
}

type consentRequest struct {
	GivenAt     time.Time `json:"given_at,omitempty" doc:"When they agreed. Now if it is not given."`
	TextVersion string    `json:"text_version,omitempty" maxLength:"100" check:"printable" doc:"Your name of the text that they agreed to. This or its hash is needed." example:"terms-2026-11"`
	TextSHA256  string    `json:"text_sha256,omitempty" pattern:"^([0-9a-f]{64})?$" says:"must be a SHA-256 of 64 lower-case hexadecimal digits" doc:"The SHA-256 of that text, in lower-case hexadecimal."`
	IP          string    `json:"ip,omitempty" check:"ip" maxLength:"45" doc:"The address that they agreed from." example:"203.0.113.7"`
	Channel     string    `json:"channel" enum:"web,app,phone,mail,in_store" doc:"How they agreed."`
}

// plainIP is the rule of an IP address.
func plainIP(s string) (code, detail string) {
	if a, err := netip.ParseAddr(s); s != "" && (err != nil || a.Zone() != "") {
		return fault.CodeInvalid, "must be an IP address"
	}
	return "", ""
}

// plainID is the rule of an id of a kind.
func plainID(kind id.Prefix, what string) strict.Check {
	return func(s string) (code, detail string) {
		if !id.Has(s, kind) {
			return fault.CodeInvalid, "must be " + what + ", which begins with " + string(kind) + "_"
		}
		return "", ""
	}
}

func (b *keepMethod) Check(f *strict.Faults, now time.Time)   { b.Consent.check(f, now) }
func (b *updateMethod) Check(f *strict.Faults, now time.Time) { b.Consent.check(f, now) }

func (c *consentRequest) check(f *strict.Faults, now time.Time) {
	if c == nil || c.Channel == "" { // no consent, or one that was refused already
		return
	}
	if c.TextVersion == "" && c.TextSHA256 == "" {
		f.Add("consent.text_version", problem.CodeMissing, "is required, or text_sha256: what did they agree to?")
	}
	if c.GivenAt.After(now) {
		f.Add("consent.given_at", fault.CodeInvalid, "must not be in the future")
	}
}

func (c *consentRequest) consent(now time.Time) *customer.Consent {
	if c == nil {
		return nil
	}
	made := &customer.Consent{GivenAt: c.GivenAt, TextVersion: c.TextVersion, TextSHA256: c.TextSHA256, IP: c.IP, Channel: customer.Channel(c.Channel)}
	if made.GivenAt.IsZero() {
		made.GivenAt = now
	}
	return made
}

type listMethodsInput struct {
	ID string `path:"id"`
	Paging
}

// Resolve checks the query.
func (in *listMethodsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.PaymentMethod) })
}

func (a *API) registerPaymentMethods() {
	object := reflect.TypeFor[customer.MethodObject]()
	const tag, one = "Customers", "/v1/payment_methods/{id}"
	register(a, operation{
		id: "keepPaymentMethod", method: http.MethodPost, path: "/v1/payment_methods", tag: tag, summary: "Save a payment method",
		doc: "Keeps a token for a customer, to be charged again by the id of the answer. A card that the customer has saved already is not saved twice: the answer is the method that is there, " +
			"with the new expiry date. The first method becomes the default.",
		scope: access.CustomersWrite, status: http.StatusCreated, answer: object, body: reflect.TypeFor[keepMethod](), refusals: []int{404},
		sample: `{"token":"pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2","customer":"cus_01jd9qk3v8m2x4r6t7w9y0a1b2","consent":{"text_version":"terms-2026-11","ip":"203.0.113.7","channel":"web"}}`,
	}, a.keepMethod)
	register(a, operation{
		id: "getPaymentMethod", method: http.MethodGet, path: one, tag: tag, summary: "Get a saved payment method",
		scope: access.CustomersRead, status: http.StatusOK, answer: object,
	}, a.getMethod)
	register(a, operation{
		id: "updatePaymentMethod", method: http.MethodPatch, path: one, tag: tag, summary: "Change a saved payment method",
		doc:   "What is not given stays.",
		scope: access.CustomersWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[updateMethod](), sample: `{"metadata":{"label":"company card"}}`,
		shows: story{"metadata": map[string]string{"label": "company card"}},
	}, a.updateMethod)
	register(a, operation{
		id: "withdrawConsent", method: http.MethodPost, path: one + "/withdraw_consent", tag: tag, summary: "Withdraw the consent",
		doc:   "From now on the method cannot be charged off_session. The customer can still pay with it.",
		scope: access.CustomersWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[noParameters](), optional: true, sample: `{}`,
		shows: story{"withdrawn_at": "2026-11-22T12:00:00Z"},
	}, a.withdrawConsent)
	register(a, operation{
		id: "detachPaymentMethod", method: http.MethodDelete, path: one, tag: tag, summary: "Detach a saved payment method",
		doc:   "It cannot be charged any more, and its card is destroyed in the vault. Payments that were made with it stay as they are.",
		scope: access.CustomersWrite, status: http.StatusNoContent,
	}, a.detachMethod)
	register(a, operation{
		id: "listCustomerPaymentMethods", method: http.MethodGet, path: "/v1/customers/{id}/payment_methods", tag: tag, summary: "List a customer's payment methods",
		doc:   "Those that can be charged, 50 at most.",
		scope: access.CustomersRead, status: http.StatusOK, answer: reflect.TypeFor[listing[customer.MethodObject]](),
	}, a.listMethods)
}

func (a *API) keepMethod(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[keepMethod](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.PaymentMethods.Keep(ctx, tenant, customer.Keep{
			Token: body.Token, Customer: body.Customer, Consent: body.Consent.consent(a.Clock.Now()), Metadata: body.Metadata,
		}, recordedMethod(o, "payment_method.kept", map[string]string{"customer": body.Customer}))
	}, a.showMethod(tenant))
}

// recordedMethod is recorded for a saved method, the answer with which is personal.
func recordedMethod(o *once, did audit.Action, detail map[string]string) customer.WithMethod {
	o.personal = true
	return recorded[customer.MethodObject](o, did, detail)
}

func (a *API) showMethod(tenant string) view {
	return func(ctx context.Context, subject string) (shown, error) {
		m, err := a.PaymentMethods.GetMethod(ctx, tenant, subject)
		return shown{object: m, erased: m.Card == nil}, err
	}
}

func (a *API) getMethod(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.PaymentMethod) {
		return answer{}, fault.Missing("payment method")
	}
	return show(a.PaymentMethods.GetMethod(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) updateMethod(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.PaymentMethod) {
		return answer{}, fault.Missing("payment method")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[updateMethod](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		told := map[string]string{}
		if body.Consent != nil {
			told["consent"] = "replaced"
		}
		if body.Metadata != nil {
			told["metadata"] = "replaced"
		}
		return a.PaymentMethods.UpdateMethod(ctx, tenant, in.ID, body.Consent.consent(a.Clock.Now()), body.Metadata,
			recordedMethod(o, "payment_method.updated", told))
	}, a.showMethod(tenant))
}

func (a *API) withdrawConsent(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.act(ctx, rq, in, id.PaymentMethod, "payment method", func(ctx context.Context, o *once) (any, error) {
		return a.PaymentMethods.Withdraw(ctx, tenant, in.ID, recordedMethod(o, "payment_method.consent_withdrawn", nil))
	}, a.showMethod(tenant))
}

func (a *API) detachMethod(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.PaymentMethod) {
		return answer{}, fault.Missing("payment method")
	}
	_, err := a.PaymentMethods.Detach(ctx, rq.principal.Tenant, in.ID, func(c *db.Change, m customer.MethodObject) error {
		c.Add(rq.by().Record(a.IDs, a.Clock.Now(), rq.principal.Tenant, "payment_method.detached", m.ID, nil).Row())
		return nil
	})
	return answer{Status: http.StatusNoContent}, err
}

func (a *API) listMethods(ctx context.Context, rq *request, in *listMethodsInput) (answer, error) {
	if !id.Has(in.ID, id.Customer) {
		return answer{}, fault.Missing("customer")
	}
	return showList(a.PaymentMethods.Methods(ctx, rq.principal.Tenant, in.ID, in.page()))
}
