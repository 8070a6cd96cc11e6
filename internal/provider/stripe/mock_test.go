package stripe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/providertest"
	"github.com/florinpay/florin/internal/provider/stripe"
)

// mockStub is stripe-mock, made once: it compiles the whole document.
var mockStub = sync.OnceValues(func() (*server.StubServer, error) {
	text, err := document()
	if err != nil {
		return nil, err
	}
	loaded, err := server.LoadSpec(text, "")
	if err != nil {
		return nil, err
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	return server.NewStubServer(fixtures, loaded, true, false)
})

// exchange is one request as stripe-mock got it and answered it.
type exchange struct {
	method, path string
	values       url.Values
	status       int
	answer       []byte
}

// startMock runs stripe-mock over loopback and notes what it is asked. Its answers are fixed examples of another
// payment, so the connector must doubt them: what counts is whether stripe-mock accepts the request.
func startMock(t *testing.T) (*stripe.Connector, provider.Account, func() []exchange) {
	t.Helper()
	stub, err := mockStub()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []exchange
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a request: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorder := httptest.NewRecorder()
		stub.HandleRequest(recorder, r)
		values := r.URL.Query()
		if r.Method == "POST" {
			if values, err = readForm(r.Header.Get("Content-Type"), body); err != nil {
				t.Errorf("read a form: %v", err)
			}
		}
		mu.Lock()
		seen = append(seen, exchange{r.Method, r.URL.Path, values, recorder.Code, recorder.Body.Bytes()})
		mu.Unlock()
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	})
	mock := httptest.NewServer(handler)
	t.Cleanup(mock.Close)
	sender := providertest.Sender{Client: mock.Client(), Cards: map[string]providertest.Card{
		"pm_tok_1": {Number: "4242424242424242", ExpMonth: "08", ExpYear: "2031", CVC: "123", Name: "Ada Lovelace"},
	}}
	return stripe.New(sender), account(mock.URL), func() []exchange {
		mu.Lock()
		defer mu.Unlock()
		return append([]exchange(nil), seen...)
	}
}

// readForm reads a form of either kind. A file in it is its bytes.
func readForm(kind string, body []byte) (url.Values, error) {
	_, parameters, err := mime.ParseMediaType(kind)
	if err != nil || parameters["boundary"] == "" {
		return url.ParseQuery(string(body))
	}
	values := url.Values{}
	for parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]); ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return values, nil
		} else if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		values.Add(part.FormName(), string(text))
	}
}

// calls are every request that the connector can make.
var calls = map[string]func(*testing.T, *stripe.Connector, provider.Account){
	"sale": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Authorize(t.Context(), a, provider.Authorization{Reference: attempt, Payment: "pay_1", Amount: eur(9232), Capture: true, Card: "pm_tok_1",
			Descriptor: "FLORIN SHOES & MORE", Description: "Order 17"})
	},
	"authorize": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Authorize(t.Context(), a, provider.Authorization{Reference: attempt, Payment: "pay_1", Amount: eur(9232), Card: "pm_tok_1"})
	},
	"authorize with a payer": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Authorize(t.Context(), a, provider.Authorization{Reference: attempt, Payment: "pay_1", Amount: eur(9232), Card: "pm_tok_1",
			ReturnURL: "https://pay.example/3ds/acct_1:test/pay_1/00ff", Indicator: provider.ChallengeMandated})
	},
	"authorize off session": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Authorize(t.Context(), a, provider.Authorization{Reference: attempt, Payment: "pay_1", Amount: eur(9232), Card: "pm_tok_1",
			ReturnURL: "https://pay.example/3ds/acct_1:test/pay_1/00ff", OffSession: true, InitialNetworkReference: "104102978678771"})
	},
	"authorize with an agreement": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Authorize(t.Context(), a, provider.Authorization{Reference: attempt, Payment: "pay_1", Amount: eur(9232), Card: "pm_tok_1",
			ReturnURL: "https://pay.example/3ds/acct_1:test/pay_1/00ff", Stored: true})
	},
	"capture": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Capture(t.Context(), a, provider.Capture{Reference: captureID, Original: "pi_1", Attempt: attempt, Amount: eur(5000)})
	},
	"final capture": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Capture(t.Context(), a, provider.Capture{Reference: captureID, Original: "pi_1", Attempt: attempt, Amount: eur(5000), Final: true})
	},
	"void": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Void(t.Context(), a, provider.Void{Reference: voidID, Original: "pi_1", Attempt: attempt})
	},
	"void by own reference": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Void(t.Context(), a, provider.Void{Reference: voidID, Attempt: attempt})
	},
	"refund": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Refund(t.Context(), a, provider.Refund{Reference: refundID, Original: "pi_1", Attempt: attempt, Amount: eur(1000), Reason: "duplicate"})
	},
	"refund with another reason": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Refund(t.Context(), a, provider.Refund{Reference: refundID, Original: "pi_1", Attempt: attempt, Amount: eur(1000), Reason: "it did not fit"})
	},
	"inquiry": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpAuthorize, Reference: attempt, Attempt: attempt})
	},
	"inquiry by id": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpCapture, Reference: captureID, Original: "pi_1", Attempt: attempt})
	},
	"evidence": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.SubmitEvidence(t.Context(), a, provider.Evidence{
			DisputeAnswer: provider.DisputeAnswer{Reference: answerID, Dispute: disputeID}, Texts: map[string]string{"explanation": "Delivered."},
			Files: []provider.EvidenceFile{{Name: "receipt.pdf", Type: "application/pdf", Body: []byte("%PDF-1.4 & more\n%%EOF\n")}, {Name: "photo.png", Type: "image/png", Body: []byte("png")}},
		})
	},
	"evidence in words": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.SubmitEvidence(t.Context(), a, provider.Evidence{DisputeAnswer: provider.DisputeAnswer{Reference: answerID, Dispute: disputeID}, Texts: everyText()})
	},
	"acceptance": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.AcceptDispute(t.Context(), a, provider.DisputeAnswer{Reference: answerID, Dispute: disputeID})
	},
	"inquiry of a refund": func(t *testing.T, c *stripe.Connector, a provider.Account) {
		c.Inquire(t.Context(), a, provider.Inquiry{Operation: provider.OpRefund, Reference: refundID, Original: "pi_1", Attempt: attempt})
	},
}

