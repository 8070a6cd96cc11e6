package provider

import "fmt"

// Table is which decline code a provider's own words stand for. It is data that a connector comes with.
type Table struct{ codes map[string]DeclineCode }

// NewTable reads a connector's table: {"version", "source", "codes": [{"raw", "code"}]}. It panics if a word is there twice, or stands for a
// code that is not in the contract: such a program must not start.
func NewTable(data []byte) Table { return mustRead(readTable, data) }

func readTable(data []byte) (Table, error) {
	var file struct {
		dataHead
		Codes []struct {
			Raw  string      `json:"raw"`
			Code DeclineCode `json:"code"`
		} `json:"codes"`
	}
	if err := readData(data, &file); err != nil {
		return Table{}, fmt.Errorf("table of declines: %w", err)
	}
	t := Table{codes: map[string]DeclineCode{}}
	for _, c := range file.Codes {
		_, twice := t.codes[c.Raw]
		_, known := matrix.meanings[c.Code]
		if twice || !known || c.Raw == "" {
			return Table{}, fmt.Errorf("table of declines: %q stands for %q, which is not in the contract, or is there twice", c.Raw, c.Code)
		}
		t.codes[c.Raw] = c.Code
	}
	return t, file.check()
}

// Knows tells whether a provider's word is in the table.
func (t Table) Knows(raw string) bool {
	_, known := t.codes[raw]
	return known
}

// Decline is a refusal by a provider's word. One that is not in the table is a generic decline, and says that it was not recognized.
func (t Table) Decline(raw string) Decline {
	if code, known := t.codes[raw]; known {
		return Decline{Code: code, Raw: raw}
	}
	return Decline{Code: GenericDecline, Raw: raw, Unrecognized: true}
}

// Codes are what the table's words stand for.
func (t Table) Codes() map[string]DeclineCode { return t.codes }
