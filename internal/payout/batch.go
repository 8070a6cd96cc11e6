package payout

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/money"
)

// MaxBatch is how many payouts a batch has at most: all of them are one Change.
const MaxBatch = 500

// columns are what a batch's file may have. amount and currency are needed, and one way to say where to.
var columns = []string{
	"amount", "currency", "destination_token", "iban", "pix_key", "payid", "vpa", "name", "description", "statement_descriptor",
}

// LineObject tells of one line of a batch.
type LineObject struct {
	Line     int64         `json:"line" doc:"Of the file; the heading is line 1." example:"2"`
	Status   string        `json:"status" enum:"ok,invalid,created,skipped" doc:"created: the payout is made. ok: it would be. invalid: see errors. skipped: it is right, and was not made because others are not."`
	Amount   int64         `json:"amount,omitempty" example:"9232"`
	Currency string        `json:"currency,omitempty" example:"EUR"`
	Payout   string        `json:"payout,omitempty" doc:"The payout that was made of it."`
	Held     bool          `json:"held,omitempty" doc:"A second person must approve it."`
	Arrival  *Window       `json:"estimated_arrival,omitempty"`
	Errors   []FaultObject `json:"errors" doc:"All that is wrong with it."`
}

// FaultObject is one thing that is wrong with a line.
type FaultObject struct {
	Param  string `json:"param,omitempty" doc:"The column." example:"iban"`
	Code   string `json:"code" example:"parameter_invalid"`
	Detail string `json:"detail"`
}

// BatchObject is what became of a batch, line by line.
type BatchObject struct {
	ID       string           `json:"id,omitempty" doc:"By it the payouts are listed; empty if none were made." example:"pob_01jd9qk3v8m2x4r6t7w9y0a1b2"`
	Object   string           `json:"object" enum:"payout_batch"`
	Livemode bool             `json:"livemode"`
	DryRun   bool             `json:"dry_run"`
	Created  int64            `json:"created" doc:"How many payouts were made: all, or none."`
	Invalid  int64            `json:"invalid" doc:"How many lines are wrong."`
	Totals   map[string]int64 `json:"totals" doc:"The sum of all right lines by currency, in minor units."`
	Lines    []LineObject     `json:"lines"`
}

// ObjectID is the id by which the audit trail and an idempotency key name it; empty if no payouts were made.
func (o BatchObject) ObjectID() string { return o.ID }

// Batch makes a payout of every line of a CSV file, or of none: if one line is wrong, or the balance does not suffice for all, nothing is
// made, and the report says of every line what is wrong. A dry run makes nothing in any case. It fails with fault.Invalid on "csv" if the
// file cannot be read as one.
func (s *Service) Batch(ctx context.Context, tenant, by, file string, dryRun bool, with func(*db.Change, BatchObject) error) (BatchObject, error) {
	report := BatchObject{Object: "payout_batch", Livemode: id.Live(tenant), DryRun: dryRun, Totals: map[string]int64{}, Lines: []LineObject{}}
	rows, err := readCSV(file)
	if err != nil {
		return report, err
	}
	batch := s.IDs.New(id.PayoutBatch)
	var drafts []draft
	var of []int // which line each draft is of
	for _, row := range rows {
		line := LineObject{Line: row.line, Status: "ok", Errors: []FaultObject{}}
		d, err := s.draftLine(ctx, tenant, by, row, &line)
		if err = line.refused(err); err != nil {
			return report, err
		}
		if len(line.Errors) == 0 {
			d.payout.Batch = batch
			drafts, of = append(drafts, d), append(of, len(report.Lines))
		}
		report.Lines = append(report.Lines, line)
	}
	complete := len(drafts) == len(rows)
	made, faults, err := s.queue(ctx, tenant, drafts, dryRun || !complete, func(c *db.Change, made []Object) error {
		report.ID = batch
		report.tell(made, make([]error, len(made)), of, "created")
		return with(c, report)
	})
	if err != nil {
		return report, err
	}
	if report.ID == "" {
		err = report.tell(made, faults, of, map[bool]string{true: "ok", false: "skipped"}[dryRun])
	}
	return report, err
}

// tell puts into the report what became of the drafts.
func (b *BatchObject) tell(made []Object, faults []error, of []int, status string) error {
	b.Totals, b.Created = map[string]int64{}, 0
	for i, o := range made {
		line := &b.Lines[of[i]]
		if err := line.refused(faults[i]); err != nil {
			return err
		}
		if len(line.Errors) > 0 {
			continue
		}
		line.Status, line.Held, line.Arrival = status, o.Status == Held, o.EstimatedArrival
		b.Totals[o.Currency] += o.Amount
		if status == "created" {
			line.Payout = o.ID
			b.Created++
		}
	}
	b.Invalid = 0
	for _, line := range b.Lines {
		if len(line.Errors) > 0 {
			b.Invalid++
		}
	}
	return nil
}

