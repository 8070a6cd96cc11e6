package vault

// Description is what the rest of Florin may know of a tokenized card.
type Description struct {
	Token       string `json:"id"`
	Brand       string `json:"brand"` // visa mastercard amex discover diners jcb unionpay maestro unknown
	Last4       string `json:"last4"`
	BIN         string `json:"bin"` // the first six digits
	ExpMonth    int    `json:"exp_month"`
	ExpYear     int    `json:"exp_year"`
	Country     string `json:"country"`     // of the issuer, ISO 3166-1 alpha-2; empty if the BIN is not known
	Funding     string `json:"funding"`     // credit debit prepaid unknown
	Fingerprint string `json:"fingerprint"` // the same for the same number and merchant, useless elsewhere
	SingleUse   bool   `json:"single_use"`  // made with a publishable key, or by a wallet: it serves one payment

	// Wallet is set if it is no card but a wallet's network token: number, expiry and BIN are then the device's.
	Wallet WalletToken `json:"wallet,omitzero"`
}
