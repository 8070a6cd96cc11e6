package instant_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/florinpay/florin/internal/paycode"
	"github.com/florinpay/florin/internal/sandbox/instant"
	"github.com/florinpay/florin/internal/sandbox/stage"
	"github.com/florinpay/florin/internal/sandbox/stagetest"
)

type object = stagetest.Object

func newSite(t *testing.T) *stagetest.Site {
	t.Helper()
	return stagetest.New(t, "Instant-Signature", func(o stage.Options) (stagetest.World, error) {
		return instant.Open(filepath.Join(t.TempDir(), "instant.db"), o)
	})
}

var currencies = map[string]string{"pix": "BRL", "payid": "AUD", "upi": "INR", "sepa_qr": "EUR", "fpx": "MYR", "ideal": "EUR"}

func request(reference, method, description string) object {
	return object{"reference": reference, "method": method, "amount": 9232, "currency": currencies[method], "return_url": "https://shop.example/back",
		"descriptor": "SHOE SHOP", "description": description}
}

func started(t *testing.T, s *stagetest.Site, reference, method, description string) object {
	t.Helper()
	status, o := s.Post("/instant/v1/charges", request(reference, method, description))
	if status != http.StatusCreated || o.Text("status") != "active" {
		t.Fatalf("start %s: %d %v", reference, status, o)
	}
	return o
}

func press(t *testing.T, s *stagetest.Site, o object, event string, body any) {
	t.Helper()
	if status, said := s.Post("/control/instant/charges/"+o.Text("id")+"/"+event, body); status != http.StatusOK {
		t.Fatalf("%s: %d %v", event, status, said)
	}
}

func stands(t *testing.T, s *stagetest.Site, o object, status string, received int64) object {
	t.Helper()
	_, now := s.Get("/instant/v1/charges/" + o.Text("id"))
	if now.Text("status") != status || now.Num("amount_received") != received {
		t.Fatalf("the charge stands %v, want %s with %d", now, status, received)
	}
	return now
}

// transfer waits for the webhook of a transfer.
func transfer(t *testing.T, s *stagetest.Site, reference string, amount int64) object {
	t.Helper()
	got := object(s.Hook("transfer.received").Data)
	if got.Text("charge_reference") != reference || got.Num("amount") != amount || got.Text("end_to_end_id") == "" || !strings.Contains(got.Text("payer"), "•") {
		t.Fatalf("transfer %v, want %d for %q", got, amount, reference)
	}
	return got
}

// what a payer scans or copies.
func shown(o object) string {
	if code := o.Text("code"); code != "" {
		return code
	}
	return o.Text("copy_code")
}

func TestEveryCodeIsPaidByWhoeverScansIt(t *testing.T) {
	s := newSite(t)
	for _, method := range []string{"pix", "payid", "upi", "sepa_qr"} {
		for _, static := range []bool{false, true} {
			if static && method != "pix" {
				continue
			}
			reference := fmt.Sprintf("att_%s_%t", method, static)
			body := request(reference, method, "Order 17")
			body["static"] = static
			_, o := s.Post("/instant/v1/charges", body)
			status, paid := s.Post("/control/instant/pay", object{"code": shown(o)})
			if status != http.StatusOK || paid.Text("id") != o.Text("id") || paid.Text("status") != "paid" {
				t.Errorf("%s by scanning %q: %d %v", reference, shown(o), status, paid)
				continue
			}
			transfer(t, s, reference, 9232)
		}
	}
	s.NoHook()
}

func TestCodesAreThoseOfTheirStandards(t *testing.T) {
	s := newSite(t)
	body := request("att_static", "pix", "Order 17")
	body["static"] = true
	_, o := s.Post("/instant/v1/charges", body)
	if p, err := paycode.ParsePix(o.Text("code")); err != nil || p.Amount.String() != "92.32 BRL" || len(p.TxID) != 25 || p.Key == "" || p.MerchantName != "Shoe shop" || o.Text("copy_code") != o.Text("code") {
		t.Errorf("static: %+v, %v", p, err)
	}
	if p, err := paycode.ParsePix(started(t, s, "att_pix", "pix", "Order 17").Text("code")); err != nil || p.URL == "" || !p.Once || p.Key != "" {
		t.Errorf("dynamic: %+v, %v", p, err)
	}
	upi := started(t, s, "att_upi", "upi", "Order 17")
	if u, err := paycode.ParseUPI(upi.Text("deeplink")); err != nil || u.Amount.String() != "92.32 INR" || u.Note != "SHOE SHOP" || u.Reference == "" {
		t.Errorf("link: %+v, %v", u, err)
	}
	if c, err := paycode.ParseSEPA(started(t, s, "att_sepa", "sepa_qr", "Order 17").Text("code")); err != nil || c.Amount.String() != "92.32 EUR" || c.Remittance == "" {
		t.Errorf("SEPA: %+v, %v", c, err)
	}
	if id := started(t, s, "att_payid", "payid", "Order 17"); id.Text("code") != "" || !strings.HasSuffix(id.Text("copy_code"), "@payid.instant.example") {
		t.Errorf("PayID: %v", id)
	}
	press(t, s, object{"id": o.Text("id")}, "pay", nil)
	if e2e := transfer(t, s, "att_static", 9232).Text("end_to_end_id"); len(e2e) != 32 || !strings.HasPrefix(e2e, "E99999999202611221200") {
		t.Errorf("the end-to-end id is %q", e2e)
	}
}

