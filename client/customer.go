package client

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"time"
)

// Customer is a payer that the merchant knows. It prints without what tells who they are.
type Customer struct {
	ID                   string            `json:"id"`
	Livemode             bool              `json:"livemode"`
	Name                 *string           `json:"name"`
	Email                *string           `json:"email"`
	Phone                *string           `json:"phone"`
	Address              *Address          `json:"address"`
	Reference            *string           `json:"reference"`              // the merchant's own name for them
	DefaultPaymentMethod *string           `json:"default_payment_method"` // what is charged if a payment names no method
	ErasedAt             *time.Time        `json:"erased_at"`              // when what tells who they are went for good
	Metadata             map[string]string `json:"metadata"`
	CreatedAt            time.Time         `json:"created_at"`
}

// String hides from logs who it is.
func (c Customer) String() string { return "customer " + c.ID }

// GoString hides from logs who it is.
func (c Customer) GoString() string { return c.String() }

// LogValue hides from logs, also from those in JSON, who it is.
func (c Customer) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Address is where somebody lives.
type Address struct {
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"` // ISO 3166-1, two capital letters
}

// String hides it from logs.
func (Address) String() string { return "an address" }

// GoString hides it from logs.
func (a Address) GoString() string { return a.String() }

// LogValue hides it from logs, also from those in JSON.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// CreateCustomer makes a customer. Everything is optional.
type CreateCustomer struct {
	Name      string            `json:"name,omitempty"`
	Email     string            `json:"email,omitempty"`
	Phone     string            `json:"phone,omitempty"` // E.164, such as +4930123456
	Address   *Address          `json:"address,omitempty"`
	Reference string            `json:"reference,omitempty"` // the merchant's own name for them
	Metadata  map[string]string `json:"metadata,omitempty"`
}

// String hides from logs who it is.
func (CreateCustomer) String() string { return "a new customer" }

// GoString hides from logs who it is.
func (p CreateCustomer) GoString() string { return p.String() }

// LogValue hides from logs, also from those in JSON, who it is.
func (p CreateCustomer) LogValue() slog.Value { return slog.StringValue(p.String()) }

// UpdateCustomer changes what is given and leaves the rest. An empty text removes what was there, and so does an empty Address.
type UpdateCustomer struct {
	Name      *string           `json:"name,omitempty"`
	Email     *string           `json:"email,omitempty"`
	Phone     *string           `json:"phone,omitempty"`
	Address   *Address          `json:"address,omitempty"` // replaces all of it
	Reference *string           `json:"reference,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"` // replaces all of it

	DefaultPaymentMethod *string `json:"default_payment_method,omitempty"` // one that is attached to the customer
}

// String hides from logs who it is.
func (UpdateCustomer) String() string { return "a change of a customer" }

// GoString hides from logs who it is.
func (p UpdateCustomer) GoString() string { return p.String() }

// LogValue hides from logs, also from those in JSON, who it is.
func (p UpdateCustomer) LogValue() slog.Value { return slog.StringValue(p.String()) }

// ListCustomers chooses customers.
type ListCustomers struct {
	Page
	Email     string // exactly; the case of its letters does not count
	Reference string // exactly
}

// CustomerService calls /v1/customers.
type CustomerService struct{ core *core }

const customers = "/v1/customers"

// Create makes a customer.
func (s *CustomerService) Create(ctx context.Context, p CreateCustomer, options ...CallOption) (*Customer, error) {
	return post[Customer](ctx, s.core, customers, p, options)
}

// Get reads a customer, also one that was erased.
func (s *CustomerService) Get(ctx context.Context, id string, options ...CallOption) (*Customer, error) {
	path, err := under(customers, id)
	if err != nil {
		return nil, err
	}
	return get[Customer](ctx, s.core, path, nil, options)
}

// List walks customers, newest first, page by page as it goes. With EndingBefore it walks from that customer to newer ones.
func (s *CustomerService) List(ctx context.Context, p ListCustomers, options ...CallOption) iter.Seq2[*Customer, error] {
	query := p.values()
	set(query, "email", p.Email)
	set(query, "reference", p.Reference)
	return all(ctx, s.core, customers, query, func(c *Customer) string { return c.ID }, options)
}

// Update changes a customer. One that was erased cannot be changed.
func (s *CustomerService) Update(ctx context.Context, id string, p UpdateCustomer, options ...CallOption) (*Customer, error) {
	path, err := under(customers, id)
	if err != nil {
		return nil, err
	}
	return write[Customer](ctx, s.core, http.MethodPatch, s.core.base, path, p, options)
}

// Erase takes away for good what tells who a customer is. The id stays, and so do payments and books.
func (s *CustomerService) Erase(ctx context.Context, id string, options ...CallOption) (*Customer, error) {
	path, err := under(customers, id, "erase")
	if err != nil {
		return nil, err
	}
	return post[Customer](ctx, s.core, path, nil, options)
}

// Delete is Erase without an answer.
func (s *CustomerService) Delete(ctx context.Context, id string, options ...CallOption) error {
	path, err := under(customers, id)
	if err != nil {
		return err
	}
	_, err = remove[struct{}](ctx, s.core, path, options)
	return err
}

// CustomerFunds is what a customer has paid in, and where it is.
type CustomerFunds struct {
	Livemode bool                   `json:"livemode"`
	Customer string                 `json:"customer"`
	Balances []CustomerFundsBalance `json:"balances"` // by currency, over all their payments
	Sources  []CustomerFundsSource  `json:"sources"`  // a page of their payments, newest first
	HasMore  bool                   `json:"has_more"`
}

// CustomerFundsBalance is money of a customer, in minor units.
type CustomerFundsBalance struct {
	Currency  string `json:"currency"`
	PaidIn    int64  `json:"paid_in"`
	Returned  int64  `json:"returned"`
	Returning int64  `json:"returning"`
	Disputed  int64  `json:"disputed"`
	Withdrawn int64  `json:"withdrawn"` // to somewhere else
	Left      int64  `json:"left"`
}

// CustomerFundsSource is a payment as a source of a customer's money.
type CustomerFundsSource struct {
	CustomerFundsBalance
	Payment         string         `json:"payment"`
	PaymentMethod   *PaymentMethod `json:"payment_method"`
	Refundable      int64          `json:"refundable"` // what a closed loop can return to it now
	Reversible      int64          `json:"reversible"` // authorized, and given back whole or not at all
	RefundableUntil *time.Time     `json:"refundable_until"`
	Barred          string         `json:"barred"` // why nothing can go back; empty if something can
	CreatedAt       time.Time      `json:"created_at"`
}

// Funds reads what a customer has paid in and not withdrawn, with a page of their payments.
func (s *CustomerService) Funds(ctx context.Context, id string, p Page, options ...CallOption) (*CustomerFunds, error) {
	path, err := under(customers, id, "funds")
	if err != nil {
		return nil, err
	}
	return get[CustomerFunds](ctx, s.core, path, p.values(), options)
}
