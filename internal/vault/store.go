package vault

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

//go:embed migrations
var migrations embed.FS

var cardTable = &db.Table{
	Name: "vault_card",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "id", Kind: db.Text},
		{Name: "sealed", Kind: db.Bytes, Null: true},
		{Name: "brand", Kind: db.Text},
		{Name: "last4", Kind: db.Text},
		{Name: "bin", Kind: db.Text},
		{Name: "exp_month", Kind: db.Int},
		{Name: "exp_year", Kind: db.Int},
		{Name: "country", Kind: db.Text},
		{Name: "funding", Kind: db.Text},
		{Name: "fingerprint", Kind: db.Text},
		{Name: "forgotten_at", Kind: db.Int, Null: true},
		{Name: "created_at", Kind: db.Int},
		{Name: "single_use", Kind: db.Int},
		{Name: "kind", Kind: db.Text},
		{Name: "wallet", Kind: db.Text},
		{Name: "wallet_amount", Kind: db.Int},
		{Name: "wallet_currency", Kind: db.Text},
		{Name: "eci", Kind: db.Text},
	},
	Key:       2,
	Versioned: true,
}

var originTable = &db.Table{
	Name: "vault_origin",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "account", Kind: db.Text},
		{Name: "origin", Kind: db.Text},
		{Name: "allowed", Kind: db.Int},
		{Name: "changed_at", Kind: db.Int},
	},
	Key:       3,
	Versioned: true,
}

var onceTable = &db.Table{
	Name: "vault_once",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "key_hash", Kind: db.Bytes},
		{Name: "card_hash", Kind: db.Bytes},
		{Name: "token", Kind: db.Text},
		{Name: "created_at", Kind: db.Int},
	},
	Key:       2,
	Versioned: true,
}

// walletTable remembers which tokens of wallets were opened.
var walletTable = &db.Table{
	Name: "vault_wallet_token",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "token_hash", Kind: db.Bytes},
		{Name: "expires_at", Kind: db.Int},
	},
	Key: 2,
}

// Schema is the vault's tables. They belong into a database of their own.
var Schema = db.Schema{Package: "vault", Migrations: migrations, Tables: []*db.Table{cardTable, originTable, onceTable, walletTable}}

// cardKey names a card.
type cardKey struct{ merchant, token string }

// associated ties a ciphertext to its row: moved to another tenant or token it does not open.
func (k cardKey) associated() []byte { return []byte(k.merchant + "\x00" + k.token) }

// cardRow is a stored card. What is in it may be seen; the number is in sealed.
type cardRow struct {
	merchant    string
	description Description
	sealed      []byte // nil once it is forgotten
	forgottenAt time.Time
	createdAt   time.Time
	version     int64
}

func (r cardRow) key() cardKey { return cardKey{r.merchant, r.description.Token} }

func (r cardRow) values() []any {
	d, sealed := r.description, any(nil)
	if r.sealed != nil {
		sealed = r.sealed
	}
	return []any{r.merchant, d.Token, sealed, d.Brand, d.Last4, d.BIN, int64(d.ExpMonth), int64(d.ExpYear), d.Country,
		d.Funding, d.Fingerprint, db.MicrosOrNil(r.forgottenAt), db.Micros(r.createdAt), db.Bit(d.SingleUse),
		r.kind(), d.Wallet.Type, d.Wallet.Amount, d.Wallet.Currency, d.Wallet.ECI}
}

// kind tells a card from a wallet's network token.
func (r cardRow) kind() string {
	if r.description.Wallet.Type != "" {
		return walletKind
	}
	return cardKind
}

func scanCard(s db.Scanner) (cardRow, error) {
	var r cardRow
	var month, year, created, single int64
	var kind string // which the wallet's type says as well
	var forgotten *int64
	d := &r.description
	err := s.Scan(&r.merchant, &d.Token, &r.sealed, &d.Brand, &d.Last4, &d.BIN, &month, &year, &d.Country, &d.Funding,
		&d.Fingerprint, &forgotten, &created, &single, &kind, &d.Wallet.Type, &d.Wallet.Amount, &d.Wallet.Currency, &d.Wallet.ECI, &r.version)
	d.ExpMonth, d.ExpYear, d.SingleUse = int(month), int(year), single == 1
	r.forgottenAt, r.createdAt = db.NullTime(forgotten), db.Time(created)
	return r, err
}

