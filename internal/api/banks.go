package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/strict"
)

// Banks lists the banks that a method's payers may choose. See payment.Service.
type Banks interface {
	Banks(ctx context.Context, tenant string, method provider.Method, currency string) ([]provider.Bank, error)
}

type listBanksInput struct {
	Method   string `query:"method" required:"true" enum:"ideal,fpx,bank_redirect" doc:"The method that your payer chose."`
	Currency string `query:"currency" maxLength:"3" doc:"In which they pay. Any if it is not given." example:"EUR"`
}

// Resolve checks the query.
func (in *listBanksInput) Resolve(huma.Context) []error {
	return resolved(func(f *strict.Faults) {
		if _, err := money.ParseCurrency(in.Currency); in.Currency != "" && err != nil {
			f.Add("currency", fault.CodeCurrency, "must be an ISO 4217 code in capital letters")
		}
	})
}

func (a *API) registerBanks() {
	register(a, operation{
		id: "listBanks", method: http.MethodGet, path: "/v1/banks", tag: "Payments", summary: "List banks to choose from",
		doc: "Some methods let the payer choose their bank with you: its id is payment_method.bank of a payment. If the provider does not tell its banks, the answer is 503; " +
			"without a bank the payer chooses at the provider's.",
		scope: access.PaymentsRead, status: http.StatusOK, answer: reflect.TypeFor[listing[payment.BankObject]](), refusals: []int{503},
	}, a.listBanks)
}

func (a *API) listBanks(ctx context.Context, rq *request, in *listBanksInput) (answer, error) {
	banks, err := a.Banks.Banks(ctx, rq.principal.Tenant, provider.Method(in.Method), in.Currency)
	return showList(payment.BankObjects(banks), false, err)
}
