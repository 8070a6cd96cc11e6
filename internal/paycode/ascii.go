package paycode

import "unicode"

// toASCII is what fit makes of a character where a rail carries printable ASCII: letters lose their accents, quotes and dashes become
// the plain ones, the rest is left out.
func toASCII(r rune) string {
	switch {
	case r >= ' ' && r <= '~':
		return string(r)
	case unicode.Is(unicode.Zs, r):
		return " "
	}
	return latin[r]
}

// latin is the ASCII of the Latin letters of European and Brazilian names (Unicode's Latin-1 Supplement and Latin Extended-A), and of
// the punctuation that word processors put. A combining accent, as in a decomposed name, is in no list and so left out.
var latin = turned(map[string]string{
	"A": "ÀÁÂÃÄÅĀĂĄ", "C": "ÇĆĈĊČ", "D": "ĎĐÐ", "E": "ÈÉÊËĒĔĖĘĚ", "G": "ĜĞĠĢ", "H": "ĤĦ", "I": "ÌÍÎÏĨĪĬĮİ", "J": "Ĵ", "K": "Ķ", "L": "ĹĻĽĿŁ",
	"N": "ÑŃŅŇŊ", "O": "ÒÓÔÕÖØŌŎŐ", "R": "ŔŖŘ", "S": "ŚŜŞŠȘ", "T": "ŢŤŦȚ", "U": "ÙÚÛÜŨŪŬŮŰŲ", "W": "Ŵ", "Y": "ÝŶŸ", "Z": "ŹŻŽ",
	"a": "àáâãäåāăąª", "c": "çćĉċč", "d": "ďđð", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįı", "j": "ĵ", "k": "ķĸ", "l": "ĺļľŀł",
	"n": "ñńņňŋ", "o": "òóôõöøōŏőº", "r": "ŕŗř", "s": "śŝşšșſ", "t": "ţťŧț", "u": "ùúûüũūŭůűų", "w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	"AE": "Æ", "ae": "æ", "IJ": "Ĳ", "ij": "ĳ", "OE": "Œ", "oe": "œ", "TH": "Þ", "th": "þ", "SS": "ẞ", "ss": "ß",
	"'": "‘’‚′´", `"`: "“”„«»″", "-": "‐‑‒–—−", "...": "…",
})

func turned(lists map[string]string) map[rune]string {
	table := map[rune]string{}
	for ascii, letters := range lists {
		for _, r := range letters {
			table[r] = ascii
		}
	}
	return table
}
