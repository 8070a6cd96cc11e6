package dispute

import (
	"os"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/provider"
)

func TestTheStatesOfTheDocumentAreThoseOfTheCode(t *testing.T) {
	table := "|---|---|\n"
	for _, from := range []provider.DisputeStatus{
		provider.DisputeNeedsResponse, provider.DisputeUnderReview, provider.DisputeWon, provider.DisputeLost, provider.DisputeAccepted, provider.DisputeExpired,
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
