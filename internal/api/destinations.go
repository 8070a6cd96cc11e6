package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/payout"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// Destinations keeps where money can go. See payout.Service.
type Destinations interface {
	CreateDestination(ctx context.Context, tenant string, in payout.DestinationInput, with payout.With) (payout.DestinationObject, error)
	UpdateDestination(ctx context.Context, tenant, destination string, change payout.DestinationChange, with payout.With) (payout.DestinationObject, error)
	GetDestination(ctx context.Context, tenant, destination string) (payout.DestinationObject, error)
	ListDestinations(ctx context.Context, tenant string, p db.Page) ([]payout.DestinationObject, bool, error)
}

type createDestination struct {
	Type          string   `json:"type" enum:"iban,bank_account,card,pix,payid,upi" doc:"bank_account: by the numbering of a country without IBANs. card: money is pushed to it."`
	Name          string   `json:"name,omitempty" maxLength:"140" check:"printable" doc:"Whose it is. Needed, but for a card." example:"Ada Lovelace"`
	IBAN          string   `json:"iban,omitempty" maxLength:"64" doc:"With or without spaces." example:"DE89 3704 0044 0532 0130 00"`
	Country       string   `json:"country,omitempty" maxLength:"2" doc:"Of a bank_account: US, GB, AU, IN, BR or MY." example:"US"`
	BankCode      string   `json:"bank_code,omitempty" maxLength:"32" doc:"Of a bank_account: routing number (US), sort code (GB), BSB (AU), IFSC (IN), ISPB or COMPE code (BR), BIC (MY)."`
	BranchCode    string   `json:"branch_code,omitempty" maxLength:"32" doc:"Of a bank_account in Brazil: the agência."`
	AccountNumber string   `json:"account_number,omitempty" maxLength:"64" exempt:"true" doc:"Of a bank_account. A card's number is none: money is pushed to a card by its card_token."`
	PIXKey        string   `json:"pix_key,omitempty" maxLength:"140" doc:"A CPF, a CNPJ, an e-mail address, a phone number with +55 or a random key."`
	PayID         string   `json:"payid,omitempty" maxLength:"300" doc:"An e-mail address, an Australian phone number, an ABN or an organisation's id."`
	VPA           string   `json:"vpa,omitempty" maxLength:"300" doc:"Of upi: name@handle."`
	CardToken     string   `json:"card_token,omitempty" maxLength:"64" check:"token" doc:"What the vault gave for a card to a secret key."`
	Metadata      Metadata `json:"metadata,omitempty" doc:"Up to 50 keys of up to 40 characters, with values of up to 500."`
}

// Check refuses what does not belong to the type: it would be ignored.
func (b *createDestination) Check(f *strict.Faults, _ time.Time) {
	belongs := map[string]string{
		"iban": "iban", "country": "bank_account", "bank_code": "bank_account", "branch_code": "bank_account", "account_number": "bank_account",
		"pix_key": "pix", "payid": "payid", "vpa": "upi", "card_token": "card",
	}
	given := []struct{ field, value string }{
		{"iban", b.IBAN}, {"country", b.Country}, {"bank_code", b.BankCode}, {"branch_code", b.BranchCode}, {"account_number", b.AccountNumber},
		{"pix_key", b.PIXKey}, {"payid", b.PayID}, {"vpa", b.VPA}, {"card_token", b.CardToken},
	}
	for _, g := range given {
		switch of := belongs[g.field]; {
		case g.value != "" && b.Type != "" && of != b.Type:
			f.Add(g.field, fault.CodeInvalid, "does not belong to the type "+b.Type)
		case g.value == "" && of == b.Type && g.field != "branch_code":
			f.Add(g.field, problem.CodeMissing, "is required for the type "+b.Type)
		}
	}
	if b.Name == "" && b.Type != "" && b.Type != "card" {
		f.Add("name", problem.CodeMissing, "is required for the type "+b.Type)
	}
}

func (b *createDestination) input() payout.DestinationInput {
	return payout.DestinationInput{
		Type: payout.Type(b.Type), Name: b.Name, IBAN: b.IBAN, Country: b.Country, BankCode: b.BankCode, Branch: b.BranchCode, AccountNumber: b.AccountNumber,
		Alias: b.PIXKey + b.PayID + b.VPA, Card: b.CardToken, Metadata: b.Metadata, // of the aliases one is given, as Check saw to
	}
}

type updateDestination struct {
	Blocked       *bool    `json:"blocked,omitempty" doc:"Whether nothing may be paid to it, nor to the same account by another destination. A payout that waits to be sent to it fails."`
	BlockedReason *string  `json:"blocked_reason,omitempty" maxLength:"200" check:"printable" doc:"Why, for your records."`
	Metadata      Metadata `json:"metadata,omitempty" doc:"Replaces all of it."`
}

