package test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// markedPAN is a published test number that nothing else in these tests uses.
const markedPAN = "4012888888881881"

// TestCardNumbersStayInTheVault sends a marked card number through everything, and to where it does not belong, and searches every file,
// every log line and every row for it.
func TestCardNumbersStayInTheVault(t *testing.T) {
	t.Parallel()
	t.Run("dev", func(t *testing.T) {
		t.Parallel()
		f := installDev(t)
		f.sendMarked(t)
		f.searchMarked(t)
	})
	onBothEngines(t, func(t *testing.T, f *florin) {
		f.sendMarked(t)
		f.searchMarked(t)
		for i, flag := range f.run {
			if (flag == "--database" || flag == "--vault-database") && strings.HasPrefix(f.run[i+1], "postgres") {
				searchRows(t, f.run[i+1])
			}
		}
	})
}

// sendMarked is traffic of every kind with the marked number, wherever a caller may put it, rightly or by mistake.
func (f *florin) sendMarked(t *testing.T) {
	t.Helper()
	hooks := f.listen()
	token := f.token(markedPAN, "Marked Card")
	id := f.pay(token, "marked", 5000, false).want(t, http.StatusCreated, "pay").text("id")
	f.post("/v1/payments/"+id+"/capture", "marked-capture", map[string]any{"amount": 4000, "final": true}).want(t, http.StatusOK, "capture")
	refund := f.post("/v1/payments/"+id+"/refund", "marked-refund", map[string]any{"amount": 1000})
	hooks.wait(id, "payment.captured")
	hooks.wait(refund.text("id"), "refund.succeeded")
	for _, scenario := range []string{"SCENARIO error_500", "SCENARIO down", "SCENARIO duplicate_webhook"} {
		f.pay(f.token(markedPAN, scenario), scenario, 300, true)
	}

	tokens := f.vault + "/v1/tokens"
	wrong := card(markedPAN, "")
	wrong["card"].(map[string]any)["exp_year"] = 1999
	for _, body := range []any{
		wrong, card(markedPAN+"0", ""), card("x"+markedPAN, ""), card("4242424242424242", markedPAN),
		[]byte(`{"card":{"number":` + markedPAN + `}}`), []byte(`{"card":{"number":"` + markedPAN + `"`), []byte(markedPAN),
		map[string]any{markedPAN: 1}, map[string]any{"card": map[string]any{markedPAN: markedPAN}},
	} {
		f.do(request{method: "POST", url: tokens, key: f.public, body: body})
	}
	f.do(request{method: "POST", url: tokens + "/" + markedPAN + "?number=" + markedPAN, key: f.public, body: card(markedPAN, "")})
	f.do(request{method: "POST", url: tokens, key: markedPAN, body: card(markedPAN, "")})

	for _, body := range []any{
		map[string]any{"amount": 1, "currency": "EUR", "payment_method_token": markedPAN},
		map[string]any{"amount": 1, "currency": markedPAN, "payment_method_token": token},
		map[string]any{"amount": 1, "currency": "EUR", "payment_method": card(markedPAN, "")},
		card(markedPAN, ""), map[string]any{markedPAN: markedPAN}, []byte(markedPAN), []byte(`{"amount":` + markedPAN + `}`),
		inText("metadata", map[string]string{"card": markedPAN}, token), inText("metadata", map[string]string{markedPAN: "card"}, token),
		inText("description", "paid by 4012 8888 8888 1881", token), inText("statement_descriptor", "A"+markedPAN, token),
	} {
		if a := f.post("/v1/payments", "", body); a.status != http.StatusBadRequest {
			t.Errorf("a card number in the wrong place was taken: %s", a)
		}
	}
	for path, body := range map[string]map[string]any{
		"/refund": {"amount": 1, "reason": markedPAN}, "/cancel": {"reason": markedPAN}, "/capture": {"amount": markedPAN},
	} {
		if a := f.post("/v1/payments/"+id+path, "", body); a.status != http.StatusBadRequest {
			t.Errorf("a card number in the wrong place was taken: %s", a)
		}
	}
	f.get("/v1/payments/" + markedPAN)
	f.get("/v1/payments?status=" + markedPAN)
	f.do(request{method: "GET", url: f.api + "/v1/balance", key: markedPAN})
	f.do(request{method: "POST", url: f.api + "/in/" + f.account + "/alpha", body: card(markedPAN, "")})
}

