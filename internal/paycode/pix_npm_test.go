package paycode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestThePackageOfNpmReadsPixCodes holds codes against pix-utils, which others read Pix codes with.
func TestThePackageOfNpmReadsPixCodes(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Pix codes are not held against the package of npm: there is no node")
	}
	var meant []Pix
	var codes []string
	for i := range 50 {
		p := rapid.Custom(anyPix).Example(i)
		p.MerchantName, p.MerchantCity, p.Description = "Padaria São João", "Brasília", strings.Repeat("pão ", i%9)
		if p.URL != "" || pixAccount-len(p.Key) < 50 {
			p.Description = ""
		}
		code, err := p.Payload()
		if err != nil {
			t.Fatal(err)
		}
		meant, codes = append(meant, p), append(codes, code)
	}
	broken := codes[0][:len(codes[0])-4] + "0000"
	read := readInNode(t, node, append(codes, broken))
	for i, p := range meant {
		if got, want := read[i], asNpm(p); got != want {
			t.Errorf("%s is read as\n%+v, want\n%+v", codes[i], got, want)
		}
	}
	if got := read[len(codes)]; got.Error != "invalid crc" {
		t.Errorf("a broken code is read as %+v", got)
	}
}

// npmPix is what pix-utils reads in a code.
type npmPix struct {
	Error, Type, MerchantCategoryCode, TransactionCurrency, CountryCode, MerchantName, MerchantCity string
	PixKey, InfoAdicional, Txid, Fss, URL                                                           string
	TransactionAmount                                                                               json.Number
}

func asNpm(p Pix) npmPix {
	n := npmPix{Type: "DYNAMIC", MerchantCategoryCode: p.Category, TransactionCurrency: "986", CountryCode: "BR", MerchantName: "Padaria Sao Joao",
		MerchantCity: "Brasilia", URL: p.URL}
	if p.Category == "" {
		n.MerchantCategoryCode = "0000"
	}
	if p.URL != "" {
		return n
	}
	n.Type, n.PixKey, n.Txid, n.Fss = "STATIC", p.Key, p.TxID, p.Facilitator
	n.InfoAdicional = strings.TrimSpace(strings.ReplaceAll(p.Description, "ã", "a"))
	if p.TxID == "" {
		n.Txid = "***"
	}
	// It answers with a number, which has no zeros at its end.
	n.TransactionAmount = json.Number(fmt.Sprintf("%d", p.Amount.Minor()/100))
	if cents := p.Amount.Minor() % 100; cents > 0 {
		n.TransactionAmount += json.Number(strings.TrimRight(fmt.Sprintf(".%02d", cents), "0"))
	}
	return n
}

func readInNode(t *testing.T, node string, codes []string) []npmPix {
	t.Helper()
	input, err := json.Marshal(codes)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), node, "parse.js")
	run.Dir, run.Stdin = "testdata/pixutils", bytes.NewReader(input)
	run.Env = append(run.Environ(), "NODE_PATH=.")
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var read []npmPix
	if err := json.Unmarshal(out, &read); err != nil || len(read) != len(codes) {
		t.Fatalf("%d answers to %d codes, %v", len(read), len(codes), err)
	}
	return read
}
