package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The messages of EMV 3-D Secure 2.2 for a payment in a browser, with the fields that this world fills in. Everything in
// them is text, as in the specification.

const messageVersion = "2.2.0"

// TransStatus is how an authentication stands (transStatus).
type TransStatus string

// The statuses that this world gives.
const (
	Authenticated     TransStatus = "Y"
	NotAuthenticated  TransStatus = "N"
	Unavailable       TransStatus = "U" // it could not be performed
	Attempted         TransStatus = "A" // not authenticated, but there is a proof of the attempt
	ChallengeRequired TransStatus = "C"
	Rejected          TransStatus = "R" // the issuer asks not to authorize
)

// The reasons (transStatusReason) that this world gives.
const (
	reasonFailed     = "01" // card authentication failed
	reasonExpired    = "05"
	reasonNumber     = "06" // invalid card number
	reasonFraud      = "11" // suspected fraud
	reasonTimedOut   = "14" // transaction timed out at the ACS
	reasonTooMany    = "19" // exceeds ACS maximum challenges
	reasonACSTrouble = "22" // ACS technical issue
)

// Why a challenge ended without an answer (challengeCancel).
const (
	canceledByPayer = "01"
	timedOut        = "04"
	neverOpened     = "05" // the first CReq was not received
)

// header is in every message.
type header struct {
	MessageType          string `json:"messageType"`
	MessageVersion       string `json:"messageVersion"`
	ThreeDSServerTransID string `json:"threeDSServerTransID"`
	DSTransID            string `json:"dsTransID,omitempty"`
	ACSTransID           string `json:"acsTransID,omitempty"`
}

// Verdict is what an issuer says of the cardholder.
type Verdict struct {
	TransStatus         TransStatus `json:"transStatus"`
	TransStatusReason   string      `json:"transStatusReason,omitempty"`
	ECI                 string      `json:"eci,omitempty"`
	AuthenticationValue string      `json:"authenticationValue,omitempty"` // the CAVV: 20 bytes in base 64
	ChallengeCancel     string      `json:"challengeCancel,omitempty"`
}

// AReq asks the issuer. The card number is masked, because nothing here keeps one.
type AReq struct {
	header
	MessageCategory                   string `json:"messageCategory"` // 01: a payment
	DeviceChannel                     string `json:"deviceChannel"`   // 02: a browser
	ThreeDSCompInd                    string `json:"threeDSCompInd"`  // U: this issuer has no method URL
	ThreeDSRequestorAuthenticationInd string `json:"threeDSRequestorAuthenticationInd"`
	ThreeDSRequestorChallengeInd      string `json:"threeDSRequestorChallengeInd"`
	AcctNumber                        string `json:"acctNumber"`
	CardExpiryDate                    string `json:"cardExpiryDate"` // YYMM
	MerchantName                      string `json:"merchantName"`
	PurchaseAmount                    string `json:"purchaseAmount"`
	PurchaseCurrency                  string `json:"purchaseCurrency"` // numeric
	PurchaseExponent                  string `json:"purchaseExponent"`
	PurchaseDate                      string `json:"purchaseDate"` // YYYYMMDDHHMMSS
	TransType                         string `json:"transType"`
	NotificationURL                   string `json:"notificationURL"`
	BrowserAcceptHeader               string `json:"browserAcceptHeader,omitempty"`
	BrowserUserAgent                  string `json:"browserUserAgent,omitempty"`
	BrowserLanguage                   string `json:"browserLanguage,omitempty"`
	BrowserIP                         string `json:"browserIP,omitempty"`
	BrowserColorDepth                 string `json:"browserColorDepth,omitempty"`
	BrowserScreenHeight               string `json:"browserScreenHeight,omitempty"`
	BrowserScreenWidth                string `json:"browserScreenWidth,omitempty"`
	BrowserTZ                         string `json:"browserTZ,omitempty"`
	BrowserJavaEnabled                bool   `json:"browserJavaEnabled"`
	BrowserJavascriptEnabled          bool   `json:"browserJavascriptEnabled"`
}

// ARes is the issuer's answer.
type ARes struct {
	header
	Verdict
	DSReferenceNumber    string `json:"dsReferenceNumber"`
	ACSReferenceNumber   string `json:"acsReferenceNumber"`
	ACSOperatorID        string `json:"acsOperatorID"`
	AuthenticationType   string `json:"authenticationType,omitempty"` // 02: dynamic, a code
	ACSChallengeMandated string `json:"acsChallengeMandated,omitempty"`
	ACSURL               string `json:"acsURL,omitempty"`
}

// CReq opens a challenge: the payer's browser posts it to the ACS.
type CReq struct {
	header
	ChallengeWindowSize string `json:"challengeWindowSize"`
}

// CRes closes a challenge: the payer's browser posts it to the notification URL. It is a hint, not a proof.
type CRes struct {
	header
	ChallengeCompletionInd string      `json:"challengeCompletionInd"`
	TransStatus            TransStatus `json:"transStatus"` // Y or N
}

// RReq is how the ACS tells the 3-D Secure server the end of a challenge.
type RReq struct {
	header
	Verdict
	MessageCategory    string `json:"messageCategory"`
	AuthenticationType string `json:"authenticationType,omitempty"`
	InteractionCounter string `json:"interactionCounter"` // two digits: how many codes were entered
}

// RRes acknowledges an RReq.
type RRes struct {
	header
	ResultsStatus string `json:"resultsStatus"` // 01: received
}

// encodeMessage turns a message into base64url without padding, as the form fields creq and cres carry it.
func encodeMessage(m any) (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("write a message: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// The faults of a CReq, with the specification's error codes.
var (
	errCReqUnreadable = errors.New("101 Message received invalid: the field creq is not a CReq in base64url")
	errCReqVersion    = errors.New("102 Message version not supported: this ACS speaks 2.2.0")
	errCReqUnknown    = errors.New("301 Transaction ID not recognised")
)

// readCReq reads the form field creq. It fails with one of the errors above.
func readCReq(field string) (CReq, error) {
	var m CReq
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(field), "="))
	if err != nil || json.Unmarshal(text, &m) != nil || m.MessageType != "CReq" {
		return CReq{}, errCReqUnreadable
	}
	if m.MessageVersion != messageVersion {
		return CReq{}, errCReqVersion
	}
	return m, nil
}

// eci is the electronic commerce indicator of a status at a card's network.
func eci(s TransStatus, brand string) string {
	column := 0
	if brand == "mastercard" {
		column = 1
	}
	switch s {
	case Authenticated:
		return [2]string{"05", "02"}[column]
	case Attempted:
		return [2]string{"06", "01"}[column]
	case ChallengeRequired:
		return "" // not known yet
	}
	return [2]string{"07", "00"}[column]
}

// digits is a number as the messages have it; empty for one that was not given.
func digits(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