func TestACodeIsPaidInPartsOverTwiceAndLate(t *testing.T) {
	s := newSite(t)
	parts := started(t, s, "att_parts", "pix", "Order")
	press(t, s, parts, "pay", object{"amount": 5000})
	first := transfer(t, s, "att_parts", 5000)
	stands(t, s, parts, "active", 5000)
	press(t, s, parts, "pay", nil)
	if second := transfer(t, s, "att_parts", 4232); second.Text("end_to_end_id") == first.Text("end_to_end_id") {
		t.Error("two transfers have one id")
	}
	if now := stands(t, s, parts, "paid", 9232); len(now["transfers"].([]any)) != 2 {
		t.Errorf("transfers %v", now["transfers"])
	}

	half := started(t, s, "att_half", "pix", "Order")
	press(t, s, half, "pay_part", nil)
	transfer(t, s, "att_half", 4616)
	press(t, s, half, "expire", nil)
	s.Hook("charge.expired")
	stands(t, s, half, "expired", 4616)
	press(t, s, half, "pay", nil)
	transfer(t, s, "att_half", 4616)
	stands(t, s, half, "expired", 9232)

	over := started(t, s, "att_over", "upi", "Order")
	press(t, s, over, "pay_over", nil)
	transfer(t, s, "att_over", 10155)
	stands(t, s, over, "paid", 10155)

	twice := started(t, s, "att_twice", "pix", "Order")
	press(t, s, twice, "pay_twice", nil)
	transfer(t, s, "att_twice", 9232)
	transfer(t, s, "att_twice", 9232)
	stands(t, s, twice, "paid", 18464)

	if status, said := s.Post("/control/instant/charges/"+twice.Text("id")+"/approve", nil); status != http.StatusConflict {
		t.Errorf("a code has no page: %d %v", status, said)
	}
	if status, _ := s.Post("/control/instant/charges/"+twice.Text("id")+"/pay", object{"amount": -1}); status != http.StatusBadRequest {
		t.Errorf("less than nothing is paid: %d", status)
	}
}

func TestScenariosPayByThemselves(t *testing.T) {
	s := newSite(t)
	for scenario, want := range map[string][]int64{"pays": {9232}, "pays_part": {4616}, "pays_over": {10155}, "pays_twice": {9232, 9232}} {
		o := started(t, s, "att_"+scenario, "pix", "SCENARIO "+scenario)
		s.Advance(2 * time.Second)
		for _, amount := range want {
			transfer(t, s, "att_"+scenario, amount)
		}
		if scenario == "pays_part" {
			press(t, s, o, "expire", nil)
			s.Hook("charge.expired")
		}
	}
	late := started(t, s, "att_late", "upi", "SCENARIO pays_late")
	s.Advance(15 * time.Minute)
	s.Hook("charge.expired")
	s.Advance(2 * time.Second)
	transfer(t, s, "att_late", 9232)
	stands(t, s, late, "expired", 9232)

	o := started(t, s, "att_order", "pix", "SCENARIO out_of_order_webhooks")
	press(t, s, o, "pay_part", nil)
	press(t, s, o, "pay", nil)
	if now := transfer(t, s, "att_order", 4616); object(stands(t, s, o, "paid", 9232)["transfers"].([]any)[1].(map[string]any)).Text("end_to_end_id") != now.Text("end_to_end_id") {
		t.Error("the older transfer was told first")
	}
	s.Advance(4 * time.Second)
	transfer(t, s, "att_order", 4616)
	s.NoHook()
}

