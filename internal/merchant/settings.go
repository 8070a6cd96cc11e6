package merchant

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/audit"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

// tries is how often a change of settings is decided again after somebody else's came first.
const tries = 5

// Create adds a merchant. An empty id is made, an empty version is the newest; CreatedAt is set here. It fails with
// fault.Invalid, naming every wrong field, and with fault.Exists if the account is there.
func (s *Store) Create(ctx context.Context, m Merchant, by audit.By) (Merchant, error) {
	if m.ID == "" {
		m.ID = s.ids.New(id.Account)
	}
	if m.Version == "" {
		m.Version = DefaultVersion
	}
	m.CreatedAt, m.read = s.clock.Now(), 1
	if err := m.Check(); err != nil {
		return Merchant{}, fmt.Errorf("create merchant: %w", err)
	}
	record := by.Record(s.ids, m.CreatedAt, m.ID, "merchant.created", m.ID, differences(Merchant{}, m))
	if err := s.db.Commit(ctx, db.NewChange(m.ID, table.Insert(m.values()...), record.Row())); err != nil {
		return Merchant{}, fmt.Errorf("create merchant: %w", err)
	}
	s.cache.Forget(m.ID)
	return m, nil
}

// Update changes settings: change gets the merchant as it is and gives it back as it shall be; it may be called again if
// somebody else's change came first. The id and CreatedAt stay. It fails with fault.NotFound, with fault.Invalid if the
// settings are wrong, and with what change fails with. A change that changes nothing writes nothing.
func (s *Store) Update(ctx context.Context, account string, by audit.By, change func(Merchant) (Merchant, error)) (Merchant, error) {
	for try := 1; ; try++ {
		m, err := s.update(ctx, account, by, change)
		if err == nil {
			return m, nil
		}
		if !fault.Is(err, fault.Stale) || try == tries {
			return Merchant{}, fmt.Errorf("update merchant: %w", err)
		}
	}
}

func (s *Store) update(ctx context.Context, account string, by audit.By, change func(Merchant) (Merchant, error)) (Merchant, error) {
	was, err := s.read(ctx, account)
	if err != nil {
		return Merchant{}, err
	}
	is, err := change(was)
	if err != nil {
		return Merchant{}, err
	}
	is.ID, is.CreatedAt, is.read = was.ID, was.CreatedAt, was.read
	if err := is.Check(); err != nil {
		return Merchant{}, err
	}
	detail := differences(was, is)
	if len(detail) == 0 {
		return was, nil
	}
	record := by.Record(s.ids, s.clock.Now(), is.ID, "merchant.updated", is.ID, detail)
	if err := s.db.Commit(ctx, db.NewChange(is.ID, table.Update(was.read, is.values()...), record.Row())); err != nil {
		return Merchant{}, err
	}
	s.cache.Forget(is.ID)
	is.read++
	return is, nil
}

// differences are the settings that differ, with their new values, for the audit record.
func differences(was, is Merchant) map[string]string {
	before, after := was.settings(), is.settings()
	detail := map[string]string{}
	for name, value := range after {
		if before[name] != value {
			detail[name] = value
		}
	}
	return detail
}

func (m Merchant) settings() map[string]string {
	suspended := ""
	if m.Suspended() {
		suspended = m.SuspendedAt.Format(time.RFC3339Nano)
	}
	return map[string]string{
		"name": m.Name, "version": m.Version, "suspended_at": suspended,
		"fee_basis_points": strconv.FormatInt(m.FeeBasisPoints, 10),
		"origins":          strings.Join(m.Origins, " "), "color": m.Color,
		"settlement_delay": strconv.FormatInt(m.SettlementDelay, 10), "payout_approval": approvalText(m.PayoutApproval), "returns": returnsText(m.Returns),
		"statement_descriptor": m.StatementDescriptor,
		"cascade_tries":        strconv.FormatInt(m.CascadeTries, 10),
	}
}

// approvalText is the amounts above which a payout waits, by currency: "EUR=100000 USD=120000".
func approvalText(m map[string]int64) string {
	var words []string
	for _, code := range slices.Sorted(maps.Keys(m)) {
		words = append(words, code+"="+strconv.FormatInt(m[code], 10))
	}
	return strings.Join(words, " ")
}

func parseApproval(text string) (map[string]int64, error) {
	var m map[string]int64
	for _, word := range strings.Fields(text) {
		code, digits, _ := strings.Cut(word, "=")
		amount, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("payout approval %q: %w", word, err)
		}
		if m == nil {
			m = map[string]int64{}
		}
		m[code] = amount
	}
	return m, nil
}
