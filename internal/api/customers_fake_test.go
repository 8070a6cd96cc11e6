package api

import (
	"context"

	"github.com/florinpay/florin/internal/customer"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

type fakeCustomers struct{ commit func(*db.Change) error }

func someCustomer(merchant string) customer.Customer {
	return customer.Customer{
		Merchant: merchant, ID: "cus_" + someID, CreatedAt: start, Version: 1, DefaultMethod: "pm_" + someID, Person: customer.Person{
			Name: "Ada Lovelace", Email: "ada@shop.example", Phone: "+4930123456", Reference: "user-77", Metadata: map[string]string{"k": "v"},
			Address: &customer.Address{Line1: "Chausseestraße 1", Line2: "Hof", City: "Berlin", State: "BE", PostalCode: "10115", Country: "DE"},
		},
	}
}

func (f fakeCustomers) write(merchant string, o customer.Object, with customer.With) (customer.Object, error) {
	if merchant != tenant {
		return customer.Object{}, fault.Missing("customer")
	}
	c := db.NewChange(merchant)
	if err := with(c, o); err != nil || f.commit == nil {
		return o, err
	}
	return o, f.commit(c)
}

func (f fakeCustomers) Create(_ context.Context, merchant string, p customer.Person, with customer.With) (customer.Object, error) {
	return f.write(merchant, customer.Customer{Merchant: merchant, ID: "cus_" + someID, Person: p, CreatedAt: start}.Object(), with)
}

func (fakeCustomers) Get(_ context.Context, merchant, _ string) (customer.Object, error) {
	if merchant != tenant {
		return customer.Object{}, fault.Missing("customer")
	}
	return someCustomer(merchant).Object(), nil
}

func (fakeCustomers) List(_ context.Context, merchant string, _ db.Page, _ customer.Filter) ([]customer.Object, bool, error) {
	return []customer.Object{someCustomer(merchant).Object()}, false, nil
}

func (f fakeCustomers) Update(_ context.Context, merchant, _ string, _ customer.Change, with customer.With) (customer.Object, error) {
	return f.write(merchant, someCustomer(merchant).Object(), with)
}

func (f fakeCustomers) Erase(_ context.Context, merchant, _ string, with customer.With) (customer.Object, error) {
	return f.write(merchant, customer.Customer{Merchant: merchant, ID: "cus_" + someID, ErasedAt: start, CreatedAt: start}.Object(), with)
}

type fakeMethods struct{ commit func(*db.Change) error }

func someMethod(merchant string) customer.Method {
	return customer.Method{
		Merchant: merchant, ID: "pm_" + someID, Customer: "cus_" + someID, Token: someToken, NetworkReference: "MCC000001", FirstPayment: "pay_" + someID, CreatedAt: start, Version: 1,
		Card:     customer.Card{Brand: "visa", Last4: "4242", BIN: "424242", ExpMonth: 12, ExpYear: 2030, Country: "US", Funding: "credit", Fingerprint: "f"},
		Consent:  &customer.Consent{GivenAt: start, TextVersion: "v1", TextSHA256: "00", IP: "203.0.113.7", Channel: customer.Web, WithdrawnAt: start},
		Metadata: map[string]string{"k": "v"},
	}
}

func (f fakeMethods) write(merchant string, with customer.WithMethod) (customer.MethodObject, error) {
	if merchant != tenant {
		return customer.MethodObject{}, fault.Missing("payment method")
	}
	o, c := someMethod(merchant).Object(), db.NewChange(merchant)
	if err := with(c, o); err != nil || f.commit == nil {
		return o, err
	}
	return o, f.commit(c)
}

func (f fakeMethods) Keep(_ context.Context, merchant string, _ customer.Keep, with customer.WithMethod) (customer.MethodObject, error) {
	return f.write(merchant, with)
}

func (fakeMethods) GetMethod(_ context.Context, merchant, _ string) (customer.MethodObject, error) {
	if merchant != tenant {
		return customer.MethodObject{}, fault.Missing("payment method")
	}
	return someMethod(merchant).Object(), nil
}

func (fakeMethods) Methods(_ context.Context, merchant, _ string, _ db.Page) ([]customer.MethodObject, bool, error) {
	if merchant != tenant {
		return nil, false, fault.Missing("customer")
	}
	return []customer.MethodObject{someMethod(merchant).Object()}, false, nil
}

func (f fakeMethods) UpdateMethod(_ context.Context, merchant, _ string, _ *customer.Consent, _ map[string]string, with customer.WithMethod) (customer.MethodObject, error) {
	return f.write(merchant, with)
}

func (f fakeMethods) Withdraw(_ context.Context, merchant, _ string, with customer.WithMethod) (customer.MethodObject, error) {
	return f.write(merchant, with)
}

func (f fakeMethods) Detach(_ context.Context, merchant, _ string, with customer.WithMethod) (customer.MethodObject, error) {
	return f.write(merchant, with)
}
