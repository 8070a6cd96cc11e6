package vault

import (
	"context"
	"fmt"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// rekeyPage is how many cards are read, and of one tenant written, at a time.
const rekeyPage = 500

// Rekey seals every card with the newest key that was sealed with an older one, and tells how many. It may run beside
// everything else, and again.
func (v *Vault) Rekey(ctx context.Context) (done int, err error) {
	for at := (cardKey{}); ; {
		page, err := v.store.cardsAfter(ctx, at, rekeyPage)
		if err != nil {
			return done, fmt.Errorf("rekey: %w", err)
		}
		for _, rows := range byMerchant(page) {
			n, err := v.rekeyRows(ctx, rows)
			done += n
			if err != nil {
				return done, fmt.Errorf("rekey: %w", err)
			}
		}
		if len(page) < rekeyPage {
			return done, nil
		}
		at = page[len(page)-1].key()
	}
}

// byMerchant cuts rows that are in the order of their tenants.
func byMerchant(rows []cardRow) (cut [][]cardRow) {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].merchant == rows[0].merchant {
			n++
		}
		cut = append(cut, rows[:n])
		rows = rows[n:]
	}
	return cut
}

// rekeyRows seals one tenant's cards again. A card that changes meanwhile was forgotten or rekeyed by somebody else: the rest
// is then written one by one.
func (v *Vault) rekeyRows(ctx context.Context, rows []cardRow) (int, error) {
	var updates []db.Row
	for _, r := range rows {
		if r.sealed == nil || v.box.Current(r.sealed) {
			continue
		}
		update, err := v.resealed(r)
		if err != nil {
			return 0, err
		}
		updates = append(updates, update)
	}
	if len(updates) == 0 {
		return 0, nil
	}
	merchant := rows[0].merchant
	err := v.store.commit(ctx, merchant, "write cards", updates...)
	if err == nil {
		return len(updates), nil
	}
	if !fault.Is(err, fault.Stale) {
		return 0, err
	}
	done := 0
	for _, u := range updates {
		switch err := v.store.commit(ctx, merchant, "write card", u); {
		case err == nil:
			done++
		case !fault.Is(err, fault.Stale):
			return done, err
		}
	}
	return done, nil
}

func (v *Vault) resealed(r cardRow) (db.Row, error) {
	card, err := v.open(r)
	if err != nil {
		return db.Row{}, err
	}
	defer card.wipe()
	plain := card.plain()
	defer clear(plain)
	if r.sealed, err = v.box.Seal(plain, r.key().associated()); err != nil {
		return db.Row{}, fmt.Errorf("card %s: %w", r.description.Token, err)
	}
	return cardTable.Update(r.version, r.values()...), nil
}
