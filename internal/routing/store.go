package routing

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
)

//go:embed migrations/*.sql
var migrations embed.FS

var policyTable = &db.Table{Name: "routing_policy", Key: 2, IDs: id.Policy, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "id"}, {Name: "name"}, {Name: "latest", Kind: db.Int}, {Name: "created_at", Kind: db.Int}, {Name: "updated_at", Kind: db.Int},
}}

var versionTable = &db.Table{Name: "routing_policy_version", Key: 3, IDs: id.PolicyVersion, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "policy_id"}, {Name: "number", Kind: db.Int}, {Name: "id"}, {Name: "status"}, {Name: "document"},
	{Name: "created_by"}, {Name: "created_at", Kind: db.Int}, {Name: "published_at", Kind: db.Int, Null: true},
}}

var publishedTable = &db.Table{Name: "routing_published", Key: 1, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "policy_id"}, {Name: "number", Kind: db.Int}, {Name: "published_by"}, {Name: "published_at", Kind: db.Int},
}}

var experimentTable = &db.Table{Name: "routing_experiment", Key: 3, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "policy_id"}, {Name: "name"}, {Name: "looks", Kind: db.Int}, {Name: "control", Kind: db.Int},
	{Name: "control_approved", Kind: db.Int}, {Name: "challenger", Kind: db.Int}, {Name: "challenger_approved", Kind: db.Int},
	{Name: "looked_at", Kind: db.Int}, {Name: "stopped_at", Kind: db.Int, Null: true},
}}

var tallyTable = &db.Table{Name: "routing_tally", Key: 4, Versioned: true, Columns: []db.Column{
	{Name: "merchant_id"}, {Name: "policy_id"}, {Name: "name"}, {Name: "process"}, {Name: "control", Kind: db.Int},
	{Name: "control_approved", Kind: db.Int}, {Name: "challenger", Kind: db.Int}, {Name: "challenger_approved", Kind: db.Int}, {Name: "updated_at", Kind: db.Int},
	{Name: "folded_at", Kind: db.Int, Null: true},
}}

// Schema is routing's tables.
var Schema = db.Schema{Package: "routing", Migrations: migrations,
	Tables: []*db.Table{policyTable, versionTable, publishedTable, experimentTable, tallyTable}}

// store reads policies and what became of them, and turns them into rows.
type store struct{ db *db.DB }

// policy is a merchant's policy, whatever its versions say.
type policy struct {
	merchant, id, name string
	latest             int64
	created, updated   time.Time
	version            int64 // of the row
}

func (p policy) row() db.Row {
	return policyTable.Write(p.version, p.merchant, p.id, p.name, p.latest, db.Micros(p.created), db.Micros(p.updated))
}

func scanPolicy(r db.Scanner) (policy, error) {
	var p policy
	var created, updated int64
	err := r.Scan(&p.merchant, &p.id, &p.name, &p.latest, &created, &updated, &p.version)
	p.created, p.updated = db.Time(created), db.Time(updated)
	return p, err
}

// Status is what a version is to its merchant's payments.
type Status string

// The statuses. A version that was published and is no longer is retired, until it is published again.
const (
	Draft     Status = "draft"
	Published Status = "published"
	Retired   Status = "retired"
)

// edition is one version of a policy.
type edition struct {
	merchant, policy   string
	number             int64
	id                 string
	status             Status
	document           Document
	by                 string
	created, published time.Time
	version            int64 // of the row
}

func (e edition) row() (db.Row, error) {
	text, err := json.Marshal(e.document)
	if err != nil {
		return db.Row{}, fmt.Errorf("write version %d of %s: %w", e.number, e.policy, err)
	}
	return versionTable.Write(e.version, e.merchant, e.policy, e.number, e.id, string(e.status), string(text), e.by,
		db.Micros(e.created), db.MicrosOrNil(e.published)), nil
}

func scanEdition(r db.Scanner) (edition, error) {
	var e edition
	var text string
	var created int64
	var published *int64
	if err := r.Scan(&e.merchant, &e.policy, &e.number, &e.id, &e.status, &text, &e.by, &created, &published, &e.version); err != nil {
		return edition{}, err
	}
	e.created, e.published = db.Time(created), db.NullTime(published)
	if err := json.Unmarshal([]byte(text), &e.document); err != nil {
		return edition{}, fmt.Errorf("read version %d of %s: %w", e.number, e.policy, err)
	}
	return e, nil
}

