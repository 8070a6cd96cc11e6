package public

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestContrastIsThatOfTheGuidelines(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{black, white, 21}, {white, white, 1}, {"#777777", white, 4.48}, {"#ff0000", white, 4.00}, {"#2f5fd0", white, 5.72}} {
		if got := contrast(c.a, c.b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: %.2f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

func TestWordsOnAnyColourCanBeRead(t *testing.T) {
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				color := fmt.Sprintf("#%02x%02x%02x", r, g, b)
				if l := lookOf(color); contrast(l.Color, l.Ink) < 4.5 {
					t.Fatalf("%s on %s: %.2f", l.Ink, color, contrast(l.Color, l.Ink))
				}
			}
		}
	}
	if l := lookOf(""); l.Color != gold || contrast(l.Color, l.Ink) < 4.5 {
		t.Errorf("ours: %+v", l)
	}
}

func TestAButtonThatWouldVanishGetsAnEdge(t *testing.T) {
	for color, want := range map[string]string{
		"#ffffff": "--edge:var(--muted)}@media(prefers-color-scheme:dark){:root{--edge:transparent}}",
		"#111111": "--edge:transparent}@media(prefers-color-scheme:dark){:root{--edge:var(--muted)}}",
		"#2f5fd0": "--edge:transparent}@media(prefers-color-scheme:dark){:root{--edge:var(--muted)}}",
		"#d0402f": "--edge:transparent}@media(prefers-color-scheme:dark){:root{--edge:transparent}}",
	} {
		if got := string(lookOf(color).Style()); !strings.HasSuffix(got, want) || !strings.HasPrefix(got, ":root{--brand:"+color+";") {
			t.Errorf("%s: %s", color, got)
		}
	}
}
