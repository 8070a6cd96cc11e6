package event

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/secret"
)

var endpointTable = &db.Table{Name: "webhook_endpoint", Key: 2, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "url"}, {Name: "filters"}, {Name: "status"},
	{Name: "disabled_reason"}, {Name: "disabled_at", Kind: db.Int, Null: true}, {Name: "description"}, {Name: "ordering"},
	{Name: "concurrency", Kind: db.Int}, {Name: "rate_limit", Kind: db.Int},
	{Name: "sealed", Kind: db.Bytes}, {Name: "metadata"}, {Name: "created_at", Kind: db.Int},
}}

// MaxEndpoints is how many endpoints a tenant may have.
const MaxEndpoints = 100

// mostEndpoints is how many are read. Creations that meet each other may go beyond MaxEndpoints by a few, and none of those may hear
// nothing.
const mostEndpoints = 2 * MaxEndpoints

// ErrTooManyEndpoints refuses one more.
var ErrTooManyEndpoints = fault.New(fault.Conflict, "too_many_endpoints", "a merchant may have 100 webhook endpoints")

// sealedEndpoint is what is kept secret of an endpoint, as it is sealed.
type sealedEndpoint struct {
	Secrets []sealedSecret    `json:"secrets"`
	Headers map[string]string `json:"headers,omitempty"`
	Chain   string            `json:"certificate,omitempty"`
	Key     string            `json:"key,omitempty"`
}

