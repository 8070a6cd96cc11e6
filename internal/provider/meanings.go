package provider

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The decline codes of the contract, and consent_declined: a payer who said no at their bank. What a connector does not recognize is
// GenericDecline, with its raw code beside it.
const (
	InsufficientFunds      DeclineCode = "insufficient_funds"
	DoNotHonor             DeclineCode = "do_not_honor"
	GenericDecline         DeclineCode = "generic_decline"
	StolenCard             DeclineCode = "stolen_card"
	LostCard               DeclineCode = "lost_card"
	PickupCard             DeclineCode = "pickup_card"
	ExpiredCard            DeclineCode = "expired_card"
	IncorrectCVC           DeclineCode = "incorrect_cvc"
	IncorrectNumber        DeclineCode = "incorrect_number"
	LimitExceeded          DeclineCode = "limit_exceeded"
	VelocityExceeded       DeclineCode = "velocity_exceeded"
	RiskDecline            DeclineCode = "risk_decline"
	AuthenticationRequired DeclineCode = "authentication_required"
	AuthenticationFailed   DeclineCode = "authentication_failed"
	BankUnavailable        DeclineCode = "bank_unavailable"
	IssuerUnavailable      DeclineCode = "issuer_unavailable"
	ProcessingError        DeclineCode = "processing_error"
	NotPermitted           DeclineCode = "not_permitted"
	TransactionNotAllowed  DeclineCode = "transaction_not_allowed"
	InvalidAccount         DeclineCode = "invalid_account"
	StopPayment            DeclineCode = "stop_payment"
	DuplicateTransaction   DeclineCode = "duplicate_transaction"
	DoNotTryAgain          DeclineCode = "do_not_try_again"
	ConsentDeclined        DeclineCode = "consent_declined"
)

// meaningsData is the decline table: every code of the contract, once. Fraud reasons reach the payer as a generic decline, so that a thief
// learns nothing. A reason that nobody recognized is not repeated by itself: generic_decline is never.
//
//go:embed meanings.json
var meaningsData []byte

var matrix = mustRead(readMatrix, meaningsData)

// declineMatrix is the decline table, as it is read.
type declineMatrix struct {
	meanings map[DeclineCode]Meaning
	bank     map[DeclineCode]string // for payers who pay from their account, by whatever method: their bank says the same codes, and there is no card
	other    string                 // to them, of what only a card can be declined for
}

// dataHead is what every file of data says of itself.
type dataHead struct {
	Version int64  `json:"version"` // 1 or more; it rises with every change
	Source  string `json:"source"`  // where its lines are from
}

func (h dataHead) check() error {
	if h.Version < 1 || h.Source == "" {
		return fmt.Errorf("the data has no version or no source")
	}
	return nil
}

// mustRead reads data that the program was built with. What is wrong with it shows at once.
func mustRead[T any](read func([]byte) (T, error), data []byte) T {
	v, err := read(data)
	if err != nil {
		panic("provider: " + err.Error())
	}
	return v
}

// readData reads a file of data, and takes no field that it does not know.
func readData(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

var retryKinds = []Retry{RetryNever, RetryLater, RetryFixData, RetryWith3DS, RetryOtherProvider}

func readMatrix(data []byte) (declineMatrix, error) {
	var file struct {
		dataHead
		BankText string `json:"bank_text"`
		Codes    []struct {
			Code       DeclineCode `json:"code"`
			Category   string      `json:"category"`
			Retry      Retry       `json:"retry"`
			AfterHours int64       `json:"after_hours"`
			Payer      DeclineCode `json:"payer"` // what the payer is told, where that is another code
			Text       string      `json:"text"`
			BankText   string      `json:"bank_text"`
		} `json:"codes"`
	}
	if err := readData(data, &file); err != nil {
		return declineMatrix{}, fmt.Errorf("decline codes: %w", err)
	}
	m := declineMatrix{meanings: map[DeclineCode]Meaning{}, bank: map[DeclineCode]string{}, other: file.BankText}
	for _, c := range file.Codes {
		if c.Payer == "" {
			c.Payer = c.Code
		}
		_, twice := m.meanings[c.Code]
		if twice || c.Code == "" || c.Category == "" || c.Text == "" || !slices.Contains(retryKinds, c.Retry) || (c.Retry == RetryLater) != (c.AfterHours > 0) {
			return declineMatrix{}, fmt.Errorf("decline code %q: it is there twice, or something of it is missing", c.Code)
		}
		m.meanings[c.Code] = Meaning{Category: c.Category, Retry: c.Retry, After: time.Duration(c.AfterHours) * time.Hour, Payer: c.Payer, Text: c.Text}
		if c.BankText != "" {
			m.bank[c.Code] = c.BankText
		}
	}
	return m, file.check()
}

// TextOf is what a payer is told of a code, by what they paid with. What only a card can be declined for is a generic decline to others.
func TextOf(m Method, code DeclineCode) string {
	if m == "" || m == MethodCard || m == MethodWallet {
		return Explain(code).Text
	}
	if text, ok := matrix.bank[code]; ok {
		return text
	}
	return matrix.other
}

// Explain is what the table says of a code. A code that is not in the contract means what generic_decline means.
func Explain(code DeclineCode) Meaning {
	m, ok := matrix.meanings[code]
	if !ok {
		return matrix.meanings[GenericDecline]
	}
	return m
}

// Codes are all decline codes of the contract, sorted.
func Codes() []DeclineCode { return slices.Sorted(maps.Keys(matrix.meanings)) }
