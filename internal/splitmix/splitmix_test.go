package splitmix_test

import (
	"testing"

	"github.com/florinpay/florin/internal/splitmix"
)

// The numbers are those that Vigna's public C code gives for this seed, as rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64 lists them.
func TestAStreamIsSplitMix64(t *testing.T) {
	s := splitmix.Stream(1234567)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		if got := s.Next(); got != want {
			t.Errorf("number %d is %d, not %d", i+1, got, want)
		}
	}
	if got := splitmix.Mix(1234567); got != 6457827717110365317 {
		t.Errorf("mixed, the seed is %d", got)
	}
}
