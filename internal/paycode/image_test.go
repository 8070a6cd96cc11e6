package paycode

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/florinpay/florin/internal/fault"
)

// drawn are payloads of every rail and of every length that a code may have.
func drawn(t *testing.T) []string {
	t.Helper()
	long := swiss(t)
	long.Name, long.Remittance, long.Information = strings.Repeat("ü", 40), strings.Repeat("é", 60), strings.Repeat("x", 60)
	var codes []string
	for _, c := range []interface{ Payload() (string, error) }{sale(t), charge(), invoice(t), swiss(t), long, chai(t)} {
		code, err := c.Payload()
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, code)
	}
	return append(codes, "1", "A1", strings.Repeat("Ω", MaxPayload/2))
}

// TestAnIndependentDecoderReadsTheImages holds PNG images against zbar.
func TestAnIndependentDecoderReadsTheImages(t *testing.T) {
	zbarimg, err := exec.LookPath("zbarimg")
	if err != nil {
		t.Skip("images of payment codes are not decoded: there is no zbarimg (Debian: zbar-tools)")
	}
	for i, code := range drawn(t) {
		for _, scale := range []int{3, 8} {
			file := filepath.Join(t.TempDir(), "code.png")
			if err := os.WriteFile(file, drawPNG(t, code, scale), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			run := exec.CommandContext(t.Context(), zbarimg, "--quiet", "--nodbus", "--raw", "--oneshot", "-Sbinary", file)
			run.Stderr = &said
			got, err := run.Output()
			if err != nil || string(got) != code {
				t.Errorf("code %d at %d pixels is read as %q, want %q: %v %s", i, scale, got, code, err, &said)
			}
		}
	}
}

func drawPNG(t *testing.T, code string, scale int) []byte {
	t.Helper()
	file, err := PNG(code, scale)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// dark are the modules of a PNG, of which each is scale pixels wide and high and all of one colour.
func dark(t *testing.T, file []byte, scale int) [][]bool {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	size := picture.Bounds().Size()
	if size.X != size.Y || size.X%scale != 0 || picture.Bounds().Min != (image.Point{}) {
		t.Fatalf("%v at %d pixels a module", picture.Bounds(), scale)
	}
	rows := make([][]bool, size.Y/scale)
	for y := range rows {
		rows[y] = make([]bool, size.X/scale)
		for x := range rows[y] {
			rows[y][x] = color.GrayModel.Convert(picture.At(x*scale, y*scale)) == color.Gray{}
			for i := range scale * scale {
				if picture.At(x*scale+i%scale, y*scale+i/scale) != picture.At(x*scale, y*scale) {
					t.Fatalf("the module at %d, %d has two colours", x, y)
				}
			}
		}
	}
	return rows
}

func TestBothImagesShowTheSameModules(t *testing.T) {
	for i, code := range drawn(t) {
		vector, err := SVG(code, "Pay")
		if err != nil {
			t.Fatal(err)
		}
		for _, scale := range []int{1, 4, MaxScale} {
			if got, want := rasterized(t, vector), dark(t, drawPNG(t, code, scale), scale); !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("code %d is not the same at %d pixels", i, scale)
			}
		}
	}
}

// vectorImage is the SVG as it must be: a title, a light square, one path of dark ones.
type vectorImage struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	ViewBox string   `xml:"viewBox,attr"`
	Role    string   `xml:"role,attr"`
	Edges   string   `xml:"shape-rendering,attr"`
	Title   string   `xml:"title"`
	Ground  struct {
		Width  int    `xml:"width,attr"`
		Height int    `xml:"height,attr"`
		Fill   string `xml:"fill,attr"`
	} `xml:"rect"`
	Paths []struct {
		D string `xml:"d,attr"`
	} `xml:"path"`
}

