package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/money"
)

// Transaction is a booked posting.
type Transaction struct {
	Merchant string
	ID       string
	Kind     Kind
	Subject  string
	Cause    string
	At       time.Time
	Lines    []Line // sorted by account, then currency; at most one line for each
}

// ErrUnbalanced means that a transaction's lines do not sum to zero.
var ErrUnbalanced = errors.New("transaction does not balance")

// check holds a transaction against the rules: known accounts, one line for each, no empty line, zero in sum for each
// currency, and memo accounts balanced among themselves.
func (t Transaction) check() error {
	sums := map[string]money.Money{}
	for i, l := range t.Lines {
		class, ok := ClassOf(l.Account)
		if !ok {
			return fmt.Errorf("transaction %s: account %q is not in the chart", t.ID, l.Account)
		}
		if l.Amount.IsZero() {
			return fmt.Errorf("transaction %s: an empty line on %s", t.ID, l.Account)
		}
		if i > 0 && compareLines(t.Lines[i-1], l) >= 0 {
			return fmt.Errorf("transaction %s: lines are not in order or stand twice", t.ID)
		}
		key := l.Amount.Currency().Code()
		if class == Memo {
			key += " memo"
		}
		sum, seen := sums[key]
		if !seen {
			sum = money.Of(0, l.Amount.Currency())
		}
		sum, err := sum.Add(l.Amount)
		if err != nil {
			return fmt.Errorf("transaction %s: %s: %w", t.ID, key, err)
		}
		sums[key] = sum
	}
	for what, sum := range sums {
		if !sum.IsZero() {
			return fmt.Errorf("transaction %s: %s is off by %s: %w", t.ID, what, sum, ErrUnbalanced)
		}
	}
	if len(t.Lines) == 0 {
		return fmt.Errorf("transaction %s has no lines: %w", t.ID, ErrUnbalanced)
	}
	return nil
}

func compareLines(a, b Line) int {
	if c := strings.Compare(a.Account, b.Account); c != 0 {
		return c
	}
	return strings.Compare(a.Amount.Currency().Code(), b.Amount.Currency().Code())
}

// canonical is the stored and hashed form of a transaction. Fields are never renamed or reordered.
type canonical struct {
	Merchant string          `json:"merchant"`
	ID       string          `json:"id"`
	Kind     Kind            `json:"kind"`
	Subject  string          `json:"subject"`
	Cause    string          `json:"cause"`
	At       int64           `json:"at"` // unix microseconds
	Lines    []canonicalLine `json:"lines"`
}

type canonicalLine struct {
	Account  string `json:"account"`
	Currency string `json:"currency"`
	Amount   int64  `json:"amount"`
}

// encode gives the canonical bytes: stored once, and hashed as stored.
func (t Transaction) encode() ([]byte, error) {
	c := canonical{t.Merchant, t.ID, t.Kind, t.Subject, t.Cause, t.At.UnixMicro(), make([]canonicalLine, len(t.Lines))}
	for i, l := range t.Lines {
		c.Lines[i] = canonicalLine{l.Account, l.Amount.Currency().Code(), l.Amount.Minor()}
	}
	return json.Marshal(c)
}

// Decode reads canonical bytes back, strictly: what does not parse, and what encode would not have written byte for byte, is
// an error, never a zero.
func Decode(body []byte) (Transaction, error) {
	var c canonical
	if err := json.Unmarshal(body, &c); err != nil {
		return Transaction{}, fmt.Errorf("read canonical bytes: %w", err)
	}
	t := Transaction{c.Merchant, c.ID, c.Kind, c.Subject, c.Cause, time.UnixMicro(c.At).UTC(), make([]Line, len(c.Lines))}
	for i, l := range c.Lines {
		currency, err := money.ParseCurrency(l.Currency)
		if err != nil {
			return Transaction{}, fmt.Errorf("transaction %s: %w", c.ID, err)
		}
		t.Lines[i] = Line{l.Account, money.Of(l.Amount, currency)}
	}
	again, err := t.encode()
	if err != nil {
		return Transaction{}, err
	}
	if !bytes.Equal(again, body) {
		return Transaction{}, fmt.Errorf("transaction %s: %w", c.ID, errNotCanonical)
	}
	return t, nil
}

var errNotCanonical = errors.New("its bytes are not the canonical ones")

// book turns a posting into a transaction.
func book(merchant, id string, p Posting, at time.Time) (Transaction, error) {
	lines, err := p.Lines()
	if err != nil {
		return Transaction{}, err
	}
	slices.SortFunc(lines, compareLines)
	t := Transaction{merchant, id, p.Kind, p.Subject, p.Cause, at, lines}
	return t, t.check()
}