func TestMoneyWithoutAChargeIsAStray(t *testing.T) {
	s := newSite(t)
	s.Register("other")
	for _, method := range []string{"pix", "payid", "upi", "sepa_qr"} {
		_, code := s.Get("/instant/v1/static_code?method=" + method)
		if status, said := s.Post("/control/instant/pay", object{"code": shown(code)}); status != http.StatusBadRequest || !strings.Contains(said.Text("message"), "amount") {
			t.Errorf("%s without an amount: %d %v", method, status, said)
		}
		status, stray := s.Post("/control/instant/pay", object{"code": shown(code), "amount": 500})
		if status != http.StatusOK || stray.Text("status") != "stray" {
			t.Fatalf("%s: %d %v", method, status, stray)
		}
		in := transfer(t, s, "", 500)
		if in.Text("charge") != "" {
			t.Errorf("it names a charge: %v", in)
		}
		status, back := s.Post("/instant/v1/refunds", object{"reference": "ref_" + method, "transfer": in.Text("end_to_end_id"), "amount": 500})
		if status != http.StatusCreated || back.Text("transfer") != in.Text("end_to_end_id") {
			t.Fatalf("it does not go back: %d %v", status, back)
		}
		if method == "sepa_qr" {
			s.Advance(2 * time.Second)
		}
		s.Hook("refund.succeeded")
	}
	// A code of ours that was changed on the way names nothing that is known.
	_, code := s.Get("/instant/v1/static_code?method=upi")
	status, stray := s.Post("/control/instant/pay", object{"code": code.Text("code") + "&tr=unknown", "amount": 1})
	if status != http.StatusOK || stray.Text("status") != "stray" {
		t.Errorf("an unknown reference: %d %v", status, stray)
	}
	transfer(t, s, "", 1)
	// A code of one merchant that names the charge of another pays neither's.
	first := started(t, s, "att_first", "upi", "Order")
	_, txid, _ := strings.Cut(first.Text("code"), "&tr=")
	txid, _, _ = strings.Cut(txid, "&")
	r := s.Request(t.Context(), http.MethodGet, "/instant/v1/static_code?method=upi", nil)
	r.Header.Set("Authorization", "Bearer other")
	_, others := s.Send(r)
	if status, stray := s.Post("/control/instant/pay", object{"code": others.Text("code") + "&tr=" + txid, "amount": 9232}); status != http.StatusOK || stray.Text("status") != "stray" {
		t.Errorf("another's charge: %d %v", status, stray)
	}
	transfer(t, s, "", 9232)
	stands(t, s, first, "active", 0)
	pix := started(t, s, "att_1", "pix", "Order").Text("code")
	for name, bad := range map[string]string{
		"a broken checksum": pix[:len(pix)-1] + "?", "another's key": "00020101021126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D",
		"another's PayID": "ann@bank.example", "nothing": "", "no charge's PayID": "x@payid.instant.example", "another's link": "upi://pay?pa=ann@bank&pn=Ann&cu=INR",
	} {
		if status, said := s.Post("/control/instant/pay", object{"code": bad, "amount": 500}); status != http.StatusBadRequest || !strings.Contains(said.Text("message"), "code") {
			t.Errorf("%s: %d %v", name, status, said)
		}
	}
	s.NoHook()
}

func TestARepeatIsAnsweredAsAtFirst(t *testing.T) {
	s := newSite(t)
	o := started(t, s, "att_1", "pix", "Order")
	press(t, s, o, "pay", nil)
	transfer(t, s, "att_1", 9232)
	status, again := s.Post("/instant/v1/charges", request("att_1", "pix", "Order"))
	if status != http.StatusCreated || again.Text("code") != o.Text("code") || again.Text("status") != "active" || again.Num("amount_received") != 0 {
		t.Errorf("again: %d %v, at first %v", status, again, o)
	}
	if status, said := s.Post("/instant/v1/charges", request("att_1", "upi", "Order")); status != http.StatusConflict || said.Text("error") != "reference_reused" {
		t.Errorf("another request under it: %d %v", status, said)
	}
	s.Register("other")
	r := s.Request(t.Context(), http.MethodGet, "/instant/v1/charges?reference=att_1", nil)
	r.Header.Set("Authorization", "Bearer other")
	if status, _ := s.Send(r); status != http.StatusNotFound {
		t.Errorf("another account sees it: %d", status)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	s := newSite(t)
	for field, values := range map[string][]any{
		"amount": {0, 99, 10_000_001}, "currency": {"EUR", ""}, "reference": {"", strings.Repeat("r", 129)}, "method": {"card", ""},
		"bank": {"ideal_canal"}, "expires_at": {"2020-01-01T00:00:00Z"}, "description": {"SCENARIO moon"},
	} {
		for _, bad := range values {
			body := request("att_1", "upi", "Order")
			body[field] = bad
			if status, o := s.Post("/instant/v1/charges", body); status != http.StatusBadRequest || !strings.Contains(o.Text("message"), field) {
				t.Errorf("%s %v: %d %v", field, bad, status, o)
			}
		}
	}
	page := request("att_1", "ideal", "Order")
	page["return_url"] = "nowhere"
	if status, o := s.Post("/instant/v1/charges", page); status != http.StatusBadRequest || !strings.Contains(o.Text("message"), "return_url") {
		t.Errorf("a page that leads nowhere: %d %v", status, o)
	}
	if status, _ := s.Post("/instant/v1/refunds", object{"reference": "ref_1", "amount": 1}); status != http.StatusBadRequest {
		t.Errorf("a refund of nothing: %d", status)
	}
	if status, _ := s.Get("/instant/v1/static_code?method=fpx"); status != http.StatusBadRequest {
		t.Errorf("FPX has codes: %d", status)
	}
}
