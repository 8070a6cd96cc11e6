package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/florinpay/florin/client"
)

// florin answers like a server: cards of pm_tok_poor have no money.
func florin() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.Contains(string(body), "pm_tok_poor"):
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusPaymentRequired)
			fmt.Fprint(w, `{"status":402,"code":"card_declined","decline_code":"insufficient_funds","retry":"later","retry_after":86400,"payment":"pay_2"}`)
		case strings.HasSuffix(r.URL.Path, "/refund"):
			fmt.Fprint(w, `{"id":"ref_1","payment":"pay_1","amount":1000,"currency":"EUR","status":"succeeded"}`)
		case r.Method == http.MethodGet:
			fmt.Fprint(w, `{"data":[{"id":"pay_2","status":"failed"},{"id":"pay_1","status":"captured"}],"has_more":false}`)
		default:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"id":"pay_1","status":"captured","amount":9232,"currency":"EUR"}`)
		}
	}))
}

func Example() {
	server := florin() // yours: client.New("sk_test_dev") talks to `florin dev`
	defer server.Close()
	ctx := context.Background()

	pay, err := client.New("sk_test_dev", client.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	payment, err := pay.Payments.Create(ctx, client.CreatePayment{
		Amount: 9232, Currency: "EUR", PaymentMethodToken: "pm_tok_fine",
		Metadata: map[string]string{"order_id": "ORD-1001"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(payment.ID, payment.Status)

	refund, err := pay.Payments.Refund(ctx, payment.ID, client.RefundPayment{Amount: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(refund.ID, refund.Status)
	// Output:
	// pay_1 captured
	// ref_1 succeeded
}

func ExampleError() {
	server := florin()
	defer server.Close()
	pay, err := client.New("sk_test_dev", client.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = pay.Payments.Create(context.Background(), client.CreatePayment{Amount: 9232, Currency: "EUR", PaymentMethodToken: "pm_tok_poor"})
	var refused *client.Error
	if errors.As(err, &refused) && client.IsDeclined(err) {
		fmt.Println(refused.DeclineCode, refused.Retry, refused.RetryAfter, refused.Payment)
	}
	// Output:
	// insufficient_funds later 24h0m0s pay_2
}

func ExamplePaymentService_List() {
	server := florin()
	defer server.Close()
	pay, err := client.New("sk_test_dev", client.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	for payment, err := range pay.Payments.List(context.Background(), client.ListPayments{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(payment.ID, payment.Status)
	}
	// Output:
	// pay_2 failed
	// pay_1 captured
}

func ExampleWebhooks() {
	hooks, err := client.NewWebhooks([]string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	if err != nil {
		fmt.Println(err)
		return
	}
	http.HandleFunc("POST /florin", func(w http.ResponseWriter, r *http.Request) {
		event, err := hooks.Request(r)
		if err != nil {
			http.Error(w, "not from Florin", http.StatusBadRequest)
			return
		}
		switch event.Type {
		case client.EventPaymentCaptured:
			payment, err := event.Payment()
			if err != nil {
				http.Error(w, "not understood", http.StatusBadRequest)
				return
			}
			fmt.Println("store once by", event.ID, "that", payment.ID, "is paid")
		default: // new types appear: answer 2xx to what you do not need
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
