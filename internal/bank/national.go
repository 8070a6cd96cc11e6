package bank

// nationalChecks are the check digits that a country's own numbering puts into the BBAN, by country. Only what every bank of the country
// keeps to is here: a payout must not be refused for a rule with exceptions. So Germany (a method per bank), Sweden and the United Kingdom
// (a table per range of accounts), Denmark (modulus 11, not at all banks), the Netherlands (the eleven test, not for old giro numbers) and
// Iceland (a check on the holder's number, not the account's) are not.
//
// Sources: ECBS TR201, Register of European Account Numbers; national rules are named beside each algorithm.
var nationalChecks = map[string]func(bban string) bool{
	"AL": func(b string) bool { return weighted(b[:8], 9, 7, 3, 1)%10 == 0 },
	"BA": mod97IsOne, "ME": mod97IsOne, "MK": mod97IsOne, "PT": mod97IsOne, "RS": mod97IsOne, "SI": mod97IsOne,
	"ST": mod97IsOne, "TL": mod97IsOne, "XK": mod97IsOne,
	"BE": belgian,
	"CZ": czech, "SK": czech,
	"EE": func(b string) bool { return weighted(b[2:], 7, 1, 3, 7, 1, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0 }, // the 7-3-1 method
	"ES": spanish,
	"FI": finnish,
	"FR": ribKey, "MC": ribKey, "MR": ribKey, "TN": ribKey,
	"HR": func(b string) bool { return mod11And10(b[:7]) && mod11And10(b[7:]) },
	"HU": func(b string) bool { return weighted(b[:8], 9, 7, 3, 1)%10 == 0 && weighted(b[8:], 9, 7, 3, 1)%10 == 0 },
	"IT": italian, "SM": italian,
	"NO": norwegian,
	"PL": func(b string) bool { return weighted(b[:8], 3, 9, 7, 1)%10 == 0 }, // of the sorting code
}

func nationalCheckFits(country, bban string) bool {
	check, ok := nationalChecks[country]
	return !ok || check(bban)
}

// weighted is the sum of the digits times their weights, which repeat. A letter counts as its ASCII code less 48.
func weighted(digits string, weights ...int) int {
	sum := 0
	for i := range len(digits) {
		sum += int(digits[i]-'0') * weights[i%len(weights)]
	}
	return sum
}

// mod97IsOne is ISO/IEC 7064 MOD 97-10 over the whole national number.
func mod97IsOne(bban string) bool { return mod97(bban) == 1 }

// belgian: the last two digits are the ten before them modulo 97, with 97 for 0.
func belgian(bban string) bool {
	rest := mod97(bban[:10])
	if rest == 0 {
		rest = 97
	}
	return rest == int(bban[10]-'0')*10+int(bban[11]-'0')
}

// czech: the prefix and the account each weigh to a multiple of 11. Source: decree 169/2011 of the Czech National Bank; Slovakia kept it.
func czech(bban string) bool {
	return weighted(bban[4:10], 10, 5, 8, 4, 2, 1)%11 == 0 && weighted(bban[10:], 6, 3, 7, 9, 10, 5, 8, 4, 2, 1)%11 == 0
}

// spanish: the ninth digit is for bank and branch, the tenth for the account (dígitos de control of the CCC).
func spanish(bban string) bool {
	control := func(digits string) byte {
		d := 11 - weighted(digits, 1, 2, 4, 8, 5, 10, 9, 7, 3, 6)%11
		switch d {
		case 11:
			d = 0
		case 10:
			d = 1
		}
		return '0' + byte(d)
	}
	return bban[8] == control("00"+bban[:8]) && bban[9] == control(bban[10:])
}

// finnish is the Luhn check over the whole national number: from the right every second digit counts twice, by the sum of its digits.
func finnish(bban string) bool {
	sum := 0
	for i := range len(bban) {
		d := int(bban[len(bban)-1-i]-'0') * (1 + i%2)
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

// ribKey is the clé RIB: with letters as the digits of the table, the number is a multiple of 97. Source: CFONB, relevé d'identité bancaire.
func ribKey(bban string) bool {
	const digitOf = "12345678912345678923456789" // A to Z: S begins at 2
	digits := []byte(bban)
	for i, c := range digits {
		if isLetter(c) {
			digits[i] = digitOf[c-'A']
		}
	}
	return mod97(string(digits)) == 0
}

// mod11And10 is ISO/IEC 7064 MOD 11,10: the last digit is the check digit.
func mod11And10(digits string) bool {
	rest := 10
	for i := range len(digits) - 1 {
		rest = (rest + int(digits[i]-'0')) % 10
		if rest == 0 {
			rest = 10
		}
		rest = rest * 2 % 11
	}
	return (rest+int(digits[len(digits)-1]-'0'))%10 == 1
}

// cinOdd is what a digit, or the letter of the same rank, counts in the first, third and every other odd place.
var cinOdd = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// italian is the CIN, the letter before the bank. Source: ABI, coordinate bancarie nazionali.
func italian(bban string) bool {
	sum := 0
	for i := range len(bban) - 1 {
		c := bban[i+1]
		rank := int(c - '0')
		if isLetter(c) {
			rank = int(c - 'A')
		}
		if i%2 == 0 {
			rank = cinOdd[rank]
		}
		sum += rank
	}
	return bban[0] == 'A'+byte(sum%26)
}

// norwegian is modulus 11 over the eleven digits. An account whose own digits begin with 00 may leave the bank out of it. Source: Bits, rules
// for account numbers.
func norwegian(bban string) bool {
	whole := weighted(bban, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
	return whole || bban[4:6] == "00" && weighted(bban[6:], 5, 4, 3, 2, 1)%11 == 0
}
