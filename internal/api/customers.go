package api

import (
	"context"
	"net/http"
	"net/mail"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/strict"
)

// Customers keeps payers. See customer.Service.
type Customers interface {
	Create(ctx context.Context, tenant string, p customer.Person, with customer.With) (customer.Object, error)
	Get(ctx context.Context, tenant, id string) (customer.Object, error)
	List(ctx context.Context, tenant string, p db.Page, f customer.Filter) ([]customer.Object, bool, error)
	Update(ctx context.Context, tenant, id string, to customer.Change, with customer.With) (customer.Object, error)
	Erase(ctx context.Context, tenant, id string, with customer.With) (customer.Object, error)
}

// Funds tells what customers have paid in and not withdrawn. See payment.Service.
type Funds interface {
	Funds(ctx context.Context, tenant, customer string, p payment.Page) (payment.FundsObject, error)
}

type createCustomer struct {
	Name      string           `json:"name,omitempty" maxLength:"200" check:"printable" example:"Ada Lovelace"`
	Email     string           `json:"email,omitempty" maxLength:"254" check:"email" example:"ada@shop.example"`
	Phone     string           `json:"phone,omitempty" maxLength:"16" check:"phone" doc:"E.164: + and 7 to 15 digits." example:"+4930123456"`
	Address   *customerAddress `json:"address,omitempty"`
	Reference string           `json:"reference,omitempty" maxLength:"200" check:"printable" doc:"Your own name for them. Two customers may have the same." example:"user-77"`
	Metadata  Metadata         `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}

type updateCustomer struct {
	Name      *string          `json:"name,omitempty" null:"empty" maxLength:"200" check:"printable" doc:"null removes it."`
	Email     *string          `json:"email,omitempty" null:"empty" maxLength:"254" check:"email" doc:"null removes it."`
	Phone     *string          `json:"phone,omitempty" null:"empty" maxLength:"16" check:"phone" doc:"null removes it."`
	Address   *customerAddress `json:"address,omitempty" null:"empty" doc:"Replaces all of it; null removes it."`
	Reference *string          `json:"reference,omitempty" null:"empty" maxLength:"200" check:"printable" doc:"null removes it."`
	Metadata  Metadata         `json:"metadata,omitempty" doc:"Replaces all of it."`

	DefaultPaymentMethod *string `json:"default_payment_method,omitempty" null:"empty" check:"method" maxLength:"64" doc:"One that is attached to the customer; null for none."`
}

type customerAddress struct {
	Line1      string `json:"line1,omitempty" maxLength:"200" check:"printable" example:"Chausseestraße 1"`
	Line2      string `json:"line2,omitempty" maxLength:"200" check:"printable"`
	City       string `json:"city,omitempty" maxLength:"100" check:"printable" example:"Berlin"`
	State      string `json:"state,omitempty" maxLength:"100" check:"printable"`
	PostalCode string `json:"postal_code,omitempty" maxLength:"20" check:"printable" example:"10115"`
	Country    string `json:"country,omitempty" check:"country" doc:"ISO 3166-1, two capital letters." example:"DE"`
}

func (a *customerAddress) address() *customer.Address {
	if a == nil {
		return nil
	}
	made := customer.Address(*a)
	return &made
}

// plainEmail is the rule of an address for mail: one, without a name beside it.
func plainEmail(s string) (code, detail string) {
	if s == "" {
		return "", ""
	}
	a, err := mail.ParseAddress(s)
	if domain := s[strings.LastIndexByte(s, '@')+1:]; err != nil || a.Address != s || a.Name != "" || strings.ContainsAny(domain, "!#$%&'*+/=?^_`{|}~[]") {
		return fault.CodeInvalid, "must be an e-mail address, such as ada@shop.example"
	}
	return "", ""
}

// plainPhone is the rule of a telephone number, E.164.
func plainPhone(s string) (code, detail string) {
	digits, ok := strings.CutPrefix(s, "+")
	if s != "" && (!ok || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "") {
		return fault.CodeInvalid, "must be a telephone number as E.164 has it, such as +4930123456"
	}
	return "", ""
}

// plainCountry is the rule of a country's code, ISO 3166-1 alpha-2.
func plainCountry(s string) (code, detail string) {
	if s != "" && (len(s) != 2 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return fault.CodeInvalid, "must be two capital letters, such as DE"
	}
	return "", ""
}

type listCustomersInput struct {
	Paging
	Email     string `query:"email" maxLength:"254" doc:"Only customers with exactly this address; the case of its letters does not count."`
	Reference string `query:"reference" maxLength:"200" doc:"Only customers with exactly this reference."`
}

// Resolve checks the query.
func (in *listCustomersInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		in.check(f, id.Customer)
		if code, detail := plainEmail(in.Email); code != "" {
			f.Add("email", code, detail)
		}
	})
}

