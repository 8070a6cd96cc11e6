package sim

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// What a reader of Go says of a history means nothing to who wrote the file. These words name its fields, and what may stand there.

const (
	wantsTime   = "must be a time such as 2026-11-22T12:00:00Z"
	wantsWhole  = "must be a whole number of minor units"
	wantsSwitch = "must be true or false"
)

// wanted is what a field of a kind may hold.
var wanted = map[reflect.Kind]string{
	reflect.String: "must be a text",
	reflect.Int64:  wantsWhole,
	reflect.Bool:   wantsSwitch,
}

// wantedOf is the same of the fields of which the fault may be within.
var wantedOf = map[string]string{"candidates": "must be a list of texts", "metadata": "must be an object of texts"}

// wordedJSON is why a line is no recorded payment.
func wordedJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	var when *time.ParseError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return fmt.Errorf("must be a JSON object, not %s", article(wrong.Value))
	case errors.As(err, &wrong):
		path := strings.Split(wrong.Field, ".") // an embedded struct stands in it, too
		field := path[len(path)-1]
		if wants, ok := wantedOf[field]; ok {
			return fmt.Errorf("%s %s", field, wants)
		}
		return fmt.Errorf("%s %s, not %s", field, wanted[wrong.Type.Kind()], article(wrong.Value))
	case errors.As(err, &when):
		return errors.New("at " + wantsTime)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("ends before its JSON object does")
	}
	if field, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		return fmt.Errorf("there is no field %s", field)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return errors.New("is no JSON: " + syntax.Error())
	}
	return errors.New("at " + wantsTime) // the only field that reads itself
}

// article is JSON's word for a value, in a sentence. Of a number the value itself is there.
func article(value string) string {
	if number, ok := strings.CutPrefix(value, "number "); ok {
		return number
	}
	return map[string]string{"array": "a list", "object": "an object", "string": "a text", "number": "a number", "bool": "true or false"}[value]
}

// wordedLine is why lines of JSON cannot be read on.
func wordedLine(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("is longer than %d bytes", maxLine)
	}
	return err
}

// wordedCSV is why a row cannot be read.
func wordedCSV(err error) error {
	var broken *csv.ParseError
	switch {
	case !errors.As(err, &broken):
		return err
	case errors.Is(err, csv.ErrFieldCount):
		return fmt.Errorf("line %d: must have as many fields as line 1 has", broken.Line)
	case errors.Is(err, csv.ErrQuote), errors.Is(err, csv.ErrBareQuote):
		return fmt.Errorf("line %d: a quotation mark is not where it may be: it stands at both ends of a field, and twice within one", broken.Line)
	}
	return fmt.Errorf("line %d: %w", broken.Line, broken.Err)
}
