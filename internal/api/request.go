package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/florinpay/florin/internal/access"
	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// The headers of the contract, in canonical form so that they can be set without a search.
const (
	headerRequestID  = "Request-Id"
	headerVersion    = "Florin-Version"
	headerRetryAfter = "Retry-After"
	headerChallenge  = "WWW-Authenticate"
)

// request is what is known of one request while it runs.
type request struct {
	*exchange.Exchange
	api       *API
	at        time.Time // it came in
	principal access.Principal
	operation *operation    // nil outside the contract: webhooks, documentation
	query     strict.Faults // what is wrong with the query beside its values
}

type answer = exchange.Answer

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	rq, _ := ctx.Value(requestKey{}).(*request)
	return rq
}

// ServeHTTP gives every request an id and every answer a Request-Id, whatever happens inside.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	exchange.Serve(w, r, a.IDs.New(id.Request), a.Logger, func(x *exchange.Exchange) {
		rq := &request{Exchange: x, api: a, at: a.Clock.Now()}
		x.Done = rq.log
		x.Request = x.Request.WithContext(context.WithValue(x.Request.Context(), requestKey{}, rq))
		if v := x.Request.Header[headerVersion]; len(v) > 0 && (len(v) > 1 || v[0] != Version) {
			x.Refuse(problem.New(problem.CodeVersion, "the only version is "+Version).At(headerVersion))
			return
		}
		a.mux.ServeHTTP(rq, x.Request)
	})
}

// fail answers an error, and logs it if it is ours.
func (rq *request) fail(err error) answer {
	p := problemOf(err)
	if errors.Is(err, errBusy) { // there are thousands in a second when there are any, and florin_api_shed_total counts them
		rq.Expected("request shed", err)
	} else {
		rq.Failed(p, err)
	}
	return rq.Problem(p)
}

// lost answers what no operation does.
func (a *API) lost(_ http.ResponseWriter, r *http.Request) { requestOf(r.Context()).Lost(a.mux) }