func (a *API) registerCustomers() {
	object := reflect.TypeFor[customer.Object]()
	const tag, all, one = "Customers", "/v1/customers", "/v1/customers/{id}"
	register(a, operation{
		id: "createCustomer", method: http.MethodPost, path: all, tag: tag, summary: "Create a customer",
		doc:   "Everything is optional. What tells who they are is stored encrypted.",
		scope: access.CustomersWrite, status: http.StatusCreated, answer: object, body: reflect.TypeFor[createCustomer](),
		sample: `{"name":"Ada Lovelace","email":"ada@shop.example","reference":"user-77"}`,
	}, a.createCustomer)
	register(a, operation{
		id: "listCustomers", method: http.MethodGet, path: all, tag: tag, summary: "List customers",
		scope: access.CustomersRead, status: http.StatusOK, answer: reflect.TypeFor[listing[customer.Object]](),
	}, a.listCustomers)
	register(a, operation{
		id: "getCustomer", method: http.MethodGet, path: one, tag: tag, summary: "Get a customer",
		scope: access.CustomersRead, status: http.StatusOK, answer: object,
	}, a.getCustomer)
	register(a, operation{
		id: "getCustomerFunds", method: http.MethodGet, path: one + "/funds", tag: tag, summary: "Get a customer's funds",
		doc: "What they paid in, and what of it was refunded, is disputed, was withdrawn to somewhere else by payouts that name them, and is left: " +
			"by currency, and by payment.",
		scope: access.PaymentsRead, status: http.StatusOK, answer: reflect.TypeFor[payment.FundsObject](),
	}, a.getCustomerFunds)
	register(a, operation{
		id: "updateCustomer", method: http.MethodPatch, path: one, tag: tag, summary: "Change a customer",
		doc:   "What is not given stays.",
		scope: access.CustomersWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[updateCustomer](), sample: `{"phone":"+4930123456"}`,
		shows: story{"phone": "+4930123456"},
	}, a.updateCustomer)
	register(a, operation{
		id: "eraseCustomer", method: http.MethodPost, path: one + "/erase", tag: tag, summary: "Erase a customer",
		doc:   "Takes away for good what tells who they are, and the payment methods that they saved. The id stays, and so do payments and books. It cannot be undone.",
		scope: access.CustomersWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[noParameters](), optional: true, sample: `{}`,
		shows: story{"Customer.name": nil, "email": nil, "Customer.reference": nil, "default_payment_method": nil, "erased_at": "2026-11-22T12:00:00Z", "metadata": map[string]string{}},
	}, a.eraseCustomer)
	register(a, operation{
		id: "deleteCustomer", method: http.MethodDelete, path: one, tag: tag, summary: "Delete a customer",
		doc:   "The same as to erase them.",
		scope: access.CustomersWrite, status: http.StatusNoContent,
	}, a.deleteCustomer)
}

func (a *API) createCustomer(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createCustomer](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Customers.Create(ctx, tenant, customer.Person{
			Name: body.Name, Email: body.Email, Phone: body.Phone, Address: body.Address.address(), Reference: body.Reference, Metadata: body.Metadata,
		}, recordedCustomer(o, "customer.created", nil))
	}, a.showCustomer(tenant))
}

// recordedCustomer is recorded for a customer, the answer with which is personal. The record tells which fields, never what is in them.
func recordedCustomer(o *once, did audit.Action, detail map[string]string) customer.With {
	o.personal = true
	return recorded[customer.Object](o, did, detail)
}

func (a *API) showCustomer(tenant string) view {
	return func(ctx context.Context, subject string) (shown, error) {
		c, err := a.Customers.Get(ctx, tenant, subject)
		return shown{object: c, erased: c.ErasedAt != nil}, err
	}
}

func (a *API) updateCustomer(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Customer) {
		return answer{}, fault.Missing("customer")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[updateCustomer](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Customers.Update(ctx, tenant, in.ID, body.change(), recordedCustomer(o, "customer.updated", body.told()))
	}, a.showCustomer(tenant))
}

func (b *updateCustomer) change() customer.Change {
	return customer.Change{Name: b.Name, Email: b.Email, Phone: b.Phone, Reference: b.Reference, Address: b.Address.address(), Metadata: b.Metadata, DefaultMethod: b.DefaultPaymentMethod}
}

// told is what is changed, for the audit trail.
func (b *updateCustomer) told() map[string]string {
	told := map[string]string{}
	for field, given := range map[string]bool{
		"name": b.Name != nil, "email": b.Email != nil, "phone": b.Phone != nil, "reference": b.Reference != nil, "address": b.Address != nil, "metadata": b.Metadata != nil,
	} {
		if given {
			told[field] = "replaced"
		}
	}
	if b.DefaultPaymentMethod != nil {
		told["default_payment_method"] = *b.DefaultPaymentMethod
	}
	return told
}

func (a *API) eraseCustomer(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.act(ctx, rq, in, id.Customer, "customer", func(ctx context.Context, o *once) (any, error) {
		return a.Customers.Erase(ctx, tenant, in.ID, recordedCustomer(o, "customer.erased", nil))
	}, a.showCustomer(tenant))
}

func (a *API) deleteCustomer(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Customer) {
		return answer{}, fault.Missing("customer")
	}
	_, err := a.Customers.Erase(ctx, rq.principal.Tenant, in.ID, func(c *db.Change, made customer.Object) error {
		c.Add(rq.by().Record(a.IDs, a.Clock.Now(), rq.principal.Tenant, "customer.erased", made.ID, nil).Row())
		return nil
	})
	return answer{Status: http.StatusNoContent}, err
}

func (a *API) getCustomer(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Customer) {
		return answer{}, fault.Missing("customer")
	}
	return show(a.Customers.Get(ctx, rq.principal.Tenant, in.ID))
}

type fundsInput struct {
	ID string `path:"id"`
	Paging
}

// Resolve checks the query.
func (in *fundsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.Payment) })
}

func (a *API) getCustomerFunds(ctx context.Context, rq *request, in *fundsInput) (answer, error) {
	if !id.Has(in.ID, id.Customer) {
		return answer{}, fault.Missing("customer")
	}
	return show(a.Funds.Funds(ctx, rq.principal.Tenant, in.ID, in.page()))
}

func (a *API) listCustomers(ctx context.Context, rq *request, in *listCustomersInput) (answer, error) {
	return showList(a.Customers.List(ctx, rq.principal.Tenant, in.page(), customer.Filter{Email: in.Email, Reference: in.Reference}))
}
