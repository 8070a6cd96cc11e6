package control

import (
	"fmt"
	"strings"

	"github.com/florinpay/florin/internal/fault"
)

// CodeTwoPersons is of what takes another person than the one who tries.
const CodeTwoPersons = "second_person_required"

// Who has agreed to something stands with it, as the names of their keys with a blank between them, in the order in which they did.

// Approvers are those who have agreed, in the order in which they did. It is never nil.
func Approvers(so string) []string { return strings.Fields(so) }

// Person is who somebody is to what waits for people.
type Person int

// The persons.
const (
	Another  Person = iota // has said nothing of it yet
	Asker                  // asked for it
	Approver               // has agreed already
)

// PersonOf tells who the holder of a key is to what another one asked for and some have agreed to, so. same tells whether two keys are one
// person's.
func PersonOf(key, asker, so string, same func(one, other string) (bool, error)) (Person, error) {
	if is, err := same(asker, key); is || err != nil {
		return Asker, err
	}
	for _, one := range Approvers(so) {
		if is, err := same(one, key); is || err != nil {
			return Approver, err
		}
	}
	return Another, nil
}

// Agree is who has agreed to something once the holder of a key does, and whether that lets it go. persons is how many must agree by now; one
// must in any case. Whoever has agreed may say so again once no further person is needed, such as when a switch was lifted: that lets it go.
// It fails with fault.Forbidden for the one who asked, and for one who has agreed while another person is needed.
func Agree(what, so, key string, who Person, persons int) (now string, enough bool, err error) {
	if who == Asker || who == Approver && len(Approvers(so)) < persons {
		return so, false, fault.New(fault.Forbidden, CodeTwoPersons,
			fmt.Sprintf("the %s must be approved by another key than the one that asked for it, and than one that has agreed", what))
	}
	if who == Another {
		so = strings.TrimSpace(so + " " + key)
	}
	return so, len(Approvers(so)) >= persons, nil
}
