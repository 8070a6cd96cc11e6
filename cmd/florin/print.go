package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// print shows a result: value as JSON with --json, else what text writes, with columns separated by tabs aligned.
func (c *console) print(value any, text func(io.Writer)) error {
	if c.json {
		return writeJSON(c.out, value)
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	text(w)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func writeJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
