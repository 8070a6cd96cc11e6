package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/problem"
)

// A device wallet gives a shop's page a token that only the vault can open. In it is not the card's number but one of the device
// (the network's token for the card on it), a cryptogram that the network checks once, and what the payer agreed to: whom they pay,
// how much, and until when. docs/wallets.md has the format.

// Wallet is a device wallet whose tokens the vault opens, in test mode: there is only the sandbox's.
type Wallet struct {
	Type string           // its name in requests: sandbox
	URL  string           // of the pay sheet that a page shows
	Key  *ecdsa.PublicKey // by which its tokens are signed; P-256
}

// WalletToken is what may be known of the wallet behind a token. The zero value is a card's.
type WalletToken struct {
	Type     string `json:"type"`     // sandbox
	Amount   int64  `json:"amount"`   // that the payer agreed to, in minor units
	Currency string `json:"currency"` // ISO 4217
	ECI      string `json:"eci"`      // the electronic commerce indicator that goes with the cryptogram
}

// The codes of a wallet's token that is not taken.
const (
	CodeWalletInvalid   = "wallet_token_invalid"
	CodeWalletSignature = "wallet_signature_invalid"
	CodeWalletExpired   = "wallet_token_expired"
	CodeWalletUsed      = "wallet_token_used"
)

const (
	// walletVersion leads what is signed and what the key is derived from.
	walletVersion = "florin-sandbox-wallet-v1"
	walletKind    = "network_token"
	cardKind      = "card"

	// walletLife is the longest that a token may say it lives, walletSkew how far the wallet's clock may be ahead.
	walletLife = time.Hour
	walletSkew = time.Minute

	maxCryptogram = 64 // characters
	maxECI        = 2
	maxWalletID   = 64
)

var (
	errWalletType      = fault.Wrong("wallet.type", fault.CodeInvalid, "is not a wallet whose tokens this vault opens in this mode")
	errWalletGarbage   = fault.Wrong("wallet.token", CodeWalletInvalid, "is not a token of this wallet for this merchant's key")
	errWalletContent   = fault.Wrong("wallet.token", CodeWalletInvalid, "says something that a token cannot say")
	errWalletMerchant  = fault.Wrong("wallet.token", CodeWalletInvalid, "is for another merchant")
	errWalletSignature = fault.Wrong("wallet.token", CodeWalletSignature, "is not signed by the wallet")
	errWalletExpired   = &fault.Error{Kind: fault.Conflict, Code: CodeWalletExpired, Param: "wallet.token", Detail: "the time of the wallet's token is over: let the payer approve again"}
	errWalletUsed      = &fault.Error{Kind: fault.Conflict, Code: CodeWalletUsed, Param: "wallet.token", Detail: "the wallet's token was opened before: each serves once"}
)

// sealedWallet is a token as it comes in: JSON in base64url.
type sealedWallet struct {
	Version      string `json:"version"`
	KeyID        string `json:"key_id"`
	EphemeralKey []byte `json:"ephemeral_key"` // an uncompressed point
	Ciphertext   []byte `json:"ciphertext"`
	Signature    []byte `json:"signature"` // ASN.1
}

// opened is what a wallet's token said beside the card.
type opened struct {
	WalletToken
	hash      []byte // by which it is known again
	expiresAt time.Time
}

// walletKey is the key that a merchant's wallet tokens are sealed for. It is derived from the vault's keyset: it is stored nowhere,
// and a token for another merchant, or mode, cannot be opened by it.
func (v *Vault) walletKey(merchant string) (*ecdh.PrivateKey, error) {
	for n := range 8 { // of 2^32 derivations one is no scalar of the curve
		if k, err := ecdh.P256().NewPrivateKey(v.box.Derive("wallet decryption key", merchant, strconv.Itoa(n))); err == nil {
			return k, nil
		}
	}
	return nil, errors.New("derive a wallet key: no scalar found")
}

// keyID names a public key.
func keyID(public []byte) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// openWallet reads {"type":…,"token":…}, checks the token and opens it. It does not look at the time, nor whether the token came
// before: tokenize does, when it knows that the request is no repeat. It fails with fault.Invalid. No error says what was inside.
func (v *Vault) openWallet(by Caller, raw []byte, now time.Time) (newCard, error) {
	var f faults
	in, ok := object(raw, "wallet.", &f, "type", "token")
	if !ok {
		return newCard{}, fault.Wrong("wallet", fault.CodeInvalid, "must be an object")
	}
	if err := f.Err(); err != nil {
		return newCard{}, err
	}
	kind, okType := text(in["type"])
	token, okToken := text(in["token"])
	switch {
	case !okToken:
		return newCard{}, fault.Wrong("wallet.token", problem.CodeMissing, "is required, as a string")
	case !okType || v.wallet == nil || string(kind) != v.wallet.Type || by.Live:
		return newCard{}, errWalletType
	}
	plain, err := v.unseal(by.Merchant, token)
	if err != nil {
		return newCard{}, err
	}
	defer clear(plain)
	c, err := parseWallet(plain, by.Merchant, now)
	if err != nil {
		c.wipe()
		return newCard{}, err
	}
	c.wallet.Type = v.wallet.Type
	return c, nil
}