// pointer is the version by which a merchant's payments are routed. None has no policy: nothing was ever published, or it was withdrawn.
type pointer struct {
	merchant, policy string
	number           int64
	by               string
	at               time.Time
	version          int64 // of the row; 0: there is none
}

func (p pointer) routes() bool { return p.policy != "" }

func (p pointer) row() db.Row {
	return publishedTable.Write(p.version, p.merchant, p.policy, p.number, p.by, db.Micros(p.at))
}

func scanPointer(r db.Scanner) (pointer, error) {
	var p pointer
	var at int64
	err := r.Scan(&p.merchant, &p.policy, &p.number, &p.by, &at, &p.version)
	p.at = db.Time(at)
	return p, err
}

// verdict is how far an experiment was judged.
type verdict struct {
	merchant, policy, name string
	looks                  int64
	tally                  Tally // at the last look
	at, stopped            time.Time
	version                int64 // of the row; 0: nobody has looked
}

func (v verdict) row() db.Row {
	t := v.tally
	return experimentTable.Write(v.version, v.merchant, v.policy, v.name, v.looks, t.Control, t.ControlApproved, t.Challenger, t.ChallengerApproved,
		db.Micros(v.at), db.MicrosOrNil(v.stopped))
}

func scanVerdict(r db.Scanner) (verdict, error) {
	var v verdict
	var at int64
	var stopped *int64
	t := &v.tally
	err := r.Scan(&v.merchant, &v.policy, &v.name, &v.looks, &t.Control, &t.ControlApproved, &t.Challenger, &t.ChallengerApproved, &at, &stopped, &v.version)
	v.at, v.stopped = db.Time(at), db.NullTime(stopped)
	return v, err
}

// portion is what a process counted of an experiment, as it is stored.
type portion struct {
	trial
	process string
	tally   Tally
	updated time.Time
	folded  time.Time // it was put into the total, and is empty; zero: it was not
	version int64     // of the row; 0: there is none
}

func (p portion) row() db.Row {
	t := p.tally
	return tallyTable.Write(p.version, p.merchant, p.policy, p.name, p.process, t.Control, t.ControlApproved, t.Challenger, t.ChallengerApproved,
		db.Micros(p.updated), db.MicrosOrNil(p.folded))
}

func scanPortion(r db.Scanner) (portion, error) {
	var p portion
	var updated int64
	var folded *int64
	t := &p.tally
	err := r.Scan(&p.merchant, &p.policy, &p.name, &p.process, &t.Control, &t.ControlApproved, &t.Challenger, &t.ChallengerApproved, &updated, &folded, &p.version)
	p.updated, p.folded = db.Time(updated), db.NullTime(folded)
	return p, err
}

func (s store) policy(ctx context.Context, tenant, id string) (policy, error) {
	p, err := db.Get(ctx, s.db, scanPolicy, policyTable.Select()+" WHERE merchant_id = $1 AND id = $2", tenant, id)
	if fault.Is(err, fault.NotFound) {
		err = fault.Missing("routing policy")
	}
	return p, err
}

func (s store) policies(ctx context.Context, tenant string, p db.Page) ([]policy, bool, error) {
	return db.ListPage(ctx, s.db, policyTable, scanPolicy, tenant, p)
}

func (s store) edition(ctx context.Context, tenant, policy string, number int64) (edition, error) {
	e, err := db.Get(ctx, s.db, scanEdition, versionTable.Select()+" WHERE merchant_id = $1 AND policy_id = $2 AND number = $3", tenant, policy, number)
	if fault.Is(err, fault.NotFound) {
		err = fault.Missing("version of the routing policy")
	}
	return e, err
}

func (s store) editions(ctx context.Context, tenant, policy string, p db.Page) ([]edition, bool, error) {
	return db.ListPage(ctx, s.db, versionTable, scanEdition, tenant, p, db.Filter{Column: "policy_id", Value: policy})
}

// before is the newest version below a number that was published once; fault.NotFound if there is none.
func (s store) before(ctx context.Context, tenant, policy string, number int64) (edition, error) {
	return db.Get(ctx, s.db, scanEdition, versionTable.Select()+
		" WHERE merchant_id = $1 AND policy_id = $2 AND number < $3 AND published_at IS NOT NULL ORDER BY number DESC LIMIT 1", tenant, policy, number)
}

