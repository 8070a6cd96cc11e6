package event

import (
	"embed"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/seal"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema is the outbox's tables.
var Schema = db.Schema{Package: "event", Migrations: migrations, Tables: []*db.Table{
	eventTable, endpointTable, deliveryTable, attemptTable, laneTable, recoveryTable,
}}

// Store reads events, endpoints and deliveries, and makes their rows. What endpoints keep secret is sealed in the table.
type Store struct {
	db  *db.DB
	box *seal.Box
}

// NewStore reads the outbox in d and opens secrets with box.
func NewStore(d *db.DB, box *seal.Box) *Store { return &Store{d, box} }
