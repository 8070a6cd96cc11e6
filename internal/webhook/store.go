package webhook

import (
	"context"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/payment"
)

var inboundTable = &db.Table{Name: "webhook_inbound", Key: 3, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "provider_account"}, {Name: "event_id"}, {Name: "type"}, {Name: "verdict"}, {Name: "detail"},
	{Name: "body", Kind: db.Bytes}, {Name: "duplicates", Kind: db.Int}, {Name: "created_at", Kind: db.Int},
}}

// inbound is a provider's message as it was recorded.
type inbound struct {
	Merchant   string
	Account    string
	Event      string
	Type       string
	Verdict    payment.Verdict
	Detail     string
	Body       []byte
	Duplicates int64
	CreatedAt  time.Time
	Version    int64
}

func (m inbound) row() db.Row {
	values := []any{
		m.Merchant, m.Account, m.Event, m.Type, string(m.Verdict), m.Detail, m.Body, m.Duplicates, db.Micros(m.CreatedAt),
	}
	if m.Version == 0 {
		return inboundTable.Insert(values...)
	}
	return inboundTable.Update(m.Version, values...)
}

func scanInbound(r db.Scanner) (inbound, error) {
	var m inbound
	var at int64
	err := r.Scan(&m.Merchant, &m.Account, &m.Event, &m.Type, &m.Verdict, &m.Detail, &m.Body, &m.Duplicates, &at, &m.Version)
	m.CreatedAt = db.Time(at)
	return m, err
}

func (r *Receiver) find(ctx context.Context, m inbound) (inbound, error) {
	return db.Get(ctx, r.DB, scanInbound, inboundTable.Select()+" WHERE merchant_id = $1 AND provider_account = $2 AND event_id = $3",
		m.Merchant, m.Account, m.Event)
}
