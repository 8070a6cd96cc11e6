package paycode

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"

	qrcode "github.com/skip2/go-qrcode"

	"github.com/florinpay/florin/internal/fault"
)

// MaxPayload is how many bytes an image carries. A phone still reads it from a screen: 121 modules a side at the most.
const MaxPayload = 1024

// MaxScale is how many pixels a module of a PNG has at the most.
const MaxScale = 16

// modules is a QR code (ISO/IEC 18004) of a payload, at error correction level M, which EPC069-12 demands and Pix and UPI advise: rows
// of modules, true for a dark one, with a quiet zone of four light ones around. The same payload has the same modules.
func modules(payload string) ([][]bool, error) {
	if payload == "" || len(payload) > MaxPayload {
		return nil, unreadable("must have 1 to %d bytes to be drawn", MaxPayload)
	}
	code, err := qrcode.New(payload, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("draw a payment code: %w", err)
	}
	return code.Bitmap(), nil // once only: the library pads its data anew each time
}

// PNG draws a payload with scale pixels a module, 1 to MaxScale: in black on white, one bit a pixel.
func PNG(payload string, scale int) ([]byte, error) {
	if scale < 1 || scale > MaxScale {
		return nil, fault.Wrong("scale", fault.CodeInvalid, "must be 1 to "+strconv.Itoa(MaxScale))
	}
	rows, err := modules(payload)
	if err != nil {
		return nil, err
	}
	side := len(rows) * scale
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x, dark := range rows[y/scale] {
			if dark {
				start := picture.PixOffset(x*scale, y)
				for i := range scale {
					picture.Pix[start+i] = 1
				}
			}
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("draw a payment code: %w", err)
	}
	return b.Bytes(), nil
}

// SVG draws a payload in any size: the view box counts modules. title is what a screen reader says instead; it must not be empty.
func SVG(payload, title string) ([]byte, error) {
	if strings.TrimSpace(title) == "" {
		return nil, fault.Wrong("title", fault.CodeInvalid, "must not be empty")
	}
	rows, err := modules(payload)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" role="img" shape-rendering="crispEdges"><title>`, len(rows))
	if err := xml.EscapeText(&b, []byte(title)); err != nil {
		return nil, fmt.Errorf("draw a payment code: %w", err)
	}
	fmt.Fprintf(&b, `</title><rect width="%[1]d" height="%[1]d" fill="#fff"/><path d="`, len(rows))
	for y, row := range rows {
		writeRuns(&b, y, row)
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}

// writeRuns writes each run of dark modules of a row as a rectangle one module high.
func writeRuns(b *bytes.Buffer, y int, row []bool) {
	for x := 0; x < len(row); x++ {
		start := x
		for x < len(row) && row[x] {
			x++
		}
		if width := x - start; width > 0 {
			fmt.Fprintf(b, "M%d %dh%dv1h-%dz", start, y, width, width)
		}
	}
}
