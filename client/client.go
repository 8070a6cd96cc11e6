package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Where `florin dev` listens.
const (
	devBaseURL  = "http://127.0.0.1:8080"
	devVaultURL = "http://127.0.0.1:8082"
)

const (
	defaultTimeout = 60 * time.Second
	defaultRetries = 4
)

// Client calls one Florin with one key. Make it with [New] and share it: it is safe for concurrent use.
type Client struct {
	Payments          *PaymentService
	Refunds           *RefundService
	Disputes          *DisputeService
	KillSwitches      *KillSwitchService
	Breaks            *BreakService
	Customers         *CustomerService
	Orders            *OrderService
	PaymentMethods    *PaymentMethodService
	Destinations      *DestinationService
	Payouts           *PayoutService
	Events            *EventService
	WebhookEndpoints  *WebhookEndpointService
	WebhookDeliveries *WebhookDeliveryService
	WebhookRecoveries *WebhookRecoveryService
	InboundWebhooks   *InboundWebhookService
	Balance           *BalanceService
	Ledger            *LedgerService
	APIKeys           *APIKeyService
	AuditLog          *AuditLogService
	ProviderAccounts  *ProviderAccountService
	RoutingPolicies   *RoutingPolicyService
	ManualQueue       *ManualQueueService
	RequestLogs       *RequestLogService
	Tokens            *TokenService
}

// core is what the services share.
type core struct {
	base      *url.URL
	vault     *url.URL                 // nil: not told
	authorize func(header http.Header) // a closure, so that the key is in no field that could be printed
	http      *http.Client
	version   string
	timeout   time.Duration // of one try
	retries   int
	logger    *slog.Logger

	newKey func() string
	wait   func(ctx context.Context, d time.Duration) error
	jitter func(d time.Duration) time.Duration
	now    func() time.Time
}

// Option changes how a Client works.
type Option func(*core) error

// New makes a client for a secret key (sk_…) or a restricted key (rk_…). Without [WithBaseURL] it talks to `florin dev` on this
// machine. It fails if the key is empty or cannot be sent, or if an option is wrong; it does not connect.
func New(key string, options ...Option) (*Client, error) {
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("florin: the key is empty or has characters that no key has")
	}
	c := &core{
		authorize: func(h http.Header) { h.Set("Authorization", "Bearer "+key) },
		timeout:   defaultTimeout,
		retries:   defaultRetries,
		logger:    slog.New(slog.DiscardHandler),
		newKey:    rand.Text,
		wait:      wait,
		jitter:    jitter,
		now:       time.Now,
	}
	for _, option := range options {
		if err := option(c); err != nil {
			return nil, err
		}
	}
	if c.base == nil {
		c.base = mustParse(devBaseURL)
		if c.vault == nil {
			c.vault = mustParse(devVaultURL)
		}
	}
	c.http = withoutRedirects(c.http)
	return &Client{
		Payments:          &PaymentService{c},
		Refunds:           &RefundService{c},
		Disputes:          &DisputeService{c},
		KillSwitches:      &KillSwitchService{c},
		Breaks:            &BreakService{c},
		Customers:         &CustomerService{c},
		Orders:            &OrderService{c},
		PaymentMethods:    &PaymentMethodService{c},
		Destinations:      &DestinationService{c},
		Payouts:           &PayoutService{c},
		Events:            &EventService{c},
		WebhookEndpoints:  &WebhookEndpointService{c},
		WebhookDeliveries: &WebhookDeliveryService{c},
		WebhookRecoveries: &WebhookRecoveryService{c},
		InboundWebhooks:   &InboundWebhookService{c},
		Balance:           &BalanceService{c},
		Ledger:            &LedgerService{c},
		APIKeys:           &APIKeyService{c},
		AuditLog:          &AuditLogService{c},
		ProviderAccounts:  &ProviderAccountService{c},
		RoutingPolicies:   &RoutingPolicyService{c},
		ManualQueue:       &ManualQueueService{c},
		RequestLogs:       &RequestLogService{c},
		Tokens:            &TokenService{c},
	}, nil
}

// WithBaseURL says where the api zone is, such as https://pay.example.com. A path in it is kept as a prefix.
func WithBaseURL(address string) Option {
	return func(c *core) (err error) {
		c.base, err = parseBase(address)
		return err
	}
}

// WithVaultURL says where the vault zone is, for [TokenService.Create].
func WithVaultURL(address string) Option {
	return func(c *core) (err error) {
		c.vault, err = parseBase(address)
		return err
	}
}

// WithHTTPClient sends through a client of the caller's own: for a proxy, a client certificate or an own transport. It
// is copied, and the copy does not follow redirects: a redirect must never carry the key to another host.
func WithHTTPClient(h *http.Client) Option {
	return func(c *core) error {
		if h == nil {
			return errors.New("florin: WithHTTPClient of nil")
		}
		c.http = h
		return nil
	}
}

// WithTimeout bounds one try, from connecting to the last byte of the answer. It is 60 seconds if not set: longer than a
// provider may take, because giving up early leaves the outcome open. The context bounds the call with all its tries.
func WithTimeout(d time.Duration) Option {
	return func(c *core) error {
		if d <= 0 {
			return fmt.Errorf("florin: a timeout of %s", d)
		}
		c.timeout = d
		return nil
	}
}

// WithRetries bounds how often a call is repeated after its first try. It is 4 if not set; 0 never repeats.
func WithRetries(n int) Option {
	return func(c *core) error {
		if n < 0 {
			return fmt.Errorf("florin: %d retries", n)
		}
		c.retries = n
		return nil
	}
}

// WithVersion pins the data version, such as 2026-11-22. Without it the merchant's own holds.
func WithVersion(date string) Option {
	return func(c *core) error {
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return fmt.Errorf("florin: version %q is not a date", date)
		}
		c.version = date
		return nil
	}
}

// WithLogger logs each try at debug level: method, path, status, request id, idempotency key. Never a body, a query or a key.
func WithLogger(l *slog.Logger) Option {
	return func(c *core) error {
		if l == nil {
			return errors.New("florin: WithLogger of nil")
		}
		c.logger = l
		return nil
	}
}

func parseBase(address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil {
		return nil, errors.New("florin: the base URL cannot be read") // the parser's error would quote a password in it
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("florin: a base URL is http(s)://host[:port][/prefix]")
	}
	return u, nil
}

func mustParse(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return u
}

// withoutRedirects copies a client so that a 3xx is an answer, and makes a tuned one of nothing: the default transport
// keeps only two idle connections a host, which a busy server would use up and reconnect all the time.
func withoutRedirects(h *http.Client) *http.Client {
	if h == nil {
		h = &http.Client{Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          256,
			MaxIdleConnsPerHost:   256,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		}}
	}
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