// published is what a merchant has published; one that routes nothing if that is nothing.
func (s store) published(ctx context.Context, tenant string) (pointer, error) {
	p, err := db.Get(ctx, s.db, scanPointer, publishedTable.Select()+" WHERE merchant_id = $1", tenant)
	if fault.Is(err, fault.NotFound) {
		return pointer{merchant: tenant}, nil
	}
	return p, err
}

func (s store) verdicts(ctx context.Context, tenant, policy string) ([]verdict, error) {
	return db.List(ctx, s.db, scanVerdict, experimentTable.Select()+" WHERE merchant_id = $1 AND policy_id = $2 ORDER BY name", tenant, policy)
}

// stopped are the experiments of a policy whose challenger fell back.
func (s store) stopped(ctx context.Context, tenant, policy string) (map[string]bool, error) {
	all, err := s.verdicts(ctx, tenant, policy)
	stopped := map[string]bool{}
	for _, v := range all {
		if !v.stopped.IsZero() {
			stopped[v.name] = true
		}
	}
	return stopped, err
}

func (s store) verdict(ctx context.Context, k trial) (verdict, error) {
	v, err := db.Get(ctx, s.db, scanVerdict, experimentTable.Select()+" WHERE merchant_id = $1 AND policy_id = $2 AND name = $3", k.merchant, k.policy, k.name)
	if fault.Is(err, fault.NotFound) {
		return verdict{merchant: k.merchant, policy: k.policy, name: k.name}, nil
	}
	return v, err
}

// portion is what a process has written of an experiment; one without a version if that is nothing.
func (s store) portion(ctx context.Context, k trial, process string) (portion, error) {
	p, err := db.Get(ctx, s.db, scanPortion, tallyTable.Select()+" WHERE merchant_id = $1 AND policy_id = $2 AND name = $3 AND process = $4", k.merchant, k.policy, k.name, process)
	if fault.Is(err, fault.NotFound) {
		return portion{trial: k, process: process}, nil
	}
	return p, err
}

// quiet are portions, of all tenants, that nobody has added to since a time; most of them, the oldest first.
func (s store) quiet(ctx context.Context, since time.Time, most int) ([]portion, error) {
	return db.List(ctx, s.db, scanPortion, tallyTable.Select()+
		" WHERE updated_at < $1 AND folded_at IS NULL AND process <> 'total' ORDER BY updated_at LIMIT $2", db.Micros(since), int64(most))
}

// tally is what all processes counted of an experiment.
func (s store) tally(ctx context.Context, k trial) (Tally, error) {
	return db.Get(ctx, s.db, func(r db.Scanner) (Tally, error) {
		var t Tally
		return t, r.Scan(&t.Control, &t.ControlApproved, &t.Challenger, &t.ChallengerApproved)
	}, `SELECT CAST(COALESCE(SUM(control), 0) AS BIGINT), CAST(COALESCE(SUM(control_approved), 0) AS BIGINT), CAST(COALESCE(SUM(challenger), 0) AS BIGINT),
		CAST(COALESCE(SUM(challenger_approved), 0) AS BIGINT) FROM routing_tally WHERE merchant_id = $1 AND policy_id = $2 AND name = $3`, k.merchant, k.policy, k.name)
}

// sum is what all processes counted of an experiment, by its name.
type sum struct {
	name  string
	tally Tally
}

// sums are what was counted of a policy's experiments, those of which something was counted last first; most of them.
func (s store) sums(ctx context.Context, tenant, policy string, most int) ([]sum, error) {
	return db.List(ctx, s.db, func(r db.Scanner) (sum, error) {
		var one sum
		var last int64
		t := &one.tally
		return one, r.Scan(&one.name, &t.Control, &t.ControlApproved, &t.Challenger, &t.ChallengerApproved, &last)
	}, `SELECT name, CAST(SUM(control) AS BIGINT), CAST(SUM(control_approved) AS BIGINT), CAST(SUM(challenger) AS BIGINT), CAST(SUM(challenger_approved) AS BIGINT),
		MAX(updated_at) FROM routing_tally WHERE merchant_id = $1 AND policy_id = $2 GROUP BY name ORDER BY MAX(updated_at) DESC, name LIMIT $3`, tenant, policy, int64(most))
}
