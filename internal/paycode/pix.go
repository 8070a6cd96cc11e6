package paycode

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// The bounds of a BR Code. Source: Banco Central do Brasil, "Manual do BR Code" 2.0 and "Manual de Padrões para Iniciação do Pix" 2.6.
const (
	pixScheme     = "br.gov.bcb.pix" // in either case
	pixName       = 25               // characters
	pixCity       = 15
	pixTxID       = 25
	pixURL        = 77
	pixAccount    = 99
	pixMostAmount = 999_999_999_999 // minor units: 9999999999.99 is the 13 characters that the object holds
	pixNoTxID     = "***"
	pixNoCategory = "0000"
)

// The objects of the account template, 26 to 51.
const (
	pixGUI         = "00"
	pixKey         = "01"
	pixDescription = "02"
	pixFacilitator = "03"
	pixLocation    = "25"
)

// Pix is a BR Code: what a payer's bank in Brazil scans. A static one says whom to pay by a Pix key, and may say the rest. A dynamic
// one says by a URL where the charge is; the charge's amount and its txid are there and nowhere else.
type Pix struct {
	Key string // static: the recipient's key as the directory has it
	URL string // dynamic: host and path without https://, at most 77 characters

	Amount      money.Money // static, BRL; the zero Money: the payer says how much
	TxID        string      // static: comes back with the payment; up to 25 letters and digits
	Description string      // static: what the payer sees; fitted to what the key leaves of 99 characters
	Facilitator string      // static: who hands out cash, for Pix Saque: the eight digits of its ISPB

	MerchantName string // fitted to 25 characters of ASCII
	MerchantCity string // fitted to 15
	Category     string // the merchant category code (ISO 18245), four digits; empty: not said
	Once         bool   // the code must not be used again
}

// Payload writes the code. It fails with fault.Invalid and names every wrong field.
func (p Pix) Payload() (string, error) {
	var wrong fault.Collect
	initiation := ""
	if p.Once {
		initiation = "12"
	}
	code := objects{
		{emvFormat, "01"},
		{emvInitiation, initiation},
		{emvFirstAccount, p.account(&wrong).write()},
		{emvCategory, p.category(&wrong)},
		{emvCurrency, "986"},
		{emvAmount, p.amount(&wrong)},
		{emvCountry, "BR"},
		{emvName, fitted(&wrong, "merchant_name", p.MerchantName, pixName, toASCII)},
		{emvCity, fitted(&wrong, "merchant_city", p.MerchantCity, pixCity, toASCII)},
		{emvAdditional, objects{{emvReference, p.txid(&wrong)}}.write()},
	}
	if err := wrong.Err(); err != nil {
		return "", err
	}
	return writeEMV(code), nil
}

func (p Pix) account(wrong *fault.Collect) objects {
	if p.URL != "" {
		if !pixLocationOK(p.URL) {
			wrong.Add("url", fault.CodeInvalid, "must be a host and a path without https://, at most 77 characters")
		}
		if p.Key != "" || p.Description != "" || p.Facilitator != "" {
			wrong.Add("url", fault.CodeInvalid, "a dynamic code has no key, description or facilitator")
		}
		return objects{{pixGUI, pixScheme}, {pixLocation, p.URL}}
	}
	if !pixKeyOK(p.Key) {
		wrong.Add("key", fault.CodeInvalid, pixKeyForms)
	}
	if p.Facilitator != "" && !pixFacilitatorOK(p.Facilitator) {
		wrong.Add("facilitator", fault.CodeInvalid, "must be the eight digits of an ISPB")
	}
	account := objects{{pixGUI, pixScheme}, {pixKey, p.Key}, {pixDescription, ""}, {pixFacilitator, p.Facilitator}}
	if p.Description != "" {
		const head = 4 // the id and the length of the description's own object
		left := max(pixAccount-utf8.RuneCountInString(account.write())-head, 0)
		if left == 0 {
			wrong.Add("description", fault.CodeInvalid, "the key leaves no room for it")
			return account
		}
		account[2].value = fitted(wrong, "description", p.Description, left, toASCII)
	}
	return account
}

func (p Pix) category(wrong *fault.Collect) string {
	if p.Category == "" {
		return pixNoCategory
	}
	if len(p.Category) != 4 || !all(p.Category, isDigit) {
		wrong.Add("category", fault.CodeInvalid, "must have four digits")
	}
	return p.Category
}

func (p Pix) amount(wrong *fault.Collect) string {
	if p.Amount == (money.Money{}) {
		return ""
	}
	if p.URL != "" {
		wrong.Add("amount", fault.CodeInvalid, "a dynamic code's amount is at its URL")
	}
	checkAmount(wrong, p.Amount, "BRL", pixMostAmount)
	return decimal(p.Amount)
}

