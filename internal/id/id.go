// Package id makes the names of things: a prefix that says what it is, and 26 characters that sort by time.
//
// The 26 characters are 48 bits of unix milliseconds and 80 bits of randomness in Crockford's base 32, lower case,
// so that text order is time order. Ids of one Source rise strictly, also within a millisecond.
package id

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/florinpay/florin/internal/clock"
)

// Prefix says what an id names.
type Prefix string

// The prefixes of the contract, and those that stay inside.
const (
	Account        Prefix = "acct"
	Payment        Prefix = "pay"
	Attempt        Prefix = "att"
	Refund         Prefix = "ref"
	Capture        Prefix = "cap"
	Void           Prefix = "voi"
	PaymentMethod  Prefix = "pm"
	Customer       Prefix = "cus"
	Token          Prefix = "pm_tok"
	Dispute        Prefix = "dp"
	Answer         Prefix = "da" // to a dispute
	Event          Prefix = "evt"
	Endpoint       Prefix = "we"
	Delivery       Prefix = "wd"
	InboundWebhook Prefix = "iw"
	Transfer       Prefix = "trf"
	Request        Prefix = "req"
	Transaction    Prefix = "txn"
	Key            Prefix = "key"
	Audit          Prefix = "aud"
	DeviceSession  Prefix = "ds"
	Recovery       Prefix = "wr"
	Order          Prefix = "ord"
	Destination    Prefix = "dst"
	Payout         Prefix = "po"
	PayoutBatch    Prefix = "pob"
	Process        Prefix = "proc"
	Policy         Prefix = "rp"  // of routing
	PolicyVersion  Prefix = "rpv" // of routing
	Maintenance    Prefix = "mw"  // of a provider
	KillSwitch     Prefix = "ks"
	Break          Prefix = "brk" // of recon
)

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// bodySize is how many characters follow the prefix and the underscore; the first timeSize of them are the time.
const (
	bodySize = 26
	timeSize = 10
)

// Source makes ids. It is safe for concurrent use.
type Source struct {
	clock  clock.Clock
	random io.Reader

	mu   sync.Mutex
	last [16]byte
	pool [512]byte // randomness read ahead: one system call makes many ids
	left int
}

// NewSource makes a source of ids. The randomness is crypto/rand.Reader in production and a seeded reader in a simulation.
func NewSource(c clock.Clock, random io.Reader) *Source { return &Source{clock: c, random: random} }

// System is a source for production.
func System() *Source { return NewSource(clock.System{}, rand.Reader) }

// New makes an id. It panics if the randomness ends, as crypto/rand itself does.
func (s *Source) New(p Prefix) string {
	s.mu.Lock()
	raw := s.next()
	s.mu.Unlock()
	out := make([]byte, 0, len(p)+1+bodySize)
	out = append(out, p...)
	out = append(out, '_')
	return string(appendBody(out, raw))
}

// next is the current millisecond with fresh randomness, or the id before it plus one if the millisecond is the same
// or the clock went back.
func (s *Source) next() [16]byte {
	var raw [16]byte
	ms := uint64(s.clock.Now().UnixMilli())
	binary.BigEndian.PutUint64(raw[:8], ms<<16)
	if string(raw[:6]) <= string(s.last[:6]) && s.last != [16]byte{} {
		raw = s.last
		for i := 15; i >= 0; i-- {
			raw[i]++
			if raw[i] != 0 {
				break
			}
		}
	} else {
		copy(raw[6:], s.draw(10))
		raw[6] &= 0x7f // head room: rising by one within a millisecond never reaches the time
	}
	s.last = raw
	return raw
}

func (s *Source) draw(n int) []byte {
	if s.left < n {
		if _, err := io.ReadFull(s.random, s.pool[:]); err != nil {
			panic(fmt.Sprintf("id: randomness ended: %v", err))
		}
		s.left = len(s.pool)
	}
	s.left -= n
	return s.pool[s.left : s.left+n]
}

// appendBody writes 128 bits as 26 characters of five bits, the first of which carries three.
func appendBody(out []byte, raw [16]byte) []byte {
	hi, lo := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	for shift := 125; shift >= 0; shift -= 5 {
		var five uint64
		switch {
		case shift >= 64:
			five = hi >> (shift - 64)
		case shift > 59:
			five = hi<<(64-shift) | lo>>shift
		default:
			five = lo >> shift
		}
		out = append(out, alphabet[five&31])
	}
	return out
}

// Has tells whether s is a whole id with this prefix: what an edge asks before it looks a thing up.
func Has(s string, p Prefix) bool {
	body, ok := strings.CutPrefix(s, string(p)+"_")
	if !ok || len(body) != bodySize || body[0] > '7' {
		return false
	}
	for i := range len(body) {
		if strings.IndexByte(alphabet, body[i]) < 0 {
			return false
		}
	}
	return true
}

// Floor is the smallest id of a prefix at a time: ids made at or after t sort at or after it.
func Floor(p Prefix, t time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(t.UnixMilli())<<16)
	return string(appendBody([]byte(string(p)+"_"), raw))
}

// Time is the millisecond in which a whole id with this prefix was made; false if s is none. An id made while the clock went
// back tells the time before that.
func Time(s string, p Prefix) (time.Time, bool) {
	if !Has(s, p) {
		return time.Time{}, false
	}
	var ms int64
	for _, c := range s[len(p)+1:][:timeSize] {
		ms = ms<<5 | int64(strings.IndexRune(alphabet, c))
	}
	return time.UnixMilli(ms).UTC(), true
}
