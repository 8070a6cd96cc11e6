package idempotency

import (
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
)

// Table holds the keys that were seen. Its rows are pruned by created_at.
var Table = &db.Table{
	Name: "idempotency",
	Columns: []db.Column{
		{Name: "merchant_id", Kind: db.Text},
		{Name: "key_hash", Kind: db.Bytes},
		{Name: "request_hash", Kind: db.Bytes},
		{Name: "subject", Kind: db.Text},
		{Name: "status", Kind: db.Int}, // 0: not answered yet
		{Name: "content_type", Kind: db.Text},
		{Name: "answer", Kind: db.Bytes, Null: true},
		{Name: "created_at", Kind: db.Int},
	},
	Key:       2,
	Versioned: true,
}

// Record is what is known of a key.
type Record struct {
	Merchant    string
	Subject     string // the id of what the first request makes; empty if it makes nothing
	Done        bool   // the answer is there
	Status      int    // HTTP
	ContentType string
	Answer      []byte // the first answer, byte for byte
	StartedAt   time.Time

	key     []byte
	request []byte
	version int64
}

// Start is the record of a first request. Started gives its row for the Change that goes before the work; once that is
// committed, Answered gives the row for the Change with the result.
func (k Key) Start(now time.Time, subject string) Record {
	return Record{Merchant: k.Merchant, Subject: subject, StartedAt: now, key: k.scope(), request: k.request(), version: 1}
}

// Started is the row of a first request that is not answered yet. Committing it fails with fault.Exists if the key was
// taken meanwhile: then Find says by what.
func (k Key) Started(now time.Time, subject string) db.Row { return k.Start(now, subject).Started() }

// Once is the row of a request that is decided and answered in one Change. It fails as Started does.
func (k Key) Once(now time.Time, subject string, status int, contentType string, body []byte) db.Row {
	return k.Start(now, subject).done(status, contentType, body).insert()
}

// Started is the row that takes the key.
func (r Record) Started() db.Row { return r.insert() }

// Answered is the row with the answer, for a record that Start made and whose row is committed, or that Find gave.
// Committing it fails with fault.Stale if the key was answered meanwhile. It panics if the record is answered already.
func (r Record) Answered(status int, contentType string, body []byte) db.Row {
	if r.Done {
		panic("idempotency: a second answer to one key")
	}
	return Table.Update(r.version, r.done(status, contentType, body).values()...)
}

// InUse is the refusal of a repeat while the first request still runs.
func (r Record) InUse(retryAfter time.Duration) error {
	return &fault.Error{
		Kind: fault.InUse, Code: CodeKeyInUse, Param: Header, RetryAfter: retryAfter,
		Detail: "the first request with this Idempotency-Key still runs",
	}
}

func (r Record) done(status int, contentType string, body []byte) Record {
	if body == nil {
		body = []byte{}
	}
	r.Done, r.Status, r.ContentType, r.Answer = true, status, contentType, body
	return r
}

func (r Record) insert() db.Row { return Table.Insert(r.values()...) }

func (r Record) values() []any {
	var answer any
	if r.Done {
		answer = r.Answer
	}
	return []any{r.Merchant, r.key, r.request, r.Subject, int64(r.Status), r.ContentType, answer, r.StartedAt.UnixMicro()}
}
