package paycode

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

func chai(t testing.TB) UPI {
	return UPI{Address: "chai.wala-1@okhdfcbank", Name: "Chai & Co. + Söhne", Amount: of(t, 2550, "INR"), Reference: "4894398cndhcd23", Note: "2 चाय = 1/2", Category: "5814"}
}

func TestAUPILinkIsEncodedAsAppsExpect(t *testing.T) {
	cases := []struct {
		name string
		u    UPI
		want string
	}{
		{"all of it", chai(t), "upi://pay?pa=chai.wala-1@okhdfcbank&pn=Chai%20%26%20Co.%20%2B%20S%C3%B6hne&mc=5814&tr=4894398cndhcd23" +
			"&tn=2%20%E0%A4%9A%E0%A4%BE%E0%A4%AF%20%3D%201%2F2&am=25.50&cu=INR"},
		{"the payer fills in the amount", UPI{Address: "aa@b1", Name: "A"}, "upi://pay?pa=aa@b1&pn=A&cu=INR"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.u.Payload()
			if err != nil || got != c.want {
				t.Errorf("%s, %v", got, err)
			}
			if again, err := ParseUPI(got); err != nil || again != c.u {
				t.Errorf("is read as %+v, %v", again, err)
			}
		})
	}
}

func TestTheSpecificationsLinkIsRead(t *testing.T) {
	// NPCI, UPI Linking Specifications 1.6, section 2.1.
	const link = "upi://pay?pa=nadeem@npci&pn=nadeem%20chinna&mc=0000&tid=cxnkjcnkjdfdvjndkjfvn&tr=4894398cndhcd23&tn=Pay%20to%20mystar%20store&am=10&mam=null" +
		"&cu=INR&url=https://mystar.com/orderid=9298yw89e8973e87389e78923ue892"
	want := UPI{Address: "nadeem@npci", Name: "nadeem chinna", Category: "0000", Reference: "4894398cndhcd23", Note: "Pay to mystar store", Amount: of(t, 1000, "INR")}
	if got, err := ParseUPI(link); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWrongFieldsOfAUPILinkAreNamed(t *testing.T) {
	const invalid = " " + fault.CodeInvalid
	cases := []struct {
		name  string
		alter func(*UPI)
		want  []string
	}{
		{"no address", func(u *UPI) { u.Address = "" }, []string{"address" + invalid}},
		{"an address without a handle", func(u *UPI) { u.Address = "chai" }, []string{"address" + invalid}},
		{"an address with another parameter", func(u *UPI) { u.Address = "aa@b1&am=1" }, []string{"address" + invalid}},
		{"an e-mail address", func(u *UPI) { u.Address = "chai@example.com" }, []string{"address" + invalid}},
		{"an address of 256", func(u *UPI) { u.Address = strings.Repeat("a", 250) + "@bank1" }, []string{"address" + invalid}},
		{"an address with a line", func(u *UPI) { u.Address = "aa@bc\n" }, []string{"address" + invalid}},
		{"no name", func(u *UPI) { u.Name = "" }, []string{"name" + invalid}},
		{"a name of emoji", func(u *UPI) { u.Name = "☕️" }, []string{"name" + invalid}},
		{"a control character in the note", func(u *UPI) { u.Note = "a\x1bb" }, []string{"note" + invalid}},
		{"text turned around", func(u *UPI) { u.Name = "a\u202eb" }, []string{"name" + invalid}},
		{"another currency", func(u *UPI) { u.Amount = of(t, 1, "USD") }, []string{"currency " + fault.CodeCurrency}},
		{"zero", func(u *UPI) { u.Amount = of(t, 0, "INR") }, []string{"amount " + fault.CodeAmountTooSmall}},
		{"more than 18 characters", func(u *UPI) { u.Amount = of(t, upiMostAmount+1, "INR") }, []string{"amount " + fault.CodeAmountTooLarge}},
		{"a reference of 36", func(u *UPI) { u.Reference = strings.Repeat("a", 36) }, []string{"reference" + invalid}},
		{"a reference with a sign", func(u *UPI) { u.Reference = "pay_1" }, []string{"reference" + invalid}},
		{"a category of three", func(u *UPI) { u.Category = "581" }, []string{"category" + invalid}},
		{"longer than a code", func(u *UPI) { u.Name, u.Note = strings.Repeat("𑀓", 50), strings.Repeat("𑀓", 50) }, []string{"name" + invalid}},
		{"all at once", func(u *UPI) { *u = UPI{} }, []string{"address" + invalid, "name" + invalid}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u := chai(t)
			c.alter(&u)
			_, err := u.Payload()
			mustRefuse(t, err, c.want...)
		})
	}
}

