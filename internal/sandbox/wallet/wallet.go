// Package wallet is the simulated device wallet: a pay sheet that a shop's page shows in a frame, and tokens that only the vault of the
// payment platform can open. What is in a token, and how it is sealed, is in docs/wallets.md.
package wallet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

const (
	// life is how long a token may wait until the vault opens it.
	life = 10 * time.Minute
	// remembered is of how many merchants the last token is kept, to be given a second time.
	remembered = 1_000

	maxText = 200 // characters
)

// Card is one on the device. Its number is the device's: a published test number, which behaves at the acquirers as it does as a card.
type Card struct {
	ID    string `json:"id"`
	Title string `json:"title"`

	number      string
	month, year int
}

// Last4 are the digits that the payer sees.
func (c Card) Last4() string { return c.number[len(c.number)-4:] }

// cards are on every device.
var cards = []Card{
	{"visa", "Visa, approved", "4242424242424242", 12, 2030},
	{"mastercard", "Mastercard, approved", "5555555555554444", 12, 2030},
	{"amex", "American Express, approved", "378282246310005", 12, 2030},
	{"secured", "Visa whose bank asks for 3-D Secure where there is no cryptogram", "4000002760003184", 12, 2030},
	{"empty", "Visa without money: insufficient_funds", "4000000000009995", 12, 2030},
	{"mute", "Visa, declined: do_not_honor", "4000000000000002", 12, 2030},
	{"disputed", "Visa, captured, then disputed", "4000000000000259", 12, 2030},
}

// defects are what a tester may let be wrong with a token.
var defects = []struct{ ID, Title string }{
	{"", "Nothing"},
	{"expired", "The token has expired"},
	{"wrong_signature", "The signature is wrong"},
	{"wrong_amount", "The payer agreed to another amount"},
	{"wrong_currency", "The payer agreed to another currency"},
	{"other_merchant", "It is for another merchant"},
	{"replayed", "It is the last token once more"},
	{"wrong_cryptogram", "The network does not know the cryptogram"},
}

// Options are what a World needs from its surroundings. The zero value serves.
type Options struct {
	Clock  clock.Clock  // nil: the machine's
	Random io.Reader    // of keys and cryptograms; nil: the machine's
	Logger *slog.Logger // nil: nothing is logged
}

// World is the wallet, on every device that there is. It keeps nothing over a restart but in tokens that are under way, which a new
// key makes worthless. It is safe for concurrent use.
type World struct {
	o      Options
	front  stage.Front
	signer *ecdsa.PrivateKey
	forger *ecdsa.PrivateKey // signs what shall have a wrong signature

	mu   sync.Mutex
	last map[string]string // by merchant
}

// Open makes a wallet with a key of its own.
func Open(o Options) (*World, error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), o.Random)
	if err != nil {
		return nil, fmt.Errorf("make the wallet's key: %w", err)
	}
	forger, err := ecdsa.GenerateKey(elliptic.P256(), o.Random)
	if err != nil {
		return nil, fmt.Errorf("make a forger's key: %w", err)
	}
	front := stage.Front{Title: "the wallet", Home: "/", Clock: o.Clock, Logger: o.Logger} // nothing is held: it has no scenarios
	return &World{o: o, front: front, signer: signer, forger: forger, last: map[string]string{}}, nil
}

// Key is what the wallet's tokens are verified by.
func (w *World) Key() *ecdsa.PublicKey { return &w.signer.PublicKey }

// Ask is what a shop asks a wallet for.
type Ask struct {
	Merchant string `json:"merchant"` // as the vault's /v1/wallets gives it
	Key      string `json:"key"`      // likewise
	Amount   int64  `json:"amount"`   // minor units
	Currency string `json:"currency"`
	Label    string `json:"label,omitempty"` // whom the payer sees

	// What the payer, or a tester for them, chose.
	Card           string `json:"card,omitempty"`            // empty: visa
	Defect         string `json:"defect,omitempty"`          // empty: none
	CardholderName string `json:"cardholder_name,omitempty"` // SCENARIO … for the acquirer
}

