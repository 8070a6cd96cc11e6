package public

import (
	"context"
	"net/http"
	"path"
	"strings"

	"github.com/florinpay/florin/internal/exchange"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/paycode"
)

// codeScale is how many pixels a module of a code's picture is wide: enough to be scanned from a screen.
const codeScale = 8

// code is the picture of the code that a payer scans, for pages of ours and of the merchant's. The ticket in its address says that it
// is for them.
func (p *Public) code(ctx context.Context, v visit) error {
	file := v.r.PathValue("file")
	kind := path.Ext(file)
	draw, ok := pictures[kind]
	if !ok {
		return fault.Missing("picture")
	}
	payload, err := p.Payments.Code(ctx, v.tenant, v.payment, strings.TrimSuffix(file, kind))
	if err != nil {
		return err
	}
	picture, err := draw.of(payload)
	if err != nil {
		return err
	}
	v.x.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	v.x.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	v.x.Answer(exchange.Answer{Status: http.StatusOK, ContentType: draw.contentType, Body: picture})
	return nil
}

// pictures are how a code is drawn, by the ending of its file.
var pictures = map[string]struct {
	contentType string
	of          func(payload string) ([]byte, error)
}{
	".png": {"image/png", func(payload string) ([]byte, error) { return paycode.PNG(payload, codeScale) }},
	".svg": {"image/svg+xml", func(payload string) ([]byte, error) { return paycode.SVG(payload, "Payment code") }},
}
