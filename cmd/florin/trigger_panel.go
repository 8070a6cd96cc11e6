package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// panelTimeout bounds one press of a button of the sandbox.
const panelTimeout = 10 * time.Second

// panel is the control API of the sandbox.
type panel struct{ url string }

// press makes something happen to a transaction. It fails if the sandbox does not answer, or says that this cannot happen.
func (p panel) press(ctx context.Context, transaction, button string) error {
	return p.post(ctx, button, nil, "transactions", transaction, button)
}

// post does something at the control API: path is what stands behind /control.
func (p panel) post(ctx context.Context, button string, query url.Values, path ...string) error {
	ctx, cancel := context.WithTimeout(ctx, panelTimeout)
	defer cancel()
	address, err := url.JoinPath(p.url, append([]string{"control"}, path...)...)
	if err != nil {
		return usagef("--sandbox-url: %w", err)
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return usagef("--sandbox-url: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("press %s at the sandbox: %w", button, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("press %s at the sandbox: %w", button, err)
	}
	if response.StatusCode != http.StatusOK {
		var said struct{ Message string }
		_ = json.Unmarshal(body, &said) // not the sandbox's: the status says enough
		return fmt.Errorf("press %s at the sandbox: %d %s", button, response.StatusCode, said.Message)
	}
	return nil
}
