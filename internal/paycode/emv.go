package paycode

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxEMV bounds a merchant-presented code, in bytes. Source: EMVCo QRCPS-MPM 1.1, section 3.7: at most 512 characters, fewer if
// some of them take more than a byte.
const maxEMV = 512

// The data objects of a merchant-presented code. Source: EMVCo QRCPS-MPM 1.1, table 3.1.
const (
	emvFormat     = "00"
	emvInitiation = "01"
	emvCategory   = "52"
	emvCurrency   = "53"
	emvAmount     = "54"
	emvCountry    = "58"
	emvName       = "59"
	emvCity       = "60"
	emvAdditional = "62"
	emvChecksum   = "63"
	emvLanguage   = "64"

	emvFirstAccount = "26" // of those that are templates
	emvLastAccount  = "51"
	emvUnreserved   = "80" // the first of them

	emvReference = "05" // within 62
	emvSystems   = "50" // within 62, the first of the payment systems' own
)

// object is a data object: two digits that name it, two that say how many characters follow, and those characters.
type object struct{ id, value string }

// objects are the data objects of a code or of a template, in their order.
type objects []object

func (o objects) get(id string) string {
	for _, each := range o {
		if each.id == id {
			return each.value
		}
	}
	return ""
}

// write leaves out what is empty. A value has at most 99 characters.
func (o objects) write() string {
	var b strings.Builder
	for _, each := range o {
		if each.value != "" {
			fmt.Fprintf(&b, "%s%02d%s", each.id, utf8.RuneCountInString(each.value), each.value)
		}
	}
	return b.String()
}

// writeEMV ends a code with its checksum.
func writeEMV(o objects) string {
	code := o.write() + emvChecksum + "04"
	return code + fmt.Sprintf("%04X", checksum(code))
}

// checksum is CRC-16/CCITT-FALSE: polynomial 0x1021, from 0xFFFF, over the bytes of the text in UTF-8.
func checksum(code string) uint16 {
	crc := uint16(0xFFFF)
	for _, b := range []byte(code) {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// readEMV reads a code of any scheme: the form, the checksum, and the form of every template in it.
func readEMV(code string) (objects, error) {
	switch {
	case len(code) > maxEMV:
		return nil, unreadable("is longer than %d bytes", maxEMV)
	case hidden(code):
		return nil, unreadable("has a character that cannot be shown")
	}
	read, err := readObjects(code)
	if err != nil {
		return nil, err
	}
	last := read[len(read)-1]
	switch {
	case read[0] != object{emvFormat, "01"}:
		return nil, unreadable("does not begin as a merchant-presented code")
	case last.id != emvChecksum || len(last.value) != 4:
		return nil, unreadable("does not end with a checksum")
	case last.value != fmt.Sprintf("%04X", checksum(code[:len(code)-4])):
		return nil, unreadable("the checksum is wrong")
	}
	for _, o := range read {
		if err := checkTemplate(o); err != nil {
			return nil, err
		}
	}
	return read, nil
}

// checkTemplate looks into what holds objects itself: accounts (26 to 51), the additional data (62), the other language (64), what is
// unreserved (80 to 99), and within the additional data the payment systems' own (50 to 99). Nothing nests deeper, so nothing recurses.
func checkTemplate(o object) error {
	account := o.id >= emvFirstAccount && o.id <= emvLastAccount
	if !account && o.id != emvAdditional && o.id != emvLanguage && o.id < emvUnreserved {
		return nil
	}
	within, err := readObjects(o.value)
	if err != nil || o.id != emvAdditional {
		return err
	}
	for _, inner := range within {
		if inner.id >= emvSystems {
			if _, err := readObjects(inner.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// readObjects reads a text that is nothing but objects, at least one, none twice. A length counts characters, not bytes: EMVCo's own
// example has Chinese names.
func readObjects(text string) (objects, error) {
	var read objects
	for text != "" {
		if len(text) < 4 || !all(text[:4], isDigit) {
			return nil, unreadable("an object has no number or no length")
		}
		id, length, rest := text[:2], int(text[2]-'0')*10+int(text[3]-'0'), text[4:]
		size := bytesOf(rest, length)
		switch {
		case length == 0:
			return nil, unreadable("object %s is empty", id)
		case size < 0:
			return nil, unreadable("object %s is longer than what is left", id)
		case read.get(id) != "":
			return nil, unreadable("object %s stands twice", id)
		}
		read = append(read, object{id, rest[:size]})
		text = rest[size:]
	}
	if len(read) == 0 {
		return nil, unreadable("is empty")
	}
	return read, nil
}

// bytesOf is how many bytes the first characters of a text take, -1 if it has fewer.
func bytesOf(text string, characters int) int {
	size := 0
	for range characters {
		if size == len(text) {
			return -1
		}
		_, n := utf8.DecodeRuneInString(text[size:])
		size += n
	}
	return size
}