func (a Ask) check() error {
	var wrong fault.Collect
	if a.Merchant == "" || len(a.Merchant) > maxText {
		wrong.Add("merchant", fault.CodeInvalid, "must be 1 to 200 characters")
	}
	stage.CheckAmount(&wrong, a.Amount)
	if _, err := money.ParseCurrency(a.Currency); err != nil {
		wrong.Add("currency", fault.CodeCurrency, "is not an ISO 4217 code")
	}
	if len(a.Label) > maxText || len(a.CardholderName) > maxText {
		wrong.Add("label", fault.CodeInvalid, "must be at most 200 characters, as the cardholder's name")
	}
	if a.Card != "" && !slices.ContainsFunc(cards, func(c Card) bool { return c.ID == a.Card }) {
		wrong.Add("card", fault.CodeInvalid, "is not on the device")
	}
	if !slices.ContainsFunc(defects, func(d struct{ ID, Title string }) bool { return d.ID == a.Defect }) {
		wrong.Add("defect", fault.CodeInvalid, "is none that a token can have")
	}
	return wrong.Err()
}

// card is the one that was chosen.
func (a Ask) card() Card {
	if i := slices.IndexFunc(cards, func(c Card) bool { return c.ID == a.Card }); i >= 0 {
		return cards[i]
	}
	return cards[0]
}

// Token is what the wallet gives when the payer approves. It fails with fault.Invalid if what is asked for cannot be, and with
// fault.Conflict if the last token is asked for and there was none.
func (w *World) Token(a Ask) (string, error) {
	if err := a.check(); err != nil {
		return "", err
	}
	to, err := readRecipient(a.Merchant, a.Key)
	if err != nil {
		return "", err
	}
	if a.Defect == "replayed" {
		return w.again(a.Merchant)
	}
	c, signer, err := w.content(a)
	if err != nil {
		return "", err
	}
	token, err := to.seal(c, signer, w.o.Random)
	if err != nil {
		return "", fmt.Errorf("seal a token: %w", err)
	}
	w.remember(a.Merchant, token)
	return token, nil
}

// content is what goes into a token, with whatever shall be wrong with it.
func (w *World) content(a Ask) (content, *ecdsa.PrivateKey, error) {
	card, now, signer := a.card(), w.o.Clock.Now(), w.signer
	name := make([]byte, 16)
	if _, err := io.ReadFull(w.o.Random, name); err != nil {
		return content{}, nil, fmt.Errorf("name a token: %w", err)
	}
	cryptogram, err := stage.NewCryptogram(card.number, card.month, card.year, w.o.Random)
	if err != nil {
		return content{}, nil, fmt.Errorf("ask the network for a cryptogram: %w", err)
	}
	c := content{
		ID: hex.EncodeToString(name), Merchant: a.Merchant, Amount: a.Amount, Currency: a.Currency, IssuedAt: now.Unix(), ExpiresAt: now.Add(life).Unix(),
		Number: card.number, ExpMonth: card.month, ExpYear: card.year, Cryptogram: cryptogram, ECI: stage.TokenECI(card.number),
		CardholderName: a.CardholderName,
	}
	switch a.Defect {
	case "expired":
		c.IssuedAt, c.ExpiresAt = now.Add(-2*life).Unix(), now.Add(-life).Unix()
	case "wrong_signature":
		signer = w.forger
	case "wrong_amount":
		c.Amount++
	case "wrong_currency":
		if c.Currency = "JPY"; a.Currency == "JPY" {
			c.Currency = "EUR"
		}
	case "other_merchant":
		c.Merchant = "acct_other:test"
	case "wrong_cryptogram":
		c.Cryptogram, err = stage.NewCryptogram("0000000000000000", card.month, card.year, w.o.Random)
	}
	return c, signer, err
}

var errNoLast = fault.New(fault.Conflict, fault.CodeStateConflict, "there was no token yet that could be given once more")

func (w *World) again(merchant string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, ok := w.last[merchant]; ok {
		return last, nil
	}
	return "", errNoLast
}

func (w *World) remember(merchant, token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.last[merchant]; !known && len(w.last) >= remembered {
		clear(w.last)
	}
	w.last[merchant] = token
}

var errOrigin = errors.New("not the origin of a page")
