package order

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/db"
)

// VerifyBooks holds every order against its payments, in one snapshot: what it says that was paid and what came over is what its payments
// captured. It gives back what does not agree, at most a hundred faults; the error is for a database that cannot be read.
func VerifyBooks(ctx context.Context, d *db.DB) ([]string, error) {
	var faults []string
	err := db.Each(ctx, d, scanSums, ordersAndPayments, nil, func(s sums) error {
		if len(faults) < maxFaults {
			faults = append(faults, s.faults()...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("hold orders against their payments: %w", err)
	}
	return faults, nil
}

const maxFaults = 100

// sums are what an order says, what its own rows of payments say, and what the payments themselves say.
type sums struct {
	tenant, order      string
	paid, surplus      int64
	captured, over     int64
	adjusted           int64
	capturedOfPayments int64
}

func (s sums) faults() (faults []string) {
	if s.paid != s.captured-s.over-s.adjusted {
		faults = append(faults, fmt.Sprintf("order %s of %s says that %d are paid, its payments %d", s.order, s.tenant, s.paid, s.captured-s.over-s.adjusted))
	}
	if s.surplus > s.over {
		faults = append(faults, fmt.Sprintf("order %s of %s says that %d came over, its payments %d", s.order, s.tenant, s.surplus, s.over))
	}
	if s.captured != s.capturedOfPayments {
		faults = append(faults, fmt.Sprintf("order %s of %s knows of %d captured, its payments of %d", s.order, s.tenant, s.captured, s.capturedOfPayments))
	}
	return faults
}
