package vault

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

const (
	describeTimeout = 10 * time.Second
	// hopTime is what the hop may take on top of the exchange: the vault process shall be the one that gives up.
	hopTime = 2 * time.Second
)

var (
	errRemoteURL = errors.New("the vault's URL must be https://host:port")
	errHopAnswer = errors.New("the vault process gave an answer that cannot be read")
)

// Remote is a Vault in a process of its own, over HTTPS with certificates on both sides. It is safe for concurrent use.
type Remote struct {
	client *http.Client
	base   *url.URL
	wrong  error // what is wrong with the URL; every call fails with it
	token  secret.Text
}

// NewRemote reaches the vault whose Internal is served at https://host:port. config holds the client certificate and
// the authority that signed the vault's.
func NewRemote(base string, config *tls.Config, token secret.Text) *Remote {
	r := &Remote{client: NewClient(config), token: token}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		r.wrong = errRemoteURL
		return r
	}
	r.base = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"} // JoinPath makes a relative path of one without a root
	return r
}

// Close lets go of the connections that nobody uses.
func (r *Remote) Close() { r.client.CloseIdleConnections() }

// Describe is Vault.Describe. A vault process that cannot be reached is fault.Unavailable.
func (r *Remote) Describe(ctx context.Context, merchant, token string) (Description, error) {
	var d Description
	err := r.call(ctx, describePath, describeTimeout, wireDescribe{merchant, token}, &d)
	if err == nil && d.Token != token {
		err = errHopAnswer
	}
	if err != nil {
		return Description{}, reachable("describe card", err)
	}
	return d, nil
}

// Forget is Vault.Forget. A vault process that cannot be reached is fault.Unavailable: the card may be gone or not, and to forget it
// again does no harm.
func (r *Remote) Forget(ctx context.Context, merchant, token string) error {
	return reachable("forget card", r.call(ctx, forgetPath, describeTimeout, wireDescribe{merchant, token}, &struct{}{}))
}

// reachable makes of an error that is not the vault process's own that the vault is not available.
func reachable(doing string, err error) error {
	var far *farError
	if err == nil || errors.As(err, &far) {
		return err
	}
	unavailable := &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOverloaded, Detail: "the vault is not available", RetryAfter: time.Second}
	return fmt.Errorf("%s: %w: %w", doing, unavailable, err)
}

// Send is Vault.Send. If the vault process cannot be reached the request was not sent; if the hop dies midway the outcome
// is unknown.
func (r *Remote) Send(ctx context.Context, q Request) (Response, error) {
	timeout := q.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	var out wireResponse
	if err := r.call(ctx, sendPath, timeout+hopTime, newWireRequest(q), &out); err != nil {
		return Response{}, err
	}
	if out.Status == 0 {
		return Response{}, errHopAnswer
	}
	return Response(out), nil
}

// call makes one hop. An error of the vault process comes back as a farError.
func (r *Remote) call(ctx context.Context, path string, timeout time.Duration, in, out any) error {
	if r.wrong != nil {
		return fmt.Errorf("%w: %w", ErrNotSent, r.wrong)
	}
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%w: write to the vault process: %w", ErrNotSent, err)
	}
	body := &payload{data: text} // credentials are in it
	defer body.wipe()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := exchange(ctx, r.client.Transport, message{
		method: http.MethodPost, to: r.base.JoinPath(path), body: body, bound: maxHop,
		header: http.Header{"Authorization": {"Bearer " + r.token.Reveal()}, "Content-Type": {"application/json"}},
	})
	if err != nil {
		return fmt.Errorf("vault process: %w", err)
	}
	if answer.Status == http.StatusOK {
		if err := json.Unmarshal(answer.Body, out); err != nil {
			return errHopAnswer
		}
		return nil
	}
	var w wireError
	if err := json.Unmarshal(answer.Body, &w); err != nil || w.Message == "" {
		return errHopAnswer
	}
	return w.err()
}
