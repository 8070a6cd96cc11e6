package control

import "strings"

// Who has agreed to something stands with it, as the names of their keys with a blank between them, in the order in which they did.

// Agreed is who has agreed once somebody else has, too.
func Agreed(so, by string) string { return strings.TrimSpace(so + " " + by) }

// Approvers are those who have agreed.
func Approvers(so string) []string { return strings.Fields(so) }