// inText is a payment that is right but for one of its texts.
func inText(field string, value any, token string) map[string]any {
	return map[string]any{"amount": 1, "currency": "EUR", "payment_method_token": token, field: value}
}

// forms are those in which a card number could lie somewhere.
func forms(pan string) map[string][]byte {
	groups := slices.Collect(slices.Chunk([]byte(pan), 4))
	found := map[string][]byte{"in plain": []byte(pan), "in hex": []byte(hex.EncodeToString([]byte(pan)))}
	for how, between := range map[string]string{"in groups": " ", "with dashes": "-", "in a form": "+", "in an address": "%20"} {
		found[how] = bytes.Join(groups, []byte(between))
	}
	packed, err := hex.DecodeString(pan)
	if err == nil {
		found["in BCD"] = packed
	}
	// Base 64 has three forms, by where in the text the number begins; the outer characters depend on its neighbours.
	for i := range 3 {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, i), pan...))
		found["in base 64"+strings.Repeat("'", i)] = []byte(strings.TrimRight(encoded, "=")[4 : len(strings.TrimRight(encoded, "="))-2])
	}
	return found
}

func marked(content []byte) string { return holds(content, markedPAN) }

// holds tells in which form a text holds a card number; empty if in none.
func holds(content []byte, pan string) string {
	for how, mark := range forms(pan) {
		if bytes.Contains(bytes.ToLower(content), bytes.ToLower(mark)) && (!strings.HasPrefix(how, "in base 64") || bytes.Contains(content, mark)) {
			return how
		}
	}
	return ""
}

// searchMarked looks into every file and every log.
func (f *florin) searchMarked(t *testing.T) {
	t.Helper()
	var files []string
	for _, p := range slices.Concat(f.past, f.helpers) {
		files = append(files, p.log)
	}
	must(t, filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	if len(files) < 5 {
		t.Fatalf("found %v: that is not all", files)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		if how := marked(content); how != "" {
			t.Errorf("%s holds the card number %s", file, how)
		}
	}
	if a := f.do(request{method: "GET", url: f.sandbox + "/control/transactions?limit=500"}); marked(a.body) != "" {
		t.Error("the simulated acquirers show the card number")
	}
	for _, path := range []string{"/v1/payments", "/v1/refunds", "/v1/events"} {
		if a := f.get(path + "?limit=100"); marked(a.body) != "" {
			t.Errorf("%s shows the card number", path)
		}
	}
}

// searchRows looks into every row of a PostgreSQL database.
func searchRows(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	must(t, err)
	defer func() { must(t, c.Close(ctx)) }()
	names, err := c.Query(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
	must(t, err)
	tables, err := pgx.CollectRows(names, pgx.RowTo[string])
	must(t, err)
	if len(tables) < 2 {
		t.Fatalf("found the tables %v: that is not all", tables)
	}
	for _, table := range tables {
		rows, err := c.Query(ctx, "SELECT x::text FROM "+pgx.Identifier{table}.Sanitize()+" x")
		must(t, err)
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		for _, text := range texts {
			if how := marked([]byte(text)); how != "" {
				t.Errorf("a row of %s holds the card number %s", table, how)
			}
		}
	}
}

func TestTheSearchFindsTheMark(t *testing.T) {
	for _, text := range []string{
		"x" + markedPAN + "y", `{"n":"4012 8888 8888 1881"}`, "n=4012+8888+8888+1881", "?n=4012%208888%208888%201881", hex.EncodeToString([]byte("pan=" + markedPAN)),
		strings.ToUpper(hex.EncodeToString([]byte(markedPAN))), "\x40\x12\x88\x88\x88\x88\x18\x81",
		base64.StdEncoding.EncodeToString([]byte(`{"number":"` + markedPAN + `"}`)), base64.StdEncoding.EncodeToString([]byte(`ab` + markedPAN + `c`)),
		base64.RawURLEncoding.EncodeToString([]byte(markedPAN)),
	} {
		if marked([]byte(text)) == "" {
			t.Errorf("not found in %q", text)
		}
	}
	if how := marked([]byte("4012888888881882 401288******1881")); how != "" {
		t.Errorf("found %s where it is not", how)
	}
}
