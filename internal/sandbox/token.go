package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// Payments by a wallet. What comes as a card's number is the device's, and beside it a cryptogram that the network gave the device for
// this payment. It takes the place of 3-D Secure: whoever has it unlocked the device.

// NetworkToken says that an authorization is of a device account number.
type NetworkToken struct {
	Wallet string `json:"wallet"` // whose
	ECI    string `json:"eci"`
}

// The reasons a network has against a cryptogram. It answers all with 63, security violation.
const (
	cryptogramMissing = "cryptogram_missing"
	cryptogramWrong   = "cryptogram_invalid"
	cryptogramUsed    = "cryptogram_used"
)

func (n *NetworkToken) check(wrong *fault.Collect, cryptogram string) {
	switch {
	case n == nil && cryptogram != "":
		wrong.Add("card.cryptogram", fault.CodeInvalid, "is for a network token")
	case n == nil:
	case n.Wallet == "" || len(n.Wallet) > 32:
		wrong.Add("network_token.wallet", fault.CodeInvalid, "must be 1 to 32 characters")
	case len(n.ECI) != 2:
		wrong.Add("network_token.eci", fault.CodeInvalid, "must be two digits")
	}
	if len(cryptogram) > 64 {
		wrong.Add("card.cryptogram", fault.CodeInvalid, "must be at most 64 characters")
	}
}

// recordToken does as record, for a network token. It is decided on the writer, as the same cryptogram may come twice at once.
func (w *World) recordToken(a account, t *turn, r authorizationRequest, end fate) (int, any, fate, error) {
	var existing *row
	err := w.store.do(func(b *batch) (err error) {
		if existing, err = b.find(b.txnByReference, a.number, t.Reference); err != nil || existing != nil {
			return err
		}
		refusal, err := b.checkToken(r)
		if err != nil {
			return err
		}
		secure := goodProof
		if refusal != "" {
			secure = falseProof
		}
		var decline *Decline
		decline, t.Trait = issuer(r.Card.Number, t.Card.ExpMonth, t.Card.ExpYear, a.Acquirer, t.now, secure)
		if decline != nil && refusal != "" && decline.Reason == "authentication_failed" {
			decline = declined(refusal, t.Card.Brand)
		}
		t.open(decline)
		body, err := json.Marshal(t.Transaction)
		if err == nil {
			existing, err = b.create(a, t, string(body))
		}
		return err
	})
	return recorded(t, existing, end, err)
}

// checkToken is what the network has against a token; empty if nothing. It remembers the cryptogram.
func (b *batch) checkToken(r authorizationRequest) (reason string, err error) {
	given, number := r.Card.Cryptogram, string(r.Card.Number)
	switch {
	case given == "":
		return cryptogramMissing, nil
	case !stage.GoodCryptogram(given, number, int(r.Card.ExpMonth), int(r.Card.ExpYear)) || r.NetworkToken.ECI != stage.TokenECI(number):
		return cryptogramWrong, nil
	}
	sum := sha256.Sum256([]byte(given))
	_, fresh, err := b.insertCryptogram.insert(hex.EncodeToString(sum[:]), r.Reference)
	if err == nil && !fresh {
		reason = cryptogramUsed
	}
	return reason, err
}
