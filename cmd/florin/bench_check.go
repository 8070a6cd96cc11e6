package main

import (
	"context"
	"fmt"
	"time"

	"github.com/florinpay/florin/client"
)

// mostCounted is up to how many payments are looked at one by one after the load.
const mostCounted = 300_000

// check holds the database, the acquirer and the books against the answers: a benchmark that loses money is no benchmark.
func (s *benchServer) check(ctx context.Context, l *load, r *benchReport) error {
	found, err := countPayments(ctx, s.parts.main, s.tenants)
	if err != nil {
		return err
	}
	answered := int64(l.all.Load()) + 1 // with the one that was recorded
	lost := int64(l.lost.Load())
	r.check("payments", found.Captured >= answered && found.Captured <= answered+lost,
		"%d answered as captured, %d without an answer, %d captured in the database, %d open", answered, lost, found.Captured, found.Open)
	booked, err := s.booked(ctx)
	if err != nil {
		return err
	}
	r.check("receivable", booked == found.CapturedMinor, "%d minor units captured, %d owed by the acquirer in the books", found.CapturedMinor, booked)
	if err := checkBooks(ctx, s.parts.main, r); err != nil {
		return err
	}
	if answered > mostCounted {
		return nil
	}
	transactions, err := s.parts.world.Transactions("")
	if err != nil {
		return err
	}
	r.check("acquirer", int64(len(transactions)) == found.Captured+found.Open, "%d transactions at the acquirer", len(transactions))
	return nil
}

// booked is what the acquirer owes by the books, over all merchants.
func (s *benchServer) booked(ctx context.Context) (int64, error) {
	var sum int64
	for _, shop := range s.shops {
		pay, err := client.New(shop.key, client.WithBaseURL(s.url.String()))
		if err != nil {
			return 0, err
		}
		for a, err := range pay.Ledger.Accounts(ctx) {
			if err != nil {
				return 0, fmt.Errorf("read the books: %w", err)
			}
			if a.Code == "psp_receivable:"+devAcquirers[0] {
				sum += a.Balance
			}
		}
	}
	return sum, nil
}

// checkRemote counts this run's payments by the API of a running server.
func checkRemote(ctx context.Context, l *load, key string, began time.Time, r *benchReport) error {
	answered, lost := l.all.Load(), l.lost.Load()
	if answered > mostCounted {
		return nil
	}
	pay, err := client.New(key, client.WithBaseURL(l.to.String()))
	if err != nil {
		return err
	}
	var found uint64
	ask := client.ListPayments{Page: client.Page{Limit: 100, CreatedFrom: began.Add(-time.Minute)}, Status: client.PaymentCaptured}
	for p, err := range pay.Payments.List(ctx, ask) {
		if err != nil {
			return fmt.Errorf("count the payments: %w", err)
		}
		if p.Metadata["bench"] == l.run {
			found++
		}
	}
	r.check("payments", found >= answered && found <= answered+lost, "%d answered as captured, %d without an answer, %d captured by the API's list", answered, lost, found)
	return nil
}
