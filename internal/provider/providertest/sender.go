package providertest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/florinpay/florin/internal/vault"
)

// Card is a test card that the Sender fills in. Empty fields count as absent.
type Card struct{ Number, ExpMonth, ExpYear, CVC, Name, Cryptogram string }

// Sender stands in for the vault in a connector's tests: it fills card fields, signs, sends, and tells apart what was
// not sent, with the promises of vault.Request and vault.ErrNotSent. It masks nothing and asks for no origin.
type Sender struct {
	Client *http.Client    // nil: http.DefaultClient
	Cards  map[string]Card // by token
	Sent   func(vault.Request, []byte)
}

// Send fills the request and sends it.
func (s Sender) Send(ctx context.Context, r vault.Request) (vault.Response, error) {
	body, err := s.fill(r)
	if err != nil {
		return vault.Response{}, fmt.Errorf("%w: %w", vault.ErrNotSent, err)
	}
	if s.Sent != nil {
		s.Sent(r, body)
	}
	ctx, cancel := context.WithTimeout(ctx, cmpOr(r.Timeout, 30*time.Second))
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(string(body)))
	if err != nil {
		return vault.Response{}, fmt.Errorf("%w: %w", vault.ErrNotSent, err)
	}
	for name, value := range r.Header {
		request.Header.Set(name, value.Reveal())
	}
	if err := sign(request, r.Sign, body); err != nil {
		return vault.Response{}, fmt.Errorf("%w: %w", vault.ErrNotSent, err)
	}
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		if !connected.Load() {
			return vault.Response{}, fmt.Errorf("%w: %w", vault.ErrNotSent, err)
		}
		return vault.Response{}, fmt.Errorf("send to %s: %w", request.URL.Host, err)
	}
	answer, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		return vault.Response{}, fmt.Errorf("close the answer of %s: %w", request.URL.Host, err)
	}
	if err != nil {
		return vault.Response{}, fmt.Errorf("read the answer of %s: %w", request.URL.Host, err)
	}
	return vault.Response{Status: response.StatusCode, Header: response.Header, Body: answer}, nil
}

func cmpOr(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (s Sender) fill(r vault.Request) ([]byte, error) {
	card, known := s.Cards[r.Card]
	if !known && r.Card != "" {
		return nil, fmt.Errorf("no test card %q", r.Card)
	}
	var body []byte
	for _, segment := range r.Body {
		if segment.Field == vault.NoField {
			body = append(body, segment.Literal...)
			continue
		}
		if r.Card == "" {
			return nil, fmt.Errorf("the request has a card field but names no card")
		}
		value := card.field(segment.Field)
		switch {
		case value == "" && segment.Optional:
			continue
		case value == "":
			return nil, fmt.Errorf("the card has no field %d", segment.Field)
		}
		encoded, err := encode(value, segment)
		if err != nil {
			return nil, err
		}
		body = append(body, segment.Before...)
		body = append(body, encoded...)
		body = append(body, segment.After...)
	}
	return body, nil
}

func (c Card) field(f vault.Field) string {
	switch f {
	case vault.Number:
		return c.Number
	case vault.ExpMonth:
		return c.ExpMonth
	case vault.ExpYear:
		return c.ExpYear
	case vault.ExpYear2:
		return c.ExpYear[len(c.ExpYear)-2:]
	case vault.CVC:
		return c.CVC
	case vault.Name:
		return c.Name
	case vault.Cryptogram:
		return c.Cryptogram
	}
	return ""
}

func encode(value string, s vault.Segment) (string, error) {
	if s.Length != vault.NoLength {
		return "", fmt.Errorf("the test sender has no length prefixes")
	}
	switch s.Encoding {
	case vault.ASCII:
		return value, nil
	case vault.JSON:
		quoted, err := json.Marshal(value)
		if err != nil {
			return "", fmt.Errorf("encode a card field: %w", err)
		}
		return string(quoted[1 : len(quoted)-1]), nil
	case vault.Form:
		return url.QueryEscape(value), nil
	case vault.XML:
		var out strings.Builder
		if err := xml.EscapeText(&out, []byte(value)); err != nil {
			return "", fmt.Errorf("encode a card field: %w", err)
		}
		return out.String(), nil
	}
	return "", fmt.Errorf("the test sender has no encoding %d", s.Encoding)
}

func sign(r *http.Request, s *vault.Signature, body []byte) error {
	if s == nil {
		return nil
	}
	if s.Scheme != "hmac-sha256-hex" {
		return fmt.Errorf("the test sender has no signature scheme %q", s.Scheme)
	}
	mac := hmac.New(sha256.New, []byte(s.Key.Reveal()))
	mac.Write(body)
	r.Header.Set(s.Header, hex.EncodeToString(mac.Sum(nil)))
	return nil
}
