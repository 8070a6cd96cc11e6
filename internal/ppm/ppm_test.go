package ppm_test

import (
	"testing"

	"github.com/florinpay/florin/internal/ppm"
)

func TestAPartIsRoundedToTheNearestMillionth(t *testing.T) {
	for _, c := range []struct{ part, whole, want int64 }{
		{0, 0, 0}, {0, 7, 0}, {7, 7, ppm.Whole}, {1, 3, 333_333}, {2, 3, 666_667}, {1, 2_000_000, 1}, {1, 2_000_001, 0},
	} {
		if got := ppm.Of(c.part, c.whole); got != c.want {
			t.Errorf("%d of %d: %d, not %d", c.part, c.whole, got, c.want)
		}
	}
}
