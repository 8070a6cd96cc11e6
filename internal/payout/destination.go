package payout

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/bank"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/secret"
	"github.com/florinpay/florin/internal/vault"
)

// Type is what sort of place a destination is.
type Type string

// The types of destination.
const (
	TypeIBAN     Type = "iban"
	TypeDomestic Type = "bank_account" // by its country's own numbering
	TypeCard     Type = "card"         // pushed to, by its token
	TypePIX      Type = "pix"
	TypePayID    Type = "payid"
	TypeUPI      Type = "upi"
)

// Destination is where money can go. The number and the holder's name are sealed.
type Destination struct {
	Merchant      string
	ID            string // dst_…
	Type          Type
	Country       string
	BankCode      string
	Branch        string
	Alias         bank.AliasKind
	Last4         string
	Brand         string // of a card
	Funding       string // of a card
	Sealed        []byte // a payee
	Fingerprint   string
	Card          string // of a card: its token
	Blocked       bool
	BlockedReason string
	Metadata      map[string]string
	CreatedAt     time.Time
	Version       int64
}

// payee is what of a destination is sealed.
type payee struct {
	Name   string `json:"name"`
	Number string `json:"number"` // of a card: its token
}

// DestinationInput is a destination as it is given. Which fields are needed depends on the type.
type DestinationInput struct {
	Type                                     Type
	Name                                     string
	IBAN                                     string
	Country, BankCode, Branch, AccountNumber string
	Alias                                    string // PIX key, PayID or UPI address
	Card                                     string // pm_tok_…
	Metadata                                 map[string]string
}

