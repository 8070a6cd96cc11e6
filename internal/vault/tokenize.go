package vault

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

const (
	// onceAge is how long an idempotency key is remembered.
	onceAge = 24 * time.Hour
	// onceTries is how often a request that lost a race for its key looks again.
	onceTries = 3
	// hashSize is enough that no two inputs ever meet, and half of what a whole hash would cost in an index.
	hashSize = 16
)

const codeKeyReused = "idempotency_key_reused"

// tokenize stores a card for a caller. With an idempotency key (empty: none) that came before with the same card it gives
// that card's row again, and replayed is true; with another card it fails with fault.Reused.
//
// The code on the card is not part of what is compared: a hash of it would be a way to keep it.
func (v *Vault) tokenize(ctx context.Context, by Caller, key string, c newCard) (row cardRow, replayed bool, err error) {
	merchant := by.Merchant
	row, err = v.newRow(by, c)
	if err != nil {
		return cardRow{}, false, err
	}
	rows := []db.Row{cardTable.Insert(row.values()...)}
	if w := c.wallet; w != nil {
		rows = append(rows, walletTable.Insert(merchant, w.hash, db.Micros(w.expiresAt)))
	}
	if key == "" {
		if err := c.fresh(row.createdAt); err != nil {
			return cardRow{}, false, err
		}
		err = v.store.commit(ctx, merchant, "store card", rows...)
		return v.stored(ctx, row, c, err)
	}
	once := onceRow{merchant: merchant, token: row.description.Token, createdAt: row.createdAt,
		keyHash:  v.keyHash(by, key),
		cardHash: v.cardHash(merchant, c),
	}
	for range onceTries {
		before, found := v.store.once(ctx, merchant, once.keyHash)
		write := onceTable.Insert
		switch {
		case fault.Is(found, fault.NotFound):
		case found != nil:
			return cardRow{}, false, found
		case v.clock.Now().Sub(before.createdAt) < onceAge:
			return v.replay(ctx, before, once.cardHash, c)
		default:
			write = func(values ...any) db.Row { return onceTable.Update(before.version, values...) }
		}
		if err = c.fresh(row.createdAt); err != nil {
			return cardRow{}, false, err
		}
		err = v.store.commit(ctx, merchant, "store card", append(slices.Clone(rows), write(once.values()...))...)
		if !fault.Is(err, fault.Exists) && !fault.Is(err, fault.Stale) {
			return v.stored(ctx, row, c, err)
		}
	}
	return v.stored(ctx, row, c, err)
}

// keyHash is what is kept of an idempotency key. Browsers have keys of their own: whoever has a publishable key, which is no
// secret, must not get the token that a backend made.
func (v *Vault) keyHash(by Caller, key string) []byte {
	data := []string{by.Merchant, key}
	if by.SingleUse {
		data = append(data, "single use")
	}
	return v.box.Derive("idempotency key", data...)[:hashSize]
}

func (v *Vault) newRow(by Caller, c newCard) (cardRow, error) {
	merchant, number, bank := by.Merchant, c.data.number, issuerOf(c.data.number)
	row := cardRow{merchant: merchant, createdAt: v.clock.Now(), version: 1, description: Description{
		Token: v.ids.New(id.Token), Brand: c.brand.name, Last4: number.last4(), BIN: number.bin(),
		ExpMonth: c.data.month, ExpYear: c.data.year, Country: bank.country, Funding: bank.funding, SingleUse: by.SingleUse,
		Fingerprint: hex.EncodeToString(v.box.Derive("card fingerprint", merchant, string(number.digits()))[:hashSize]),
	}}
	if w := c.wallet; w != nil {
		row.description.Wallet, row.description.SingleUse = w.WalletToken, true
	}
	plain := c.data.plain()
	defer clear(plain)
	var err error
	if row.sealed, err = v.box.Seal(plain, row.key().associated()); err != nil {
		return cardRow{}, fmt.Errorf("seal card: %w", err)
	}
	return row, nil
}

func (v *Vault) cardHash(merchant string, c newCard) []byte {
	if c.wallet != nil {
		return v.box.Derive("idempotent wallet token", merchant, string(c.wallet.hash))
	}
	d := c.data
	return v.box.Derive("idempotent card", merchant, string(d.number.digits()), strconv.Itoa(d.month), strconv.Itoa(d.year), d.name)
}

// stored is what follows the write of a new card: its code is kept, and its row, which a payment will ask for at once.
func (v *Vault) stored(ctx context.Context, row cardRow, c newCard, err error) (cardRow, bool, error) {
	var lost *db.Conflict
	if errors.As(err, &lost) && lost.Table == walletTable.Name {
		err = errWalletUsed
	}
	if err != nil {
		return cardRow{}, false, err
	}
	v.keepCode(row, c)
	kept, err := v.cards.Get(ctx, row.key(), func(context.Context) (cardRow, error) { return row, nil })
	return kept, false, err
}

func (v *Vault) keepCode(row cardRow, c newCard) {
	if len(c.cvc) > 0 {
		v.codes.put(row.key(), c.cvc, row.createdAt.Add(cvcAge))
	}
}

// replay gives the card that an idempotency key made.
func (v *Vault) replay(ctx context.Context, before onceRow, cardHash []byte, c newCard) (cardRow, bool, error) {
	if !bytes.Equal(before.cardHash, cardHash) {
		return cardRow{}, false, fault.New(fault.Reused, codeKeyReused, "the Idempotency-Key came before with another card")
	}
	row, err := v.card(ctx, cardKey{before.merchant, before.token})
	if err != nil {
		return cardRow{}, false, fmt.Errorf("repeat tokenization: %w", err)
	}
	// A code that this process was given is in its memory, or was used. One that came before the start is lost: the
	// caller just gave it again. A cryptogram may have been used: what is lost of it stays lost.
	if c.wallet == nil && row.createdAt.Before(v.started) {
		v.keepCode(row, c)
	}
	return row, true, nil
}