func TestStripeMockAndTheDocumentAcceptEveryRequest(t *testing.T) {
	doc := stripeSpec(t)
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			connector, a, seen := startMock(t)
			call(t, connector, a)
			if len(seen()) == 0 {
				t.Fatal("nothing was sent")
			}
			for _, x := range seen() {
				if x.status != 200 {
					t.Errorf("stripe-mock answers %s %s with %d: %s", x.method, x.path, x.status, x.answer)
				}
				if err := requestFaults(doc, x.method, x.path, x.values); err != nil {
					t.Errorf("%s %s: %v", x.method, x.path, err)
				}
			}
		})
	}
}

// stripe-mock takes any parameter below the first level, so the document alone is the referee there.
func TestAParameterThatStripeDoesNotHaveIsFound(t *testing.T) {
	for _, name := range []string{"payment_method_options[card][mit_exemption][network_transaction_id]", "payment_method_options[card][capture]", "shipping[address][planet]"} {
		err := requestFaults(stripeSpec(t), "POST", "/v1/payment_intents", url.Values{"amount": {"1"}, "currency": {"eur"}, name: {"manual"}})
		if err == nil || !strings.Contains(err.Error(), "not documented") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Both referees must be able to say no, or the tests above prove nothing.
func TestStripeMockAndTheDocumentRefuse(t *testing.T) {
	_, a, seen := startMock(t)
	doc := stripeSpec(t)
	for name, form := range map[string]string{
		"misspelled":     "amount=1&currency=eur&captrue_method=manual",
		"missing":        "currency=eur",
		"wrong type":     "amount=much&currency=eur",
		"not an enum":    "amount=1&currency=eur&capture_method=later",
		"nested":         "amount=1&currency=eur&payment_method_options[card][request_multicapture]=always",
		"wrong metadata": "amount=1&currency=eur&metadata=7",
	} {
		t.Run(name, func(t *testing.T) {
			values, err := url.ParseQuery(form)
			if err != nil {
				t.Fatal(err)
			}
			if err := requestFaults(doc, "POST", "/v1/payment_intents", values); err == nil {
				t.Error("the document accepts it")
			}
			request, err := http.NewRequestWithContext(t.Context(), "POST", a.Settings["base_url"]+"/v1/payment_intents", strings.NewReader(form))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer sk_test_1")
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != 400 {
				t.Errorf("stripe-mock answers %d", response.StatusCode)
			}
		})
	}
	for _, x := range seen() {
		if err := answerFaults(doc, "POST", "/v1/payment_intents", x.status, x.answer); err != nil {
			t.Errorf("stripe-mock's own refusal breaks the document: %v", err)
		}
	}
	broken, err := json.Marshal(object{"id": "pi_1", "object": "payment_intent", "created": "yesterday", "livemode": false, "status": "succeeded"})
	if err != nil {
		t.Fatal(err)
	}
	if err := schemaFaults(doc, "payment_intent", broken); err == nil {
		t.Error("the document accepts a broken answer")
	}
}
