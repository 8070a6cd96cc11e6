// Package ppm is about parts of a whole in millionths, which is how Florin counts, stores and shows rates: 814512 is 81.4512 %.
package ppm

// Whole is all of it.
const Whole = 1_000_000

// Of is a part of a whole of things that are counted, rounded; 0 of nothing.
func Of(part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return (part*Whole + whole/2) / whole
}
