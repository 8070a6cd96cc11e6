// Package client is the Go SDK of Florin, the self-hosted payment platform.
//
//	florin, err := client.New("sk_test_dev")
//	payment, err := florin.Payments.Create(ctx, client.CreatePayment{
//		Amount: 9232, Currency: "EUR", PaymentMethodToken: "pm_tok_…",
//	})
//
// # What it takes care of
//
// Every POST and PATCH carries an Idempotency-Key, the same one over all tries of one call. So a call is repeated
// safely when the network fails, when the server is overloaded (429, 502, 503, 504), and when the first try of the same
// key still runs (409 idempotency_key_in_use). A decision is never repeated: a decline (402), a wrong field (400), a state
// that does not allow it (409) come back at once, as [*Error]. [WithRetries] bounds the tries, the context bounds the time.
//
// When the tries are used up and the outcome is unknown, the error is a [*TransportError] with the key of the call:
// repeat the call with [WithIdempotencyKey] to learn what happened, also from another process, within 24 hours.
//
// # Forward compatibility
//
// Fields that this version does not know are ignored, and a status, code or type that it does not know is kept as the
// string it came as. A switch over one of them needs a default case.
//
// Amounts are integers in the currency's minor unit: 9232 with EUR is 92.32, with JPY it is 9232.
//
// A [Client] is safe for concurrent use. It never logs or prints a body or a key.
package client
