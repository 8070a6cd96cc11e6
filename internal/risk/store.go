package risk

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/florinpay/florin/internal/db"
)

//go:embed migrations
var migrations embed.FS

var deviceTable = &db.Table{
	Name: "risk_device_session",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "id", Kind: db.Text},
		{Name: "fingerprint", Kind: db.Text},
		{Name: "signals", Kind: db.Text},
		{Name: "ip", Kind: db.Text},
		{Name: "country", Kind: db.Text},
		{Name: "user_agent", Kind: db.Text},
		{Name: "created_at", Kind: db.Int},
	},
	Key: 2,
}

// Schema is the package's tables.
var Schema = db.Schema{Package: "risk", Migrations: migrations, Tables: []*db.Table{deviceTable}}

// KeepDeviceSessions is how long a device session is kept: long enough for a chargeback to be traced to its device.
const KeepDeviceSessions = 90 * 24 * time.Hour

// prunePortion is how many rows one statement deletes, so that a writer never waits long behind it.
const prunePortion = 500

// row is the session as it is stored: of what the browser said, only what has a name here.
func (s DeviceSession) row() (db.Row, error) {
	signals, err := json.Marshal(s.Signals)
	if err != nil {
		return db.Row{}, fmt.Errorf("write the signals of %s: %w", s.ID, err)
	}
	ip := ""
	if s.IP.IsValid() {
		ip = s.IP.String()
	}
	return deviceTable.Insert(s.Merchant, s.ID, s.Signals.Fingerprint, string(signals), ip, s.Country, s.UserAgent, db.Micros(s.CreatedAt)), nil
}

// Get is one device session of a tenant. It fails with fault.NotFound, also for one whose time is over.
func (s *DeviceSessions) Get(ctx context.Context, tenant, session string) (DeviceSession, error) {
	found, err := db.Get(ctx, s.db, scan, deviceTable.Select()+" WHERE merchant_id = $1 AND id = $2 AND created_at >= $3",
		tenant, session, s.oldest())
	if err != nil {
		return DeviceSession{}, fmt.Errorf("read device session: %w", err)
	}
	return found, nil
}

// Prune deletes the sessions whose time is over and tells how many. It works in small portions and ends early, without
// an error, when the context ends.
func (s *DeviceSessions) Prune(ctx context.Context) (int64, error) {
	before := s.oldest()
	var total int64
	for {
		n, err := s.db.Prune(ctx, deviceTable, "created_at", before, prunePortion)
		total += n
		switch {
		case ctx.Err() != nil:
			return total, nil
		case err != nil:
			return total, fmt.Errorf("prune device sessions: %w", err)
		case n < prunePortion:
			return total, nil
		}
	}
}

// oldest is the time of the oldest session that still counts.
func (s *DeviceSessions) oldest() int64 { return db.Micros(s.clock.Now().Add(-KeepDeviceSessions)) }

func scan(row db.Scanner) (DeviceSession, error) {
	var s DeviceSession
	var fingerprint, signals, ip string
	var created int64
	err := row.Scan(&s.Merchant, &s.ID, &fingerprint, &signals, &ip, &s.Country, &s.UserAgent, &created)
	if err != nil {
		return DeviceSession{}, err
	}
	if err := json.Unmarshal([]byte(signals), &s.Signals); err != nil {
		return DeviceSession{}, fmt.Errorf("read the signals of %s: %w", s.ID, err)
	}
	if ip != "" {
		if s.IP, err = netip.ParseAddr(ip); err != nil {
			return DeviceSession{}, fmt.Errorf("read the address of %s: %w", s.ID, err)
		}
	}
	s.CreatedAt = db.Time(created)
	return s, nil
}