type listDestinationsInput struct{ Paging }

// Resolve checks the query.
func (in *listDestinationsInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) { in.check(f, id.Destination) })
}

func (a *API) registerDestinations() {
	object := reflect.TypeFor[payout.DestinationObject]()
	const tag, all, one = "Payouts", "/v1/destinations", "/v1/destinations/{id}"
	register(a, operation{
		id: "createDestination", method: http.MethodPost, path: all, tag: tag, summary: "Create a destination",
		doc:   "Keeps an account, a card or an alias that money can be paid to. Numbers are checked, stored encrypted, and shown by their last four characters.",
		scope: access.PayoutsWrite, status: http.StatusCreated, answer: object, body: reflect.TypeFor[createDestination](),
		sample: `{"type":"iban","name":"Ada Lovelace","iban":"DE89 3704 0044 0532 0130 00"}`,
	}, a.createDestination)
	register(a, operation{
		id: "listDestinations", method: http.MethodGet, path: all, tag: tag, summary: "List destinations",
		scope: access.PayoutsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[payout.DestinationObject]](),
	}, a.listDestinations)
	register(a, operation{
		id: "getDestination", method: http.MethodGet, path: one, tag: tag, summary: "Get a destination",
		scope: access.PayoutsRead, status: http.StatusOK, answer: object,
	}, a.getDestination)
	register(a, operation{
		id: "updateDestination", method: http.MethodPatch, path: one, tag: tag, summary: "Block a destination, or let it go again",
		doc:   "What is not given stays. A number never changes: make another destination.",
		scope: access.PayoutsWrite, status: http.StatusOK, answer: object, body: reflect.TypeFor[updateDestination](),
		sample: `{"blocked":true,"blocked_reason":"reported by its owner"}`, shows: story{"blocked": true, "blocked_reason": "reported by its owner"},
	}, a.updateDestination)
}

func (a *API) showDestination(tenant string) view {
	return asItIs(tenant, a.Destinations.GetDestination)
}

func (a *API) createDestination(ctx context.Context, rq *request, in *bodyInput) (answer, error) {
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusCreated, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[createDestination](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		return a.Destinations.CreateDestination(ctx, tenant, body.input(), recorded[payout.DestinationObject](o, "destination.created", map[string]string{"type": body.Type}))
	}, a.showDestination(tenant))
}

func (a *API) updateDestination(ctx context.Context, rq *request, in *actionInput) (answer, error) {
	if !id.Has(in.ID, id.Destination) {
		return answer{}, fault.Missing("destination")
	}
	tenant := rq.principal.Tenant
	return a.once(ctx, rq, in.RawBody, http.StatusOK, func(ctx context.Context, o *once) (any, error) {
		body, err := decode[updateDestination](rq, in.RawBody, a.Clock.Now())
		if err != nil {
			return nil, err
		}
		detail := map[string]string{}
		if body.Blocked != nil {
			detail["blocked"] = strconv.FormatBool(*body.Blocked)
		}
		if body.BlockedReason != nil {
			detail["blocked_reason"] = *body.BlockedReason
		}
		if body.Metadata != nil {
			detail["metadata"] = "replaced"
		}
		change := payout.DestinationChange{Blocked: body.Blocked, Reason: body.BlockedReason, Metadata: body.Metadata}
		return a.Destinations.UpdateDestination(ctx, tenant, in.ID, change, recorded[payout.DestinationObject](o, "destination.updated", detail))
	}, a.showDestination(tenant))
}

func (a *API) getDestination(ctx context.Context, rq *request, in *getInput) (answer, error) {
	if !id.Has(in.ID, id.Destination) {
		return answer{}, fault.Missing("destination")
	}
	return show(a.Destinations.GetDestination(ctx, rq.principal.Tenant, in.ID))
}

func (a *API) listDestinations(ctx context.Context, rq *request, in *listDestinationsInput) (answer, error) {
	return showList(a.Destinations.ListDestinations(ctx, rq.principal.Tenant, in.page()))
}

// renamed is a refusal whose parameters stand elsewhere in this request's body.
func renamed(err error, names map[string]string) error {
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid {
		return err
	}
	there := *e
	there.Fields = append([]fault.Field(nil), e.Fields...)
	for i, f := range there.Fields {
		if name, ok := names[f.Param]; ok {
			there.Fields[i].Param = name
		}
	}
	if name, ok := names[e.Param]; ok {
		there.Param = name
	}
	return &there
}