type sealedSecret struct {
	Secret    string    `json:"secret"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// EndpointRows are the inserts of a new endpoint and its lane, its secrets sealed.
func (s *Store) EndpointRows(e Endpoint) ([]db.Row, error) {
	values, err := s.endpointValues(e)
	if err != nil {
		return nil, err
	}
	return []db.Row{
		endpointTable.Insert(values...),
		laneTable.Insert(laneValues(Lane{Merchant: e.Merchant, Endpoint: e.ID, Paused: e.Status != Enabled})...),
	}, nil
}

// EndpointUpdate is the compare-and-set of an endpoint that was read.
func (s *Store) EndpointUpdate(e Endpoint) (db.Row, error) {
	values, err := s.endpointValues(e)
	if err != nil {
		return db.Row{}, err
	}
	return endpointTable.Update(e.Version, values...), nil
}

func (s *Store) endpointValues(e Endpoint) ([]any, error) {
	sealed, err := s.seal(e)
	if err != nil {
		return nil, fmt.Errorf("seal the secrets of %s: %w", e.ID, err)
	}
	metadata, err := json.Marshal(e.Metadata)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", e.ID, err)
	}
	return []any{
		e.Merchant, e.ID, e.URL, strings.Join(e.Filters, " "), string(e.Status), string(e.DisabledReason), db.MicrosOrNil(e.DisabledAt), e.Description,
		string(e.Ordering), e.Concurrency, e.RateLimit, sealed, string(metadata), db.Micros(e.CreatedAt),
	}, nil
}

func (s *Store) seal(e Endpoint) ([]byte, error) {
	plain := sealedEndpoint{Headers: map[string]string{}, Chain: e.Certificate, Key: e.CertificateKey.Reveal()}
	for _, one := range e.Secrets {
		plain.Secrets = append(plain.Secrets, sealedSecret{one.Secret.Reveal(), one.CreatedAt, one.ExpiresAt})
	}
	for name, value := range e.Headers {
		plain.Headers[name] = value.Reveal()
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	return s.box.Seal(text, secretContext(e))
}

func (s *Store) unseal(e *Endpoint, sealed []byte) error {
	text, err := s.box.Open(sealed, secretContext(*e))
	if err != nil {
		return err
	}
	var plain sealedEndpoint
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	for _, one := range plain.Secrets {
		e.Secrets = append(e.Secrets, SigningSecret{secret.New(one.Secret), one.CreatedAt, one.ExpiresAt})
	}
	e.Headers = make(map[string]secret.Text, len(plain.Headers))
	for name, value := range plain.Headers {
		e.Headers[name] = secret.New(value)
	}
	e.Certificate, e.CertificateKey = plain.Chain, secret.New(plain.Key)
	return nil
}

func secretContext(e Endpoint) []byte { return []byte(e.Merchant + " " + e.ID) }

// scanEndpoint reads an endpoint. What is behind its columns goes into more.
func (s *Store) scanEndpoint(r db.Scanner, more ...any) (Endpoint, error) {
	var e Endpoint
	var created int64
	var disabled *int64
	var filters, metadata string
	var sealed []byte
	into := []any{&e.Merchant, &e.ID, &e.URL, &filters, &e.Status, &e.DisabledReason, &disabled, &e.Description,
		&e.Ordering, &e.Concurrency, &e.RateLimit, &sealed, &metadata, &created, &e.Version}
	if err := r.Scan(append(into, more...)...); err != nil {
		return Endpoint{}, err
	}
	e.Filters, e.CreatedAt, e.DisabledAt = strings.Fields(filters), db.Time(created), db.NullTime(disabled)
	if err := s.unseal(&e, sealed); err != nil {
		return Endpoint{}, fmt.Errorf("open the secrets of %s: %w", e.ID, err)
	}
	return e, json.Unmarshal([]byte(metadata), &e.Metadata)
}

func (s *Store) scanOneEndpoint(r db.Scanner) (Endpoint, error) { return s.scanEndpoint(r) }

// Endpoints is every endpoint of a tenant that is not deleted, oldest first.
func (s *Store) Endpoints(ctx context.Context, tenant string) ([]Endpoint, error) {
	return db.List(ctx, s.db, s.scanOneEndpoint, endpointTable.Select()+" WHERE merchant_id = $1 AND status <> $2 ORDER BY id LIMIT $3",
		tenant, string(Deleted), int64(mostEndpoints))
}

// Endpoint is one endpoint of a tenant; fault.NotFound if there is none.
func (s *Store) Endpoint(ctx context.Context, tenant, endpoint string) (Endpoint, error) {
	return db.One(ctx, s.db, "webhook endpoint", s.scanOneEndpoint, endpointTable.Select()+" WHERE merchant_id = $1 AND id = $2 AND status <> $3",
		tenant, endpoint, string(Deleted))
}

// standingSelect reads endpoints with their lanes, and when the oldest delivery that waits was made.
var standingSelect = "SELECT " + qualified("e", endpointTable) + ", " + qualified("l", laneTable) + `,
	(SELECT d.created_at FROM webhook_delivery d WHERE d.merchant_id = e.merchant_id AND d.endpoint_id = e.id AND d.state = 'pending' ORDER BY d.id LIMIT 1)
	FROM webhook_endpoint e JOIN webhook_lane l ON l.merchant_id = e.merchant_id AND l.endpoint_id = e.id`

func (s *Store) scanStanding(r db.Scanner) (Standing, error) {
	var lane laneScan
	var oldest *int64
	e, err := s.scanEndpoint(r, append(lane.into(), &oldest)...)
	return Standing{e, lane.lane(), db.NullTime(oldest)}, err
}

// Standings is every endpoint of a tenant that is not deleted with how sending to it goes, oldest first.
func (s *Store) Standings(ctx context.Context, tenant string) ([]Standing, error) {
	return db.List(ctx, s.db, s.scanStanding, standingSelect+" WHERE e.merchant_id = $1 AND e.status <> $2 ORDER BY e.id LIMIT $3",
		tenant, string(Deleted), int64(mostEndpoints))
}

// Standing is one endpoint of a tenant with how sending to it goes; fault.NotFound if there is none.
func (s *Store) Standing(ctx context.Context, tenant, endpoint string) (Standing, error) {
	return db.One(ctx, s.db, "webhook endpoint", s.scanStanding, standingSelect+" WHERE e.merchant_id = $1 AND e.id = $2 AND e.status <> $3",
		tenant, endpoint, string(Deleted))
}

// qualified is all columns of a table under an alias.
func qualified(alias string, t *db.Table) string {
	names := strings.Split(strings.TrimSuffix(strings.TrimPrefix(t.Select(), "SELECT "), " FROM "+t.Name), ", ")
	return alias + "." + strings.Join(names, ", "+alias+".")
}
