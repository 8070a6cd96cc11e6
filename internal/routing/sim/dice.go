package sim

import "math"

// dice is a stream of random numbers (SplitMix64): the same seed gives the same stream on every machine and with every release of Go.
type dice uint64

// roll derives a stream from a seed and the numbers that name it.
func roll(seed uint64, names ...uint64) dice {
	d := dice(seed)
	for _, n := range names {
		d = dice(d.bits() ^ n*0xd6e8feb86659fd93)
		d.bits()
	}
	return d
}

func (d *dice) bits() uint64 {
	*d += 0x9e3779b97f4a7c15
	x := uint64(*d)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit is from 0 to below 1.
func (d *dice) unit() float64 { return float64(d.bits()>>11) / (1 << 53) }

// within is between -x and x.
func (d *dice) within(x float64) float64 { return (2*d.unit() - 1) * x }

// exponential has the given mean.
func (d *dice) exponential(mean float64) float64 { return -mean * math.Log(1-d.unit()) }
