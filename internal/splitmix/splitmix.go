// Package splitmix makes numbers that look random and are the same each time: on every machine, with every release of Go. Whoever knows the
// seed knows them all, so nothing that must not be guessed is made of them.
package splitmix

// step is what a stream's state grows by from number to number: 2^64 by the golden ratio, made odd.
const step = 0x9e3779b97f4a7c15

// Stream is a row of numbers by SplitMix64, after Steele, Lea and Flood. Its value is its state, and at first its seed.
type Stream uint64

// Next is the next number.
func (s *Stream) Next() uint64 {
	n := Mix(uint64(*s))
	*s += step
	return n
}

// Mix is the first number of the stream with a seed.
func Mix(seed uint64) uint64 {
	x := seed + step
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
