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
