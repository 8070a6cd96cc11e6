package public

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
)

// look is how a merchant's colour is worn: the ink on it that can be read, and where it needs an edge to be seen at all.
type look struct {
	Color, Ink          string // #rrggbb
	EdgeLight, EdgeDark bool   // on the light and on the dark surface
}

// The colours of our own, and the surfaces that a button lies on.
const (
	gold         = "#ffd75e"
	goldInk      = "#3d2c00"
	white        = "#ffffff"
	black        = "#000000"
	lightSurface = "#ffffff"
	darkSurface  = "#1c1f25"
)

// seen is the least contrast at which the shape of a button is seen. Source: WCAG 2.2, success criterion 1.4.11.
const seen = 3

// lookOf wears a merchant's colour, or ours if it has none. White or black on it always reads: one of the two has a contrast of
// at least 4.58, above the 4.5 of WCAG's level AA.
func lookOf(color string) look {
	if color == "" {
		return look{gold, goldInk, contrast(gold, lightSurface) < seen, contrast(gold, darkSurface) < seen}
	}
	ink := white
	if contrast(color, black) > contrast(color, white) {
		ink = black
	}
	return look{color, ink, contrast(color, lightSurface) < seen, contrast(color, darkSurface) < seen}
}

// Style is the part of the style sheet that differs from merchant to merchant. The colours are checked where they are stored.
func (l look) Style() template.CSS {
	edge := func(drawn bool) string {
		if drawn {
			return "var(--muted)"
		}
		return "transparent"
	}
	return template.CSS(fmt.Sprintf(":root{--brand:%s;--ink:%s;--edge:%s}@media(prefers-color-scheme:dark){:root{--edge:%s}}",
		l.Color, l.Ink, edge(l.EdgeLight), edge(l.EdgeDark))) //nolint:gosec // two of #rrggbb and two of our own words
}

// contrast is the ratio of two colours' luminance, 1 to 21. Source: WCAG 2.2, contrast ratio.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is how bright #rrggbb looks, 0 to 1. Source: WCAG 2.2, relative luminance.
func luminance(color string) float64 {
	part := func(from int) float64 {
		n, err := strconv.ParseUint(color[from:from+2], 16, 8)
		if err != nil {
			return 0 // not a colour that a merchant can have
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(1) + 0.7152*part(3) + 0.0722*part(5)
}
