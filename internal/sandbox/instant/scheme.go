package instant

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/paycode"
	"github.com/florinpay/florin/internal/sandbox/stage"
)

// scheme is one of the methods: its limits, and how its payers pay.
type scheme struct {
	method   string
	title    string
	currency string
	min, max int64         // minor units
	ttl      time.Duration // how long the payer has, if the caller does not say
	redirect bool          // the payer goes to a page of their bank; else they pay a code
	waits    bool          // refunds are not there at once
	// code makes what the payer scans or copies, for a static code too where the scheme has them; nil: redirect.
	code func(o codeOrder) (code, copyCode, deeplink string, err error)
	// endToEnd makes the scheme's name of a transfer.
	endToEnd func(unique string, now time.Time) string
}

// codeOrder is what a code is made of. An empty txid is a code for any payment.
type codeOrder struct {
	txid   string
	amount money.Money
	payee  stage.Numbered
	static bool // Pix: say the receiver and the amount in the code; else where the charge is
	note   string
}

// Names of test payees. The IBAN's bank is that of ISO 13616's published example.
const (
	pixHost  = "pix.instant.example/v2/"
	upiBank  = "@simbank"
	payIDAt  = "@payid.instant.example"
	sepaBank = "37040044"
	pixISPB  = "99999999"
)

var schemes = []scheme{
	{method: "pix", title: "Pix", currency: "BRL", min: 1, max: 100_000_000, ttl: 24 * time.Hour, code: pixCode, endToEnd: pixEndToEnd},
	{method: "payid", title: "PayID", currency: "AUD", min: 1, max: 10_000_000, ttl: 24 * time.Hour, code: payIDCode, endToEnd: prefixed("NPP")},
	{method: "upi", title: "UPI", currency: "INR", min: 100, max: 10_000_000, ttl: 15 * time.Minute, code: upiCode, endToEnd: prefixed("SIM")},
	{method: "sepa_qr", title: "SEPA code", currency: "EUR", min: 1, max: 99_999_999_999, ttl: 7 * 24 * time.Hour, code: sepaCode, endToEnd: prefixed("SCT"), waits: true},
	{method: "fpx", title: "FPX", currency: "MYR", min: 100, max: 3_000_000, ttl: 15 * time.Minute, redirect: true, endToEnd: prefixed("FPX"), waits: true},
	{method: "ideal", title: "iDEAL", currency: "EUR", min: 1, max: 5_000_000, ttl: 15 * time.Minute, redirect: true, endToEnd: prefixed("IDL")},
}

func findScheme(method string) (scheme, bool) {
	for _, s := range schemes {
		if s.method == method {
			return s, true
		}
	}
	return scheme{}, false
}

// Bank is one that payers of a method with a page may choose.
type Bank struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Available bool   `json:"available"`

	method string
	title  string // what it does, for testers
	fails  string
}

var banks = []Bank{
	{ID: "ideal_canal", Name: "Canal Bank", Available: true, method: "ideal", title: "Pays"},
	{ID: "ideal_polder", Name: "Polder Bank", Available: true, method: "ideal", title: "Pays"},
	{ID: "ideal_dry", Name: "Dry Dike Bank", Available: true, method: "ideal", title: "Has no money: insufficient_funds", fails: stage.InsufficientFunds},
	{ID: "fpx_straits", Name: "Straits Bank", Available: true, method: "fpx", title: "Pays"},
	{ID: "fpx_hornbill", Name: "Hornbill Bank", Available: true, method: "fpx", title: "Pays"},
	{ID: "fpx_empty", Name: "Empty Bowl Bank", Available: true, method: "fpx", title: "Has no money: insufficient_funds", fails: stage.InsufficientFunds},
	{ID: "fpx_monsoon", Name: "Monsoon Bank", method: "fpx", title: "Is not reached: bank_unavailable", fails: stage.BankUnavailable},
}

func findBank(method, id string) (Bank, bool) {
	for _, b := range banks {
		if b.ID == id && b.method == method {
			return b, true
		}
	}
	return Bank{}, false
}