// unseal checks who made a token and for whom, and decrypts it.
func (v *Vault) unseal(merchant string, token []byte) ([]byte, error) {
	var s sealedWallet
	envelope, err := base64.RawURLEncoding.DecodeString(string(token))
	d := json.NewDecoder(bytes.NewReader(envelope))
	d.DisallowUnknownFields()
	if err != nil || d.Decode(&s) != nil || s.Version != walletVersion {
		return nil, errWalletGarbage
	}
	signed := sha256.Sum256(joined([]byte(s.Version), []byte(s.KeyID), s.EphemeralKey, s.Ciphertext))
	if !ecdsa.VerifyASN1(v.wallet.Key, signed[:], s.Signature) {
		return nil, errWalletSignature
	}
	private, err := v.walletKey(merchant)
	if err != nil {
		return nil, err
	}
	public := private.PublicKey().Bytes()
	from, err := ecdh.P256().NewPublicKey(s.EphemeralKey)
	if err != nil || s.KeyID != keyID(public) {
		return nil, errWalletGarbage
	}
	shared, err := private.ECDH(from)
	if err != nil {
		return nil, errWalletGarbage
	}
	defer clear(shared)
	plain, err := decryptWallet(shared, s, public, merchant)
	if err != nil {
		return nil, errWalletGarbage
	}
	return plain, nil
}

// decryptWallet opens the ciphertext. The key serves one message, so the nonce may be zero.
func decryptWallet(shared []byte, s sealedWallet, public []byte, merchant string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, shared, nil, string(joined([]byte(s.Version), s.EphemeralKey, public)), 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a wallet token: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open a wallet token: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("open a wallet token: %w", err)
	}
	return gcm.Open(nil, make([]byte, gcm.NonceSize()), s.Ciphertext, []byte(merchant))
}

// joined are parts, each led by its length: no two lists of parts run together.
func joined(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(p))), p...)
	}
	return out
}

// parseWallet reads what was sealed. Only the wallet can have written it, so one error for everything is enough.
func parseWallet(plain []byte, merchant string, now time.Time) (newCard, error) {
	if !json.Valid(plain) {
		return newCard{}, errWalletContent
	}
	var f faults
	in, ok := object(plain, "", &f, "id", "merchant", "amount", "currency", "issued_at", "expires_at",
		"device_account_number", "exp_month", "exp_year", "cryptogram", "eci", "cardholder_name")
	if !ok {
		return newCard{}, errWalletContent
	}
	c := newCard{brand: otherBrand, wallet: &opened{}}
	c.data.number, c.brand = parseNumberField(in["device_account_number"], &f)
	c.data.month, c.data.year = parseExpiry(in["exp_month"], in["exp_year"], now, &f)
	c.data.name = parseName(in["cardholder_name"], &f)
	w := c.wallet
	said, okID := short(in["id"], maxWalletID)
	to, okMerchant := short(in["merchant"], maxName)
	currency, okCurrency := short(in["currency"], 3)
	eci, okECI := short(in["eci"], maxECI)
	cryptogram, okCryptogram := short(in["cryptogram"], maxCryptogram)
	amount, okAmount := positive(in["amount"])
	issued, okIssued := positive(in["issued_at"])
	expires, okExpires := positive(in["expires_at"])
	if f.Err() != nil || !(okID && okMerchant && okCurrency && okECI && okCryptogram && okAmount && okIssued && okExpires) {
		return c, errWalletContent
	}
	if string(to) != merchant {
		return c, errWalletMerchant
	}
	known, err := money.ParseCurrency(string(currency))
	begins := time.Unix(issued, 0)
	w.expiresAt = time.Unix(expires, 0)
	if life := w.expiresAt.Sub(begins); err != nil || life <= 0 || life > walletLife || begins.After(now.Add(walletSkew)) {
		return c, errWalletContent
	}
	w.Amount, w.Currency, w.ECI = amount, known.Code(), string(eci)
	c.cvc = bytes.Clone(cryptogram)
	sum := sha256.Sum256(joined([]byte(merchant), said))
	w.hash = sum[:hashSize]
	return c, nil
}

// short reads a string of 1 to most bytes, of printable ASCII.
func short(raw []byte, most int) ([]byte, bool) {
	s, ok := text(raw)
	if !ok || len(s) == 0 || len(s) > most {
		return nil, false
	}
	for _, c := range s {
		if c < '!' || c > '~' {
			return nil, false
		}
	}
	return s, true
}

// positive reads a whole number of 1 to 12 digits.
func positive(raw []byte) (int64, bool) {
	if len(raw) > 12 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil && n > 0
}

// fresh refuses a wallet's token whose time is over. A card has no such time.
func (c newCard) fresh(now time.Time) error {
	if c.wallet != nil && !now.Before(c.wallet.expiresAt) {
		return errWalletExpired
	}
	return nil
}
