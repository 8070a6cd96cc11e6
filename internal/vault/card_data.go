package vault

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// cardData is a card in the clear, for as long as it takes to fill a request. Wipe it.
type cardData struct {
	number pan
	month  int
	year   int
	name   string
}

func (c cardData) wipe() { c.number.wipe() }

// plainVersion leads what is sealed, so that a later form can be told apart.
const plainVersion = 1

var errPlain = errors.New("sealed card has an unknown form")

// plain is what gets sealed: version, count of digits, digits, month, year, name.
func (c cardData) plain() []byte {
	digits := c.number.digits()
	out := make([]byte, 0, 5+len(digits)+len(c.name))
	out = append(out, plainVersion, byte(len(digits)))
	out = append(out, digits...)
	out = append(out, byte(c.month))
	out = binary.BigEndian.AppendUint16(out, uint16(c.year))
	return append(out, c.name...)
}

// parsePlain reads what plain wrote. The number's digits stay where they are in b: wiping the card wipes them there.
func parsePlain(b []byte) (cardData, error) {
	if len(b) < 2 || b[0] != plainVersion {
		return cardData{}, errPlain
	}
	n := int(b[1])
	if n < minDigits || n > maxDigits || len(b) < 5+n {
		return cardData{}, errPlain
	}
	rest := b[2+n:]
	return cardData{
		number: newPAN(b[2 : 2+n : 2+n]),
		month:  int(rest[0]),
		year:   int(binary.BigEndian.Uint16(rest[1:])),
		name:   string(rest[3:]),
	}, nil
}

// field is a field's characters; empty if the card does not have it. The CVC is not here: it is never stored.
func (c cardData) field(f Field) []byte {
	switch f {
	case Number:
		return c.number.digits()
	case ExpMonth:
		return padded(c.month, 2)
	case ExpYear:
		return padded(c.year, 4)
	case ExpYear2:
		return padded(c.year%100, 2)
	case Name:
		return []byte(c.name)
	}
	return nil
}

// padded writes n with at least width digits.
func padded(n, width int) []byte {
	out := strconv.AppendInt(make([]byte, 0, 8), int64(n), 10)
	for len(out) < width {
		out = append([]byte{'0'}, out...)
	}
	return out
}