var rectangle = regexp.MustCompile(`^M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// rasterized draws the path of an SVG into modules. It knows the rectangles that a code has, and fails on anything else.
func rasterized(t *testing.T, file []byte) [][]bool {
	t.Helper()
	var v vectorImage
	if err := xml.Unmarshal(file, &v); err != nil {
		t.Fatal(err)
	}
	side := v.Ground.Width
	if v.ViewBox != fmt.Sprintf("0 0 %d %d", side, side) || v.Ground.Height != side || v.Ground.Fill != "#fff" || len(v.Paths) != 1 {
		t.Fatalf("%+v", v)
	}
	rows := make([][]bool, side)
	for y := range rows {
		rows[y] = make([]bool, side)
	}
	for d := v.Paths[0].D; d != ""; {
		m := rectangle.FindStringSubmatch(d)
		if m == nil || m[3] != m[4] {
			t.Fatalf("%.40q is no rectangle", d)
		}
		var n [3]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1])
		}
		for x := n[0]; x < n[0]+n[2]; x++ {
			if rows[n[1]][x] {
				t.Fatalf("%d, %d is drawn twice", x, n[1])
			}
			rows[n[1]][x] = true
		}
		d = d[len(m[0]):]
	}
	return rows
}

func TestAQuietZoneOfFourModulesIsAround(t *testing.T) {
	for _, code := range drawn(t) {
		rows := dark(t, drawPNG(t, code, 1), 1)
		for y, row := range rows {
			for x, is := range row {
				if outside := min(x, y, len(rows)-1-x, len(rows)-1-y) < 4; outside && is {
					t.Fatalf("%d, %d is dark", x, y)
				}
			}
		}
		if !rows[4][4] {
			t.Error("no finder pattern begins behind it")
		}
	}
}

// TestErrorCorrectionIsLevelM reads the level where a QR code has it: the two bits beside the finder pattern, under the mask 10.
func TestErrorCorrectionIsLevelM(t *testing.T) {
	for _, code := range drawn(t) {
		rows := dark(t, drawPNG(t, code, 1), 1)
		// Format bits 14 and 13 are 00 for M; the mask 101010000010010 turns the first of them.
		if first, second := rows[4+8][4], rows[4+8][4+1]; !first || second {
			t.Errorf("the level is %v, %v", first, second)
		}
	}
}

func TestTheSameCodeIsTheSameImage(t *testing.T) {
	for _, code := range drawn(t) {
		if !bytes.Equal(drawPNG(t, code, 4), drawPNG(t, code, 4)) {
			t.Error("two PNGs differ")
		}
		one, err := SVG(code, "Pay")
		if err != nil {
			t.Fatal(err)
		}
		if other, err := SVG(code, "Pay"); err != nil || !bytes.Equal(one, other) {
			t.Error("two SVGs differ")
		}
	}
}

func TestEveryLengthCanBeDrawn(t *testing.T) {
	for _, character := range []string{"7", "A", "x", "é", "A1x"} {
		for length := 1; length <= MaxPayload; length += 11 {
			code := strings.Repeat(character, length)[:length]
			rows, err := modules(code)
			if err != nil || len(rows) < 21+8 || len(rows) > 121+8 {
				t.Errorf("%d bytes of %q have %d modules a side, %v", length, character, len(rows), err)
			}
		}
	}
}

// TestASEPACodeIsAtMostVersion13, which is 69 modules a side. Source: EPC069-12, section 4.
func TestASEPACodeIsAtMostVersion13(t *testing.T) {
	s := SEPA{Name: strings.Repeat("ü", 70), IBAN: "MT84MALT011000012345MTLCAST001S", Amount: of(t, sepaMostAmount, "EUR"), Remittance: strings.Repeat("x", 125)}
	code, err := s.Payload()
	if err != nil || len(code) != sepaBytes {
		t.Fatalf("%d bytes, %v", len(code), err)
	}
	if rows, err := modules(code); err != nil || len(rows) != 69+8 {
		t.Errorf("%d modules a side, %v", len(rows), err)
	}
}

func TestAScreenReaderSaysTheTitle(t *testing.T) {
	const title = `Pay "Müller & Söhne" <b>now</b>`
	file, err := SVG("1", title)
	if err != nil {
		t.Fatal(err)
	}
	var v vectorImage
	if err := xml.Unmarshal(file, &v); err != nil {
		t.Fatal(err)
	}
	if v.Title != title || v.Role != "img" || v.Edges != "crispEdges" {
		t.Errorf("%+v", v)
	}
}

func TestImagesAreBounded(t *testing.T) {
	const invalid = " " + fault.CodeInvalid
	for _, scale := range []int{-1, 0, MaxScale + 1} {
		_, err := PNG("1", scale)
		mustRefuse(t, err, "scale"+invalid)
	}
	for _, code := range []string{"", strings.Repeat("a", MaxPayload+1)} {
		_, err := PNG(code, 1)
		mustRefuse(t, err, "payload"+invalid)
		_, err = SVG(code, "Pay")
		mustRefuse(t, err, "payload"+invalid)
	}
	_, err := SVG("1", " ")
	mustRefuse(t, err, "title"+invalid)
	// The largest there can be: 129 modules of 16 pixels.
	if file := drawPNG(t, strings.Repeat("a", MaxPayload), MaxScale); len(file) > 64<<10 {
		t.Errorf("a PNG of %d bytes", len(file))
	}
	if file, err := SVG(strings.Repeat("a", MaxPayload), "Pay"); err != nil || len(file) > 128<<10 {
		t.Errorf("an SVG of %d bytes, %v", len(file), err)
	}
}
