package dispute

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
)

const aPDF = "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"

func recordSubject(into *string) func(*db.Change, payment.Heard) error {
	return func(_ *db.Change, h payment.Heard) error { *into = h.Subject; return nil }
}

func picture(t *testing.T) (aPNG, aJPEG []byte) {
	t.Helper()
	var p, j bytes.Buffer
	canvas := image.NewGray(image.Rect(0, 0, 2, 2))
	if err := png.Encode(&p, canvas); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&j, canvas, nil); err != nil {
		t.Fatal(err)
	}
	return p.Bytes(), j.Bytes()
}

func TestFilesAreWhatTheyAreSaidToBe(t *testing.T) {
	aPNG, aJPEG := picture(t)
	for _, c := range []struct {
		name, kind string
		body       []byte
		want       fault.Kind // Internal: it is taken
	}{
		{"a.pdf", "application/pdf", []byte(aPDF), fault.Internal},
		{"a.png", "image/png", aPNG, fault.Internal},
		{"a.jpeg", "image/jpeg", aJPEG, fault.Internal},
		{"a.txt", "text/plain", []byte("Delivered on Monday.\r\n\tSigned: Zoë\n"), fault.Internal},
		{"a.pdf", "application/pdf", aPNG, fault.Invalid},
		{"a.pdf", "application/pdf", []byte("MZ\x90\x00 a program"), fault.Invalid},
		{"a.pdf", "application/pdf", []byte("%PDF-1.4 that never ends"), fault.Invalid},
		{"a.png", "image/png", aJPEG, fault.Invalid},
		{"a.png", "image/png", aPNG[:12], fault.Invalid},
		{"a.png", "image/png", []byte("\x89PNG\r\n\x1a\n<script>alert(1)</script>"), fault.Invalid},
		{"a.jpeg", "image/jpeg", []byte("\xff\xd8\xff\xe0 not really"), fault.Invalid},
		{"a.txt", "text/plain", []byte("<!DOCTYPE html><script>alert(1)</script>"), fault.Invalid},
		{"a.txt", "text/plain", []byte("bell \a"), fault.Invalid},
		{"a.txt", "text/plain", []byte{0xff, 0xfe, 'a', 0}, fault.Invalid},
		{"a.txt", "text/plain", []byte(aPDF), fault.Invalid},
		{"a.txt", "text/plain", []byte("the card was 4242 4242 4242 4242"), fault.Invalid},
		{"a.txt", "text/plain", nil, fault.Invalid},
		{"a.html", "text/html", []byte("<html>"), fault.Kind(255)},
		{"../a.pdf", "application/pdf", []byte(aPDF), fault.Invalid},
		{"", "application/pdf", []byte(aPDF), fault.Invalid},
		{strings.Repeat("a", 81), "application/pdf", []byte(aPDF), fault.Invalid},
		{"big.txt", "text/plain", bytes.Repeat([]byte("a"), MaxFile+1), fault.TooLarge},
		{"full.txt", "text/plain", bytes.Repeat([]byte("a"), MaxFile), fault.Internal},
	} {
		err := checkFile(c.name, c.kind, c.body)
		switch {
		case c.want == fault.Kind(255) && err != nil && !fault.Is(err, fault.Invalid):
		case c.want == fault.Internal && err == nil:
		case c.want != fault.Internal && fault.Is(err, c.want):
		default:
			t.Errorf("%s as %s, %.20q: %v", c.name, c.kind, c.body, err)
		}
	}
}

func TestEvidenceIsSealedShownAndTakenBack(t *testing.T) {
	eachDesk(t, func(k *desk) {
		id := k.tell(chargeback(k.pay(), 10_000), payment.Applied)
		put := func(name, kind, body string) Object {
			k.Helper()
			o, err := k.PutFile(k.Context(), shop, id, name, kind, []byte(body), nothing)
			if err != nil {
				k.Fatal(err)
			}
			return o
		}
		put("b.txt", "text/plain", "first")
		put("a.pdf", "application/pdf", aPDF)
		o := put("b.txt", "text/plain", "second")
		if len(o.EvidenceFiles) != 2 || o.EvidenceFiles[0].Name != "a.pdf" || o.EvidenceFiles[1].Size != 6 {
			k.Errorf("files %+v", o.EvidenceFiles)
		}
		if f, body, err := k.File(k.Context(), shop, id, "b.txt"); err != nil || string(body) != "second" || f.SHA256 == "" {
			k.Errorf("%+v %q, %v", f, body, err)
		}
		c, err := k.store.content(k.Context(), shop, id, "a.pdf")
		if err != nil || bytes.Contains(c.sealed, []byte("PDF")) || len(c.sealed) == 0 {
			k.Errorf("it lies in the open: %q, %v", c.sealed, err)
		}
		if o, err = k.RemoveFile(k.Context(), shop, id, "a.pdf", nothing); err != nil || len(o.EvidenceFiles) != 1 {
			k.Errorf("%+v, %v", o.EvidenceFiles, err)
		}
		if c, err := k.store.content(k.Context(), shop, id, "a.pdf"); err != nil || len(c.sealed) != 0 {
			k.Errorf("what was taken back is kept: %q, %v", c.sealed, err)
		}
		for _, name := range []string{"a.pdf", "none.pdf"} {
			if _, _, err := k.File(k.Context(), shop, id, name); !fault.Is(err, fault.NotFound) {
				k.Errorf("%s: %v", name, err)
			}
			if _, err := k.RemoveFile(k.Context(), shop, id, name, nothing); !fault.Is(err, fault.NotFound) {
				k.Errorf("%s: %v", name, err)
			}
		}
		put("a.pdf", "application/pdf", aPDF) // again, under a name that was taken back
		for i := range maxFiles - 2 {
			put(fmt.Sprintf("%d.txt", i), "text/plain", "x")
		}
		if _, err := k.PutFile(k.Context(), shop, id, "more.txt", "text/plain", []byte("x"), nothing); !fault.Is(err, fault.Invalid) {
			k.Errorf("one too many: %v", err)
		}
		put("a.pdf", "application/pdf", aPDF)
		if _, err := k.PutFile(k.Context(), "acct_other:test", id, "a.txt", "text/plain", []byte("x"), nothing); !fault.Is(err, fault.NotFound) {
			k.Errorf("another merchant's: %v", err)
		}
	})
}

func TestTextsAreMergedAndSealed(t *testing.T) {
	eachDesk(t, func(k *desk) {
		id := k.tell(chargeback(k.pay(), 10_000), payment.Applied)
		for _, texts := range []map[string]string{{"explanation": "one", "customer_name": "Zoë"}, {"explanation": "two"}, {"customer_name": ""}} {
			if _, err := k.SetTexts(k.Context(), shop, id, texts, nothing); err != nil {
				k.Fatal(err)
			}
		}
		texts, files, err := k.Texts(k.Context(), shop, id)
		if err != nil || len(texts) != 1 || texts["explanation"] != "two" || len(files) != 0 {
			k.Errorf("%v %v, %v", texts, files, err)
		}
		o, err := k.Get(k.Context(), shop, id)
		if err != nil || len(o.EvidenceFields) != 1 || o.EvidenceFields[0] != "explanation" {
			k.Errorf("%v, %v", o.EvidenceFields, err)
		}
		c, err := k.store.content(k.Context(), shop, id, textsName)
		if err != nil || bytes.Contains(c.sealed, []byte("two")) {
			k.Errorf("it lies in the open: %q, %v", c.sealed, err)
		}
	})
}
