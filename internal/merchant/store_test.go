package merchant_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/db/dbtest"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/merchant"
)

var (
	noon  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	admin = audit.By{Actor: "operator"}
)

func each(t *testing.T, test func(t *testing.T, d *db.DB, hands *clock.Manual, s *merchant.Store)) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		hands := clock.NewManual(noon)
		test(t, d, hands, newStore(d, hands))
	}, audit.Schema, merchant.Schema)
}

func newStore(d *db.DB, hands *clock.Manual) *merchant.Store {
	return merchant.New(d, hands, id.NewSource(hands, rand.Reader))
}

func TestAMerchantIsMadeOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, hands *clock.Manual, s *merchant.Store) {
		if _, err := s.Get(t.Context(), "acct_shop"); !fault.Is(err, fault.NotFound) || err.Error() != "no such merchant" {
			t.Errorf("before: %v", err)
		}
		made, err := s.Create(t.Context(), merchant.Merchant{ID: "acct_shop", Name: "Shop", FeeBasisPoints: 25}, admin)
		if err != nil || made.Version != merchant.DefaultVersion || !made.CreatedAt.Equal(noon) {
			t.Fatalf("made %+v, %v", made, err)
		}
		for name, tenant := range map[string]string{"test": "acct_shop:test", "live": "acct_shop:live"} {
			if got, err := s.Of(t.Context(), tenant); err != nil || !reflect.DeepEqual(got, made) {
				t.Errorf("%s: got %+v, %v", name, got, err)
			}
		}
		if _, err := s.Create(t.Context(), merchant.Merchant{ID: "acct_shop", Name: "Again"}, admin); !fault.Is(err, fault.Exists) {
			t.Errorf("made again: %v", err)
		}
		if _, err := s.Create(t.Context(), merchant.Merchant{ID: "shop"}, admin); !fault.Is(err, fault.Invalid) {
			t.Errorf("nonsense: %v", err)
		}
		hands.Advance(time.Minute)
		other, err := s.Create(t.Context(), merchant.Merchant{Name: "Other"}, admin)
		if err != nil || !id.Has(other.ID, id.Account) {
			t.Errorf("with an id of ours: %+v, %v", other, err)
		}
		if all, err := s.List(t.Context()); err != nil || len(all) != 2 || !reflect.DeepEqual(all[0], made) || !reflect.DeepEqual(all[1], other) {
			t.Errorf("all: %+v, %v", all, err)
		}
		records, _, err := audit.NewTrail(d).List(t.Context(), "acct_shop", db.Page{Limit: 10}, audit.Filter{})
		if err != nil || len(records) != 1 || records[0].Action != "merchant.created" || records[0].Detail["fee_basis_points"] != "25" {
			t.Errorf("audited %+v, %v", records, err)
		}
	})
}

func TestSettingsChangeHereAtOnceAndElsewhereWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, hands *clock.Manual, s *merchant.Store) {
		elsewhere := newStore(d, hands)
		if _, err := s.Create(t.Context(), merchant.Merchant{ID: "acct_shop", Name: "Shop"}, admin); err != nil {
			t.Fatal(err)
		}
		for _, store := range []*merchant.Store{s, elsewhere} {
			if m, err := store.Get(t.Context(), "acct_shop"); err != nil || m.Suspended() {
				t.Fatalf("%+v, %v", m, err)
			}
		}
		suspend := func(m merchant.Merchant) (merchant.Merchant, error) { return m.Suspend(hands.Now()), nil }
		if m, err := s.Update(t.Context(), "acct_shop", admin, suspend); err != nil || !m.Suspended() {
			t.Fatalf("%+v, %v", m, err)
		}
		if m, err := s.Get(t.Context(), "acct_shop"); err != nil || !m.SuspendedAt.Equal(noon) {
			t.Errorf("here: %+v, %v", m, err)
		}
		hands.Advance(time.Second)
		if m, err := elsewhere.Get(t.Context(), "acct_shop"); err != nil || !m.SuspendedAt.Equal(noon) {
			t.Errorf("elsewhere: %+v, %v", m, err)
		}
		// Nothing changes: nothing is written, so the record of the first stays the last.
		if _, err := s.Update(t.Context(), "acct_shop", admin, suspend); err != nil {
			t.Error(err)
		}
		records, _, err := audit.NewTrail(d).List(t.Context(), "acct_shop", db.Page{Limit: 10}, audit.Filter{})
		if err != nil || len(records) != 2 || len(records[0].Detail) != 1 || records[0].Detail["suspended_at"] != "2026-11-22T12:00:00Z" {
			t.Errorf("audited %+v, %v", records, err)
		}
	})
}

func TestARefusedChangeOfSettingsWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, _ *clock.Manual, s *merchant.Store) {
		made, err := s.Create(t.Context(), merchant.Merchant{ID: "acct_shop", Name: "Shop"}, admin)
		if err != nil {
			t.Fatal(err)
		}
		no := errors.New("no")
		if _, err := s.Update(t.Context(), "acct_shop", admin, func(m merchant.Merchant) (merchant.Merchant, error) { return m, no }); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
		wrong := func(m merchant.Merchant) (merchant.Merchant, error) { m.FeeBasisPoints = -1; return m, nil }
		if _, err := s.Update(t.Context(), "acct_shop", admin, wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
		if _, err := s.Update(t.Context(), "acct_none", admin, wrong); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
		if m, err := s.Get(t.Context(), "acct_shop"); err != nil || !reflect.DeepEqual(m, made) {
			t.Errorf("got %+v, %v", m, err)
		}
	})
}

func TestConcurrentChangesOfSettingsAllCount(t *testing.T) {
	each(t, func(t *testing.T, _ *db.DB, _ *clock.Manual, s *merchant.Store) {
		if _, err := s.Create(t.Context(), merchant.Merchant{ID: "acct_shop", Name: "Shop"}, admin); err != nil {
			t.Fatal(err)
		}
		ctx := context.WithoutCancel(t.Context())
		var all sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			all.Go(func() {
				_, errs[i] = s.Update(ctx, "acct_shop", admin, func(m merchant.Merchant) (merchant.Merchant, error) {
					m.FeeBasisPoints++
					return m, nil
				})
			})
		}
		all.Wait()
		if m, err := s.Get(ctx, "acct_shop"); err != nil || m.FeeBasisPoints != 4 || errors.Join(errs...) != nil {
			t.Errorf("%+v, %v", m, fmt.Sprint(err, errs))
		}
	})
}

func TestWhereAMerchantsPagesAreIsKeptAndAudited(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB, hands *clock.Manual, s *merchant.Store) {
		if _, err := s.Create(t.Context(), merchant.Merchant{ID: "acct_shop", Name: "Shop"}, admin); err != nil {
			t.Fatal(err)
		}
		set := func(m merchant.Merchant) (merchant.Merchant, error) {
			m.Origins, m.Color = []string{"https://shop.example", "https://pay.shop.example:8443"}, "#2f5fd0"
			return m, nil
		}
		if _, err := s.Update(t.Context(), "acct_shop", admin, set); err != nil {
			t.Fatal(err)
		}
		got, err := newStore(d, hands).Get(t.Context(), "acct_shop")
		if err != nil || len(got.Origins) != 2 || got.Origins[1] != "https://pay.shop.example:8443" || got.Color != "#2f5fd0" {
			t.Errorf("read %+v, %v", got, err)
		}
		records, _, err := audit.NewTrail(d).List(t.Context(), "acct_shop", db.Page{Limit: 10}, audit.Filter{})
		if err != nil || len(records) != 2 || records[0].Detail["origins"] != "https://shop.example https://pay.shop.example:8443" || records[0].Detail["color"] != "#2f5fd0" {
			t.Errorf("audited %+v, %v", records, err)
		}
		wrong := func(m merchant.Merchant) (merchant.Merchant, error) {
			m.Origins = []string{"https://shop.example/path"}
			return m, nil
		}
		if _, err := s.Update(t.Context(), "acct_shop", admin, wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("a path: %v", err)
		}
	})
}
