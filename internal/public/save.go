package public

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/florinpay/florin/internal/customer"
)

// saveText is what a payer agrees to whose card is saved: the record of their word has its hash.
func (v visit) saveText() string { return v.lang.say("card_save", "merchant", v.merchant.Name) }

// agreed is the payer's word that their card is saved and charged later; nil if they did not give it. An empty text is the merchant's,
// whose page showed it.
func (p *Public) agreed(gave bool, text string) *customer.Consent {
	if !gave {
		return nil
	}
	c := &customer.Consent{GivenAt: p.Clock.Now(), Channel: customer.Web}
	if text != "" {
		sum := sha256.Sum256([]byte(text))
		c.TextSHA256 = hex.EncodeToString(sum[:])
	}
	return c
}
