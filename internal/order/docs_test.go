package order

import (
	"os"
	"strings"
	"testing"
)

func TestTheStatesOfTheDocumentAreThoseOfTheCode(t *testing.T) {
	table := "|---|---|\n"
	for _, from := range []Status{
		Open, PartiallyPaid, Paid, Expired, Canceled,
	} {
		table += "| `" + string(from) + "` |"
		for _, to := range moves[from] {
			table += " `" + string(to) + "`"
		}
		table += " |\n"
	}
	text, err := os.ReadFile("../../docs/rails.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), table+"\n") {
		t.Errorf("the document does not have\n%s", table)
	}
}
