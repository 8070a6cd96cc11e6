package id

// Luhn tells whether the last of the digits, '0' to '9', is the check digit of those before it, as in card numbers. Source:
// ISO/IEC 7812-1, annex B.
func Luhn[T ~string | ~[]byte](digits T) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
