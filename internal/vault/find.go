package vault

// HoldsCardNumber tells whether a text has a number in it that a card of a known brand could have: right first digits, right
// length, right check digit, also in groups and escaped. Callers keep such texts out of every database but the vault's.
func HoldsCardNumber(text string) bool {
	if len(text) < minDigits {
		return false
	}
	b := []byte(text)
	defer clear(b)
	return newMasker(nil).body(b)
}