// originRow is an origin that a provider account's requests may go to, or no longer may.
type originRow struct {
	merchant, account, origin string
	allowed                   bool
	changedAt                 time.Time
	version                   int64
}

func (r originRow) values() []any {
	return []any{r.merchant, r.account, r.origin, db.Bit(r.allowed), db.Micros(r.changedAt)}
}

func scanOrigin(s db.Scanner) (originRow, error) {
	var r originRow
	var allowed, changed int64
	err := s.Scan(&r.merchant, &r.account, &r.origin, &allowed, &changed, &r.version)
	r.allowed, r.changedAt = allowed == 1, db.Time(changed)
	return r, err
}

// onceRow is an idempotency key that made a token.
type onceRow struct {
	merchant          string
	keyHash, cardHash []byte
	token             string
	createdAt         time.Time
	version           int64
}

func (r onceRow) values() []any {
	return []any{r.merchant, r.keyHash, r.cardHash, r.token, db.Micros(r.createdAt)}
}

func scanOnce(s db.Scanner) (onceRow, error) {
	var r onceRow
	var created int64
	err := s.Scan(&r.merchant, &r.keyHash, &r.cardHash, &r.token, &created, &r.version)
	r.createdAt = db.Time(created)
	return r, err
}

// store reads the vault's tables.
type store struct{ db *db.DB }

func (s store) card(ctx context.Context, k cardKey) (cardRow, error) {
	r, err := db.Get(ctx, s.db, scanCard, cardTable.Select()+" WHERE merchant_id = $1 AND id = $2", k.merchant, k.token)
	return r, named(err, "read card", "payment method token")
}

// cardsAfter is the next rows of all tenants in the order of their keys: for the walk over everything that Rekey is.
func (s store) cardsAfter(ctx context.Context, k cardKey, limit int) ([]cardRow, error) {
	rows, err := db.List(ctx, s.db, scanCard, cardTable.Select()+
		" WHERE merchant_id > $1 OR (merchant_id = $1 AND id > $2) ORDER BY merchant_id, id LIMIT $3", k.merchant, k.token, int64(limit))
	return rows, named(err, "read cards", "")
}

func (s store) origin(ctx context.Context, merchant, account, origin string) (originRow, error) {
	r, err := db.Get(ctx, s.db, scanOrigin, originTable.Select()+" WHERE merchant_id = $1 AND account = $2 AND origin = $3",
		merchant, account, origin)
	return r, named(err, "read origin", "origin")
}

// maxOrigins bounds what one provider account can have.
const maxOrigins = 100

func (s store) origins(ctx context.Context, merchant, account string) ([]string, error) {
	rows, err := db.List(ctx, s.db, scanOrigin, originTable.Select()+
		" WHERE merchant_id = $1 AND account = $2 AND allowed = 1 ORDER BY origin LIMIT $3", merchant, account, int64(maxOrigins))
	var names []string
	for _, r := range rows {
		names = append(names, r.origin)
	}
	return names, named(err, "read origins", "")
}

func (s store) once(ctx context.Context, merchant string, keyHash []byte) (onceRow, error) {
	r, err := db.Get(ctx, s.db, scanOnce, onceTable.Select()+" WHERE merchant_id = $1 AND key_hash = $2", merchant, keyHash)
	return r, named(err, "read idempotency key", "idempotency key")
}

// commit writes rows of one tenant.
func (s store) commit(ctx context.Context, merchant, doing string, rows ...db.Row) error {
	return named(s.db.Commit(ctx, db.NewChange(merchant, rows...)), doing, "")
}

// named says what was being done, and what is missing if something is.
func named(err error, doing, what string) error {
	switch {
	case err == nil:
		return nil
	case fault.Is(err, fault.NotFound):
		return fmt.Errorf("%s: %w", doing, fault.Missing(what))
	}
	return fmt.Errorf("%s: %w", doing, err)
}