func (p Pix) txid(wrong *fault.Collect) string {
	if p.TxID == "" {
		return pixNoTxID
	}
	if p.URL != "" {
		wrong.Add("txid", fault.CodeInvalid, "a dynamic code's txid is at its URL")
	}
	if !pixTxIDOK(p.TxID) {
		wrong.Add("txid", fault.CodeInvalid, "must be at most 25 letters and digits")
	}
	return p.TxID
}

// ParsePix reads a BR Code as a payer's bank does. It refuses a wrong checksum, wrong lengths, what follows the checksum, and
// everything that Payload would not write. Of a dynamic code it leaves out amount and txid, as the manual says: they are at the URL.
func ParsePix(payload string) (Pix, error) {
	code, err := readEMV(payload)
	if err != nil {
		return Pix{}, err
	}
	if err := checkPixFrame(code); err != nil {
		return Pix{}, err
	}
	p := Pix{MerchantName: code.get(emvName), MerchantCity: code.get(emvCity), Category: code.get(emvCategory), Once: code.get(emvInitiation) == "12"}
	if p.Category == pixNoCategory {
		p.Category = ""
	}
	account, err := pixAccountOf(code)
	if err != nil {
		return Pix{}, err
	}
	if err := p.readAccount(account); err != nil {
		return Pix{}, err
	}
	if p.URL != "" {
		return p, nil
	}
	return p, p.readCharge(code)
}

// checkPixFrame looks at what every BR Code has, static or dynamic.
func checkPixFrame(code objects) error {
	name, city, category, initiation := code.get(emvName), code.get(emvCity), code.get(emvCategory), code.get(emvInitiation)
	switch {
	case code.get(emvCurrency) != "986" || code.get(emvCountry) != "BR":
		return unreadable("is not for payments in reais in Brazil")
	case name == "" || utf8.RuneCountInString(name) > pixName:
		return unreadable("the merchant's name is missing or too long")
	case city == "" || utf8.RuneCountInString(city) > pixCity:
		return unreadable("the merchant's city is missing or too long")
	case len(category) != 4 || !all(category, isDigit):
		return unreadable("the merchant category has not four digits")
	case initiation != "" && initiation != "11" && initiation != "12":
		return unreadable("says neither that it is used once nor that it is used again")
	case code.get(emvAdditional) == "":
		return unreadable("has no txid, nor says that there is none")
	}
	return nil
}

// pixAccountOf finds the one account that is Pix's among those of other schemes.
func pixAccountOf(code objects) (objects, error) {
	var found objects
	for _, o := range code {
		if o.id < emvFirstAccount || o.id > emvLastAccount {
			continue
		}
		account, err := readObjects(o.value)
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(account.get(pixGUI), pixScheme) {
			continue
		}
		if found != nil {
			return nil, unreadable("has two Pix accounts")
		}
		found = account
	}
	if found == nil {
		return nil, unreadable("has no Pix account")
	}
	return found, nil
}

func (p *Pix) readAccount(account objects) error {
	p.Key, p.URL = account.get(pixKey), account.get(pixLocation)
	p.Description, p.Facilitator = account.get(pixDescription), account.get(pixFacilitator)
	switch {
	case (p.Key == "") == (p.URL == ""):
		return unreadable("must have either a Pix key or a URL")
	case p.URL != "" && (p.Description != "" || p.Facilitator != ""):
		return unreadable("a dynamic code has no description or facilitator")
	case p.URL != "" && !pixLocationOK(p.URL):
		return unreadable("the URL is none")
	case p.Key != "" && !pixKeyOK(p.Key):
		return unreadable("the Pix key is none")
	case p.Facilitator != "" && !pixFacilitatorOK(p.Facilitator):
		return unreadable("the facilitator is no ISPB")
	}
	return nil
}

// readCharge reads what a static code says of the payment.
func (p *Pix) readCharge(code objects) (err error) {
	if amount := code.get(emvAmount); amount != "" {
		// EMVCo allows the dot even if nothing follows.
		if p.Amount, err = readAmount(strings.TrimSuffix(amount, "."), "BRL", pixMostAmount); err != nil {
			return err
		}
	}
	additional, err := readObjects(code.get(emvAdditional))
	if err != nil {
		return err
	}
	switch txid := additional.get(emvReference); {
	case txid == pixNoTxID:
	case !pixTxIDOK(txid):
		return unreadable("the txid is not of 1 to 25 letters and digits")
	default:
		p.TxID = txid
	}
	return nil
}

func pixTxIDOK(txid string) bool {
	return txid != "" && len(txid) <= pixTxID && all(txid, isAlphanumeric)
}

func pixFacilitatorOK(ispb string) bool { return len(ispb) == 8 && all(ispb, isDigit) }

func pixLocationOK(location string) bool {
	if len(location) > pixURL || strings.Contains(location, "://") || !all(location, func(r rune) bool { return r > ' ' && r < 0x7F }) {
		return false
	}
	u, err := url.Parse("https://" + location)
	return err == nil && u.Hostname() != "" && len(u.Path) > 1 && u.User == nil && u.Fragment == ""
}