func TestUPILinksThatNoAppTakesAreRefused(t *testing.T) {
	const good = "upi://pay?pa=aa@b1&pn=A"
	if _, err := ParseUPI("UPI://PAY?pa=aa@b1&pn=A"); err != nil {
		t.Errorf("a scheme in capitals: %v", err)
	}
	cases := []struct{ name, link string }{
		{"nothing", ""},
		{"another scheme", "https://pay?pa=aa@b1&pn=A"},
		{"another action", "upi://mandate?pa=aa@b1&pn=A"},
		{"no parameters", "upi://pay?"},
		{"no address", "upi://pay?pn=A"},
		{"no name", "upi://pay?pa=aa@b1"},
		{"a parameter twice", good + "&pa=cc@d1"},
		{"a broken escape", good + "&tn=%2"},
		{"an escaped line", good + "&tn=a%0Ab"},
		{"what is not UTF-8", good + "&tn=%ff"},
		{"a fragment", good + "&tn=a#b"},
		{"another currency", good + "&cu=USD"},
		{"no currency where one is said", good + "&cu="},
		{"zero", good + "&am=0"},
		{"three decimals", good + "&am=1.001"},
		{"an exponent", good + "&am=1e3"},
		{"a negative amount", good + "&am=-1"},
		{"a reference with a sign", good + "&tr=a-b"},
		{"a name of 51", "upi://pay?pa=aa@b1&pn=" + strings.Repeat("a", 51)},
		{"a note of 51", good + "&tn=" + strings.Repeat("a", 51)},
		{"more than 1024 bytes", good + "&x=" + strings.Repeat("a", 1024)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseUPI(c.link)
			mustRefuse(t, err, badPayload)
		})
	}
}

// TestWhatAUPILinkSaysIsWhatWasMeant reads each link by ParseUPI and as Go's own library reads a form.
func TestWhatAUPILinkSaysIsWhatWasMeant(t *testing.T) {
	inr, err := money.ParseCurrency("INR")
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		u := UPI{
			Address: rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{1,30}@[a-z]{2,12}`).Draw(t, "address"),
			Name:    anyText().Draw(t, "name"), Note: anyText().Draw(t, "note"),
			Reference: rapid.StringMatching(`[A-Za-z0-9]{0,35}`).Draw(t, "reference"), Category: rapid.StringMatching(`([0-9]{4})?`).Draw(t, "category"),
		}
		if minor := rapid.Int64Range(0, upiMostAmount).Draw(t, "amount"); minor > 0 {
			u.Amount = money.Of(minor, inr)
		}
		link, err := u.Payload()
		if err != nil {
			for _, param := range wrongFields(t, err) {
				if !slices.Contains([]string{"name", "note"}, strings.Fields(param)[0]) {
					t.Fatalf("%s of %+v", param, u)
				}
			}
			return
		}
		written++
		u.Name, u.Note = fit(u.Name, upiName, keepPlain), fit(u.Note, upiNote, keepPlain)
		if got, err := ParseUPI(link); err != nil || got != u {
			t.Fatalf("%s\n%+v, %v, want\n%+v", link, got, err, u)
		}
		theirs, err := url.Parse(link)
		if err != nil || theirs.Scheme != "upi" || theirs.Host != "pay" || theirs.Query().Get("pn") != u.Name || theirs.Query().Get("tn") != u.Note {
			t.Fatalf("%s is %+v, %v", link, theirs, err)
		}
		if strings.Contains(link, "+") {
			t.Fatalf("%s has a plus", link)
		}
	})
	if written == 0 {
		t.Error("no link could be written")
	}
}

func FuzzParseUPI(f *testing.F) {
	link, err := chai(f).Payload()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(link)
	f.Add("upi://pay?pa=nadeem@npci&pn=nadeem%20chinna&am=10&mam=null&cu=INR&url=https://mystar.com/orderid=9")
	f.Fuzz(func(t *testing.T, link string) {
		u, err := ParseUPI(link)
		if err != nil {
			wrongFields(t, err)
			return
		}
		again, err := u.Payload()
		if err != nil {
			return // a name of which nothing is left
		}
		once, err := ParseUPI(again)
		if err != nil || once.Address != u.Address || once.Amount != u.Amount || once.Reference != u.Reference {
			t.Fatalf("%q says %+v and then %+v, %v", link, u, once, err)
		}
	})
}
