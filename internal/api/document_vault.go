package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// tokenRequest is what the vault takes: it is described here and read there, because only the vault may hold one.
type tokenRequest struct {
	Card   *tokenCard      `json:"card,omitempty" doc:"A card. It or wallet is needed."`
	Wallet *walletsRequest `json:"wallet,omitempty" doc:"What a device wallet gave, in place of a card. In test mode, where the sandbox's wallet is configured."`
}

type walletsRequest struct {
	Type  string `json:"type" enum:"sandbox"`
	Token string `json:"token" maxLength:"60000" doc:"The wallet's own token, sealed for the vault: it is opened there, once, before it expires."`
}

type tokenCard struct {
	Number   string `json:"number" pattern:"^[0-9 -]{12,23}$" doc:"Digits; spaces and hyphens are dropped." example:"4242424242424242"`
	ExpMonth int64  `json:"exp_month" minimum:"1" maximum:"12" example:"12"`
	ExpYear  int64  `json:"exp_year" minimum:"0" maximum:"9999" doc:"Four digits, or the last two." example:"2030"`
	CVC      string `json:"cvc,omitempty" pattern:"^[0-9]{3,4}$" doc:"Kept in memory for 30 minutes and used once, never stored." example:"123"`
	Name     string `json:"name,omitempty" maxLength:"200" doc:"The cardholder's name." example:"Ada Lovelace"`
}

type token struct {
	ID       string    `json:"id" example:"pm_tok_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object   string    `json:"object" enum:"payment_method_token"`
	Livemode bool      `json:"livemode"`
	Card     tokenView `json:"card" doc:"Of a wallet: what the device has in the card's place."`

	Wallet    *tokenWallet `json:"wallet,omitempty" doc:"If a wallet gave it."`
	CreatedAt time.Time    `json:"created_at"`
}

type tokenWallet struct {
	Type     string `json:"type" enum:"sandbox"`
	Amount   int64  `json:"amount" doc:"That the payer agreed to, in minor units."`
	Currency string `json:"currency" example:"EUR"`
}

type tokenView struct {
	Brand       string `json:"brand" example:"visa"`
	Last4       string `json:"last4" example:"4242"`
	BIN         string `json:"bin" example:"424242"`
	ExpMonth    int64  `json:"exp_month" example:"12"`
	ExpYear     int64  `json:"exp_year" example:"2030"`
	Country     string `json:"country" doc:"The issuer's, empty if it is not known." example:"US"`
	Funding     string `json:"funding" example:"credit"`
	Fingerprint string `json:"fingerprint" doc:"The same for the same number and merchant, useless elsewhere."`
}

func describeVault(doc *huma.OpenAPI, url string) {
	schemas := doc.Components.Schemas
	op := &huma.Operation{
		OperationID: "createToken", Method: http.MethodPost, Path: "/v1/tokens", Tags: []string{vaultTag}, Summary: "Create a token",
		Description: "Turns a card, or what a wallet gave, into a token. It is served by the vault on its own address. Call it from the payer's browser with a publishable key, so that card numbers never reach your servers; or, if you are PCI-certified, with a secret key that has the scope vault:write.",
		Servers:     []*huma.Server{{URL: url, Description: "The vault zone"}},
		Security:    []map[string][]string{{"publishableKey": {}}, {"secretKey": {"vault:write"}}},
		Parameters:  []*huma.Param{{Ref: idempotencyRef}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{jsonType: {Schema: schemas.Schema(reflect.TypeFor[tokenRequest](), true, "")}}},
		Responses: map[string]*huma.Response{"201": {
			Description: http.StatusText(http.StatusCreated), Headers: map[string]*huma.Param{headerRequestID: requestIDHeader, headerReplayed: replayedHeader},
			Content: map[string]*huma.MediaType{jsonType: {Schema: schemas.Schema(reflect.TypeFor[token](), true, "")}},
		}},
	}
	refuseWith(doc, op, 400, 401, 403, 413, 415, 422, 429, 500, 503)
	doc.AddOperation(op)
}
