// Command receiver prints Florin's webhooks as they come, verified: what an application does with them, on one screen.
//
//	go run ./client/receiver whsec_…
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/florinpay/florin/client"
)

const address = "127.0.0.1:9000"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

// run receives at address by the secrets of an endpoint: one, or two while it is being rotated.
func run(secrets []string) error {
	webhooks, err := client.NewWebhooks(secrets)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, ReadTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := webhooks.Request(r)
		if err != nil {
			fmt.Println("refused:", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Println(event.CreatedAt.Format(time.TimeOnly), event.Type, event.ID)
		w.WriteHeader(http.StatusNoContent)
	})}
	fmt.Println("waiting for webhooks at http://" + address)
	return server.ListenAndServe()
}
