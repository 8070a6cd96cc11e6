package sim

import (
	"math"

	"github.com/florinpay/florin/internal/splitmix"
)

// dice is a stream of random numbers that its seed makes.
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

func (d *dice) bits() uint64 { return (*splitmix.Stream)(d).Next() }

// unit is from 0 to below 1.
func (d *dice) unit() float64 { return float64(d.bits()>>11) / (1 << 53) }

// within is between -x and x.
func (d *dice) within(x float64) float64 { return (2*d.unit() - 1) * x }

// exponential has the given mean.
func (d *dice) exponential(mean float64) float64 { return -mean * math.Log(1-d.unit()) }
