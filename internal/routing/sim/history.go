package sim

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Recorded is a payment of the past, and how its first attempt ended.
type Recorded struct {
	At          time.Time `json:"at"`
	Country     string    `json:"country"`
	BIN         string    `json:"bin"`
	Provider    string    `json:"provider"`     // provider account of the first attempt
	Outcome     string    `json:"outcome"`      // approved, declined or technical
	DeclineCode string    `json:"decline_code"` // normalized; of a declined one
	Amount      int64     `json:"amount"`       // minor units
	Fee         int64     `json:"fee"`          // minor units; what the provider took
	FeeKnown    bool      `json:"-"`            // also one of nothing
	Currency    string    `json:"currency"`
	Candidates  []string  `json:"candidates"` // provider accounts that could have had it; none: all of the file
	Facts
}

// Facts are what else the rules of a policy ask of a payment. What is not known is empty.
type Facts struct {
	Payment    string            `json:"payment"` // its id, by which splits and experiments draw; empty: by lot
	Brand      string            `json:"brand"`
	Funding    string            `json:"funding"`
	Customer   string            `json:"customer"`
	OffSession bool              `json:"off_session"`
	Metadata   map[string]string `json:"metadata"`
}

// The outcomes of a recorded payment.
const (
	ApprovedOutcome  = "approved"
	DeclinedOutcome  = "declined"
	TechnicalOutcome = "technical"
)

// maxLine bounds a line of a history.
const maxLine = 1 << 16

// check says what a recorded payment lacks. before is when the one ahead of it was, codes which decline codes there are; nil: any.
func (r Recorded) check(before time.Time, codes []string) error {
	switch {
	case r.At.IsZero():
		return errors.New("at is missing")
	case r.At.Before(before):
		return fmt.Errorf("at %s is before that of the payment ahead of it: sort the file by time", r.At.Format(time.RFC3339Nano))
	case r.Provider == "":
		return errors.New("provider is missing")
	case r.Outcome != ApprovedOutcome && r.Outcome != DeclinedOutcome && r.Outcome != TechnicalOutcome:
		return fmt.Errorf("outcome must be approved, declined or technical, not %q", r.Outcome)
	case r.Outcome != DeclinedOutcome && r.DeclineCode != "":
		return errors.New("only a declined payment has a decline_code")
	case r.DeclineCode != "" && codes != nil && !slices.Contains(codes, r.DeclineCode):
		return fmt.Errorf("there is no decline_code %q: there are %s", r.DeclineCode, strings.Join(codes, ", "))
	case r.Amount < 0 || r.Fee < 0:
		return errors.New("amount and fee cannot be negative")
	case (r.Amount > 0 || r.Fee > 0) && r.Currency == "":
		return errors.New("an amount or a fee needs a currency")
	case len(r.Candidates) > 0 && !slices.Contains(r.Candidates, r.Provider):
		return fmt.Errorf("provider %s is not among its candidates", r.Provider)
	}
	return nil
}

// ReadJSONLines reads a history with one JSON object a line. codes are the decline codes that there are; nil: any. The first fault ends it,
// with its line.
func ReadJSONLines(in io.Reader, codes []string) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		var before time.Time
		n := 0
		for lines.Scan() {
			n++
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			var r Recorded
			err := decodeLine(lines.Bytes(), &r)
			if err == nil {
				err = r.check(before, codes)
			}
			if err != nil {
				yield(r, fmt.Errorf("line %d: %w", n, err))
				return
			}
			before = r.At
			if !yield(r, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Recorded{}, fmt.Errorf("line %d: %w", n+1, wordedLine(err)))
		}
	}
}

func decodeLine(line []byte, r *Recorded) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return wordedJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one object")
	}
	return nil
}

// columns are how a field of CSV is read.
var columns = map[string]func(r *Recorded, text string) error{
	"at": func(r *Recorded, text string) (err error) {
		if r.At, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return errors.New(wantsTime)
		}
		return nil
	},
	"country":      func(r *Recorded, text string) error { r.Country = text; return nil },
	"bin":          func(r *Recorded, text string) error { r.BIN = text; return nil },
	"provider":     func(r *Recorded, text string) error { r.Provider = text; return nil },
	"outcome":      func(r *Recorded, text string) error { r.Outcome = text; return nil },
	"decline_code": func(r *Recorded, text string) error { r.DeclineCode = text; return nil },
	"amount":       func(r *Recorded, text string) error { return integer(&r.Amount, text) },
	"fee":          func(r *Recorded, text string) error { return integer(&r.Fee, text) },
	"currency":     func(r *Recorded, text string) error { r.Currency = text; return nil },
	"payment":      func(r *Recorded, text string) error { r.Payment = text; return nil },
	"brand":        func(r *Recorded, text string) error { r.Brand = text; return nil },
	"funding":      func(r *Recorded, text string) error { r.Funding = text; return nil },
	"customer":     func(r *Recorded, text string) error { r.Customer = text; return nil },
	"off_session": func(r *Recorded, text string) (err error) {
		if text != "" {
			if r.OffSession, err = strconv.ParseBool(text); err != nil {
				return errors.New(wantsSwitch)
			}
		}
		return nil
	},
	"candidates": func(r *Recorded, text string) error {
		if text != "" {
			r.Candidates = strings.Split(text, "|")
		}
		return nil
	},
}

func integer(field *int64, text string) (err error) {
	if text != "" {
		if *field, err = strconv.ParseInt(text, 10, 64); err != nil {
			return errors.New(wantsWhole)
		}
	}
	return nil
}

// ReadCSV reads a history with a line of column names ahead. The candidates of a payment are separated by |. codes are as of ReadJSONLines.
func ReadCSV(in io.Reader, codes []string) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		rows := csv.NewReader(in)
		rows.ReuseRecord = true
		names, err := header(rows)
		if err != nil {
			yield(Recorded{}, err)
			return
		}
		var before time.Time
		for {
			row, err := rows.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var r Recorded
			if err = wordedCSV(err); err == nil {
				r, err = readRow(rows, names, row, before, codes)
			}
			if err != nil {
				yield(r, err)
				return
			}
			before = r.At
			if !yield(r, nil) {
				return
			}
		}
	}
}

func header(rows *csv.Reader) ([]string, error) {
	names, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("line 1: the column names are missing")
	}
	if err != nil {
		return nil, wordedCSV(err)
	}
	names = slices.Clone(names)
	for i, name := range names {
		if columns[name] == nil {
			return nil, fmt.Errorf("line 1: there is no column %q", name)
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("line 1: column %s is there twice", name)
		}
	}
	for _, name := range []string{"at", "provider", "outcome"} {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("line 1: column %s is missing", name)
		}
	}
	return names, nil
}

func readRow(rows *csv.Reader, names, row []string, before time.Time, codes []string) (r Recorded, err error) {
	line, _ := rows.FieldPos(0)
	for i, text := range row {
		if err := columns[names[i]](&r, text); err != nil {
			return r, fmt.Errorf("line %d: %s %w", line, names[i], err)
		}
	}
	if err := r.check(before, codes); err != nil {
		return r, fmt.Errorf("line %d: %w", line, err)
	}
	return r, nil
}