// DestinationObject is a destination as the contract shows it.
type DestinationObject struct {
	ID            string            `json:"id" example:"dst_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object        string            `json:"object" enum:"destination"`
	Livemode      bool              `json:"livemode"`
	Type          Type              `json:"type" enum:"iban,bank_account,card,pix,payid,upi"`
	Name          string            `json:"name" doc:"Whose it is." example:"Ada Lovelace"`
	Country       string            `json:"country,omitempty" example:"DE"`
	BankCode      string            `json:"bank_code,omitempty"`
	BranchCode    string            `json:"branch_code,omitempty"`
	AliasType     string            `json:"alias_type,omitempty" doc:"What an alias is: an email, a phone, and so on."`
	Last4         string            `json:"last4" doc:"The end of the number; empty if that would tell too much of it." example:"3000"`
	Card          *CardObject       `json:"card,omitempty"`
	Rails         []bank.RailName   `json:"rails" doc:"The ways that can reach it, the quickest first."`
	Blocked       bool              `json:"blocked" doc:"Nothing is paid to it, nor to the same account by another destination."`
	BlockedReason string            `json:"blocked_reason,omitempty"`
	Metadata      map[string]string `json:"metadata"`
	CreatedAt     time.Time         `json:"created_at"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it.
func (o DestinationObject) ObjectID() string { return o.ID }

// CardObject is what is known of a destination's card.
type CardObject struct {
	Brand   string `json:"brand" example:"visa"`
	Last4   string `json:"last4" example:"4242"`
	Funding string `json:"funding" example:"debit"`
}

// parsed is a destination that was read, not stored yet.
type parsed struct {
	Destination
	payee
}

// read checks what is given. It fails with fault.Invalid, naming what is wrong.
func (in DestinationInput) read(card func(token string) (vault.Description, error)) (parsed, error) {
	p := parsed{Destination: Destination{Type: in.Type, Metadata: in.Metadata}, payee: payee{Name: strings.TrimSpace(in.Name)}}
	if p.Name == "" && in.Type != TypeCard {
		return p, fault.Wrong("name", fault.CodeInvalid, "must say whose account it is")
	}
	switch in.Type {
	case TypeIBAN:
		iban, err := bank.ParseIBAN(in.IBAN)
		if err != nil {
			return p, err
		}
		if len(iban.Rails()) == 0 {
			return p, fault.Wrong("iban", CodeUnsupported, "no rail reaches accounts in "+iban.Country())
		}
		p.Country, p.Last4, p.Number = iban.Country(), iban.Last4(), iban.Reveal()
	case TypeDomestic:
		account, err := bank.ParseDomestic(in.Country, in.BankCode, in.Branch, in.AccountNumber)
		if err != nil {
			return p, err
		}
		p.Country, p.BankCode, p.Branch, p.Last4, p.Number = account.Country(), account.BankCode(), account.Branch(), account.Last4(), account.Reveal()
	case TypeCard:
		known, err := card(in.Card)
		if err != nil {
			return p, err
		}
		p.Country, p.Brand, p.Last4, p.Funding, p.Number = known.Country, known.Brand, known.Last4, known.Funding, known.Token
		p.Fingerprint, p.Card = known.Fingerprint, known.Token
	default:
		parse, ok := map[Type]func(string) (bank.Alias, error){TypePIX: bank.ParsePIX, TypePayID: bank.ParsePayID, TypeUPI: bank.ParseUPI}[in.Type]
		if !ok {
			return p, fault.Wrong("type", fault.CodeInvalid, "is no type of destination")
		}
		alias, err := parse(in.Alias)
		if err != nil {
			return p, err
		}
		p.Alias, p.Last4, p.Number = alias.Kind(), alias.Last4(), alias.Reveal()
	}
	return p, nil
}

// rails are the ways that can reach a destination, the quickest first. A card that takes money at once is a debit or a prepaid card: the networks
// oblige their issuers to Fast Funds, and not those of credit cards.
func (d Destination) rails(number string) []bank.RailName {
	switch d.Type {
	case TypeIBAN:
		if iban, err := bank.ParseIBAN(number); err == nil {
			return iban.Rails()
		}
	case TypeDomestic:
		if account, err := bank.ParseDomestic(d.Country, d.BankCode, d.Branch, number); err == nil {
			return account.Rails()
		}
	case TypeCard:
		if d.Funding == "debit" || d.Funding == "prepaid" {
			return []bank.RailName{bank.CardPush, bank.CardPushStandard}
		}
		return []bank.RailName{bank.CardPushStandard}
	}
	return slices.Clone(aliasRails[d.Type])
}

var aliasRails = map[Type][]bank.RailName{TypePIX: {bank.Pix}, TypePayID: {bank.NPP}, TypeUPI: {bank.UPI}}

// sealedFor ties a payee to its row: moved to another one it does not open.
func sealedFor(tenant, destination string) []byte {
	return []byte("payout_destination\x00" + tenant + "\x00" + destination)
}

// seal makes a row of what was read.
func (s *Service) seal(tenant string, p parsed, now time.Time) (Destination, error) {
	d := p.Destination
	d.Merchant, d.ID, d.CreatedAt = tenant, s.IDs.New(id.Destination), now
	if d.Fingerprint == "" {
		d.Fingerprint = hex.EncodeToString(s.Box.Derive("payout destination", tenant, string(d.Type), d.Country, d.BankCode, d.Branch, p.Number)[:16])
	}
	body, err := json.Marshal(p.payee)
	if err != nil {
		return d, err
	}
	d.Sealed, err = s.Box.Seal(body, sealedFor(tenant, d.ID))
	return d, err
}

func (s *Service) open(d Destination) (payee, error) {
	var p payee
	body, err := s.Box.Open(d.Sealed, sealedFor(d.Merchant, d.ID))
	if err != nil {
		return p, fmt.Errorf("open destination %s: %w", d.ID, err)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, fmt.Errorf("destination %s cannot be read", d.ID) // the cause would quote it
	}
	return p, nil
}

func (s *Service) shown(d Destination) (DestinationObject, error) {
	p, err := s.open(d)
	if err != nil {
		return DestinationObject{}, err
	}
	o := DestinationObject{
		ID: d.ID, Object: "destination", Livemode: id.Live(d.Merchant), Type: d.Type, Name: p.Name, Country: d.Country, BankCode: d.BankCode,
		BranchCode: d.Branch, AliasType: string(d.Alias), Last4: d.Last4, Rails: d.rails(p.Number), Blocked: d.Blocked, BlockedReason: d.BlockedReason,
		Metadata: orEmpty(d.Metadata), CreatedAt: d.CreatedAt,
	}
	if d.Type == TypeCard {
		o.Card = &CardObject{d.Brand, d.Last4, d.Funding}
	}
	return o, nil
}

// payeeOf is a destination as a provider is told of it.
func (s *Service) payeeOf(d Destination) (provider.Payee, error) {
	p, err := s.open(d)
	if err != nil {
		return provider.Payee{}, err
	}
	to := provider.Payee{Name: p.Name, Country: d.Country, BankCode: d.BankCode, Branch: d.Branch, Alias: d.Alias}
	if d.Type == TypeCard {
		to.Card = p.Number
	} else {
		to.Number = secret.New(p.Number)
	}
	return to, nil
}

// With adds to the Change of a destination, which is given as it will be.
type With func(c *db.Change, d DestinationObject) error

// readDestination checks a destination that is given.
func (s *Service) readDestination(ctx context.Context, tenant string, in DestinationInput) (parsed, error) {
	return in.read(func(token string) (vault.Description, error) {
		if !id.Has(token, id.Token) {
			return vault.Description{}, fault.Wrong("card_token", fault.CodeInvalid, "must be a token of the vault, which begins with pm_tok_")
		}
		known, err := s.Cards.Describe(ctx, tenant, token)
		if fault.Is(err, fault.NotFound) {
			return known, fault.Wrong("card_token", fault.CodeInvalid, "the vault has no such card")
		}
		if err == nil && known.SingleUse {
			return known, fault.Wrong("card_token", fault.CodeInvalid, "was made by a browser or a wallet and serves one payment: a payout needs one that was made with a secret key")
		}
		return known, err
	})
}

// CreateDestination keeps a destination. It fails with fault.Invalid, naming what is wrong, and with fault.Conflict if the same account is blocked.
func (s *Service) CreateDestination(ctx context.Context, tenant string, in DestinationInput, with With) (DestinationObject, error) {
	p, err := s.readDestination(ctx, tenant, in)
	if err != nil {
		return DestinationObject{}, err
	}
	d, err := s.seal(tenant, p, s.Clock.Now())
	if err != nil {
		return DestinationObject{}, err
	}
	if err := s.refuseBlocked(ctx, d); err != nil {
		return DestinationObject{}, err
	}
	return s.writeDestination(ctx, d, with)
}

func (s *Service) refuseBlocked(ctx context.Context, d Destination) error {
	blocked, err := s.store.blocked(ctx, d.Merchant, d.Fingerprint)
	if err == nil && blocked {
		return fault.New(fault.Conflict, CodeBlocked, "the account is blocked: nothing is paid to it")
	}
	return err
}

func (s *Service) writeDestination(ctx context.Context, d Destination, with With) (DestinationObject, error) {
	row, err := destinationRow(d)
	if err != nil {
		return DestinationObject{}, err
	}
	o, err := s.shown(d)
	if err != nil {
		return o, err
	}
	c := db.NewChange(d.Merchant, row)
	if err := with(c, o); err != nil {
		return o, err
	}
	if err := s.DB.Commit(ctx, c); err != nil {
		return o, fmt.Errorf("write destination: %w", err)
	}
	return o, nil
}

// DestinationChange is what may change of a destination. What is nil stays.
type DestinationChange struct {
	Blocked  *bool
	Reason   *string
	Metadata map[string]string
}

// UpdateDestination blocks a destination, lets it go again, or changes what the merchant says of it. It fails with fault.NotFound.
func (s *Service) UpdateDestination(ctx context.Context, tenant, destination string, change DestinationChange, with With) (DestinationObject, error) {
	for try := 1; ; try++ {
		d, err := s.store.destination(ctx, tenant, destination)
		if err != nil {
			return DestinationObject{}, err
		}
		if change.Blocked != nil {
			d.Blocked = *change.Blocked
		}
		if change.Reason != nil {
			d.BlockedReason = *change.Reason
		}
		if !d.Blocked {
			d.BlockedReason = ""
		}
		if change.Metadata != nil {
			d.Metadata = change.Metadata
		}
		o, err := s.writeDestination(ctx, d, with)
		if !fault.Is(err, fault.Stale) || try == tries {
			return o, err
		}
	}
}

// GetDestination is a destination; fault.NotFound if there is none.
func (s *Service) GetDestination(ctx context.Context, tenant, destination string) (DestinationObject, error) {
	d, err := s.store.destination(ctx, tenant, destination)
	if err != nil {
		return DestinationObject{}, err
	}
	return s.shown(d)
}

// ListDestinations is a page of a tenant's destinations, newest first.
func (s *Service) ListDestinations(ctx context.Context, tenant string, p db.Page) ([]DestinationObject, bool, error) {
	found, more, err := s.store.destinations(ctx, tenant, p)
	if err != nil {
		return nil, false, err
	}
	all := make([]DestinationObject, len(found))
	for i, d := range found {
		if all[i], err = s.shown(d); err != nil {
			return nil, false, err
		}
	}
	return all, more, nil
}

// CardBusy tells whether money may yet be paid to the card of a token: by a destination that is not blocked, or a payout on its way.
func (s *Service) CardBusy(ctx context.Context, tenant, token string) (bool, error) {
	return s.store.cardBusy(ctx, tenant, token)
}