// refused takes what is wrong with a line; an error that is not the merchant's comes back.
func (l *LineObject) refused(err error) error {
	var e *fault.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &e), e.Kind != fault.Invalid && e.Kind != fault.NotFound && e.Kind != fault.Conflict:
		return err
	}
	l.Status = "invalid"
	for _, f := range e.Fields {
		l.Errors = append(l.Errors, FaultObject{f.Param, f.Code, f.Detail})
	}
	if len(e.Fields) == 0 {
		l.Errors = append(l.Errors, FaultObject{e.Param, e.Code, e.Detail})
	}
	return nil
}

// csvRow is a line of a batch by its columns.
type csvRow struct {
	line   int64
	fields map[string]string
}

func wrongFile(format string, args ...any) error {
	return fault.Wrong("csv", fault.CodeInvalid, fmt.Sprintf(format, args...))
}

// readCSV reads a file with a heading. It fails with fault.Invalid if it is none, has unknown columns, or too many lines.
func readCSV(file string) ([]csvRow, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\ufeff")))
	heading, err := r.Read()
	if err != nil {
		return nil, wrongFile("must begin with a heading that names the columns")
	}
	for i, name := range heading {
		heading[i] = strings.TrimSpace(name)
		if !slices.Contains(columns, heading[i]) {
			return nil, wrongFile("column %d is none of %s", i+1, strings.Join(columns, ", "))
		}
		if slices.Contains(heading[:i], heading[i]) {
			return nil, wrongFile("the column %s stands twice", heading[i])
		}
	}
	for _, needed := range columns[:2] {
		if !slices.Contains(heading, needed) {
			return nil, wrongFile("the column %s is missing", needed)
		}
	}
	var rows []csvRow
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			return nil, wrongFile("line %d: %v", broken.Line, broken.Err)
		}
		if err != nil {
			return nil, wrongFile("cannot be read")
		}
		if len(rows) == MaxBatch {
			return nil, wrongFile("has more than %d payouts", MaxBatch)
		}
		line, _ := r.FieldPos(0)
		row := csvRow{int64(line), map[string]string{}}
		for i, value := range record {
			row.fields[heading[i]] = strings.TrimSpace(value)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, wrongFile("has no payouts")
	}
	return rows, nil
}

// maxAmount is the largest amount: twelve digits.
const maxAmount = 999_999_999_999

// draftLine checks one line.
func (s *Service) draftLine(ctx context.Context, tenant, by string, row csvRow, line *LineObject) (draft, error) {
	f := row.fields
	in := Create{Currency: f["currency"], Destination: f["destination_token"], Description: f["description"], Descriptor: f["statement_descriptor"], By: by}
	var wrong fault.Collect
	var err error
	if in.Amount, err = strconv.ParseInt(f["amount"], 10, 64); err != nil || in.Amount < 1 || in.Amount > maxAmount {
		wrong.Add("amount", fault.CodeInvalid, "must be a whole number of minor units, of at most twelve digits")
	}
	if _, err := money.ParseCurrency(in.Currency); err != nil {
		wrong.Add("currency", fault.CodeCurrency, "must be an ISO 4217 code")
	}
	ways := 0
	for _, way := range []struct {
		column string
		of     Type
	}{{"iban", TypeIBAN}, {"pix_key", TypePIX}, {"payid", TypePayID}, {"vpa", TypeUPI}} {
		if f[way.column] == "" {
			continue
		}
		ways++
		in.To = &DestinationInput{Type: way.of, Name: f["name"], Alias: f[way.column]}
		if way.of == TypeIBAN {
			in.To.IBAN, in.To.Alias = f["iban"], ""
		}
	}
	if in.Destination != "" {
		ways++
	}
	if ways != 1 {
		wrong.Add("destination_token", fault.CodeInvalid, "exactly one of destination_token, iban, pix_key, payid and vpa must be given")
	}
	for name, most := range map[string]int{"name": MaxName, "description": MaxDescription, "statement_descriptor": MaxDescriptor} {
		if len(f[name]) > most {
			wrong.Add(name, fault.CodeInvalid, fmt.Sprintf("must have at most %d bytes", most))
		}
	}
	if err := wrong.Err(); err != nil {
		return draft{}, err
	}
	line.Amount, line.Currency = in.Amount, in.Currency
	return s.draft(ctx, tenant, in)
}

// Bounds of what is said of a payout.
const (
	MaxName        = 140
	MaxDescription = 500
	MaxDescriptor  = 35
)