// pixKeyOf is the account's random key in the directory, in the form of a UUID.
func pixKeyOf(a stage.Numbered) string {
	h := sha256.Sum256([]byte("pix key of " + a.APIKey.Reveal()))
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func upiAddressOf(a stage.Numbered) string { return fmt.Sprintf("shop%d%s", a.Number, upiBank) }

// ibanOf is the account's IBAN, with check digits by ISO 7064 (MOD 97-10).
func ibanOf(a stage.Numbered) string {
	account := fmt.Sprintf("%s%010d", sepaBank, 532_013_000+a.Number)
	rest := 0
	for _, d := range account + "131400" { // DE00
		rest = (rest*10 + int(d-'0')) % 97
	}
	return fmt.Sprintf("DE%02d%s", 98-rest, account)
}

func pixCode(o codeOrder) (string, string, string, error) {
	p := paycode.Pix{MerchantName: o.payee.Shown(), MerchantCity: "Sao Paulo"}
	if o.static || o.txid == "" {
		p.Key, p.TxID, p.Amount = pixKeyOf(o.payee), o.txid, o.amount
	} else {
		p.URL, p.Once = pixHost+o.txid, true
	}
	code, err := p.Payload()
	return code, code, "", err
}

func upiCode(o codeOrder) (string, string, string, error) {
	link, err := paycode.UPI{Address: upiAddressOf(o.payee), Name: o.payee.Shown(), Amount: o.amount, Reference: o.txid, Note: o.note}.Payload()
	return link, "", link, err
}

func sepaCode(o codeOrder) (string, string, string, error) {
	code, err := paycode.SEPA{Name: o.payee.Shown(), IBAN: ibanOf(o.payee), Amount: o.amount, Remittance: o.txid}.Payload()
	return code, "", "", err
}

// payIDCode is an address of this charge alone: the payer sends to it, and nobody scans it.
func payIDCode(o codeOrder) (string, string, string, error) {
	if o.txid == "" {
		return "", fmt.Sprintf("shop%d%s", o.payee.Number, payIDAt), "", nil
	}
	return "", o.txid + payIDAt, "", nil
}

// pixEndToEnd is the EndToEndId: E, the payer's bank, the minute, eleven letters and digits.
func pixEndToEnd(unique string, now time.Time) string {
	return "E" + pixISPB + now.UTC().Format("200601021504") + unique[len(unique)-11:]
}

func prefixed(prefix string) func(string, time.Time) string {
	return func(unique string, _ time.Time) string { return prefix + strings.ToUpper(unique) }
}

// scanned is what a payer's bank reads in a code.
type scanned struct {
	method  string
	txid    string      // of the charge; empty: for none
	amount  money.Money // zero: the payer says it
	unnamed bool        // the code does not name its receiver: only the charge has one
}

// scan reads a code as a payer's bank would; false if it is none that pays this account, or may.
func scan(code string, a stage.Numbered) (scanned, bool) {
	switch {
	case strings.HasPrefix(code, "0002"):
		p, err := paycode.ParsePix(code)
		if txid, dynamic := strings.CutPrefix(p.URL, pixHost); dynamic {
			return scanned{method: "pix", txid: txid, unnamed: true}, err == nil
		}
		return scanned{method: "pix", txid: p.TxID, amount: p.Amount}, err == nil && p.Key == pixKeyOf(a)
	case strings.HasPrefix(code, "upi:"):
		u, err := paycode.ParseUPI(code)
		return scanned{method: "upi", txid: u.Reference, amount: u.Amount}, err == nil && u.Address == upiAddressOf(a)
	case strings.HasPrefix(code, "BCD"):
		s, err := paycode.ParseSEPA(code)
		return scanned{method: "sepa_qr", txid: s.Remittance, amount: s.Amount}, err == nil && s.IBAN == ibanOf(a)
	}
	txid, isPayID := strings.CutSuffix(code, payIDAt)
	if txid == fmt.Sprintf("shop%d", a.Number) {
		return scanned{method: "payid"}, isPayID
	}
	return scanned{method: "payid", txid: txid, unnamed: true}, isPayID
}
