package provider

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"
)

// networksData is what card networks ask of those who try a card again after a decline.
//
//go:embed networks.json
var networksData []byte

var networks = mustRead(readBuiltIn, networksData)

// Networks are the card networks' rules for tries after a decline. The zero value has no rules.
type Networks struct {
	Version int64
	// NeverFor is how long the same card is not tried again at the same amount after a decline that said never again.
	NeverFor time.Duration

	never  map[string]bool   // advice after which another try costs the merchant a fee, whichever network gave it
	advice map[string]advice // of those that are built in: what it says about another try
	brands map[string]Network
}

// Network are the rules of one card network. The zero value is of one that has published none.
type Network struct {
	Limits       []Limit
	ApprovalEnds bool // its limits are of the tries of one sale: an approval ends them, and the next sale has its own

	never  map[string]bool // response codes after which the same is not asked again
	advice bool            // its advice codes are those of the table
}

// Limit is a network's cap on the declines of one card for one merchant and amount within a time.
type Limit struct {
	Name     string
	Declines int
	Window   time.Duration
}

// advice is what a network's advice code says about another try.
type advice struct {
	retry Retry // empty: nothing
	after time.Duration
}

// MaxDeclines is the most that a limit may have: no more declines are kept of one card and amount.
const MaxDeclines = 64

// maxWindow bounds every time in the rules: no decline is kept for longer.
const maxWindow = 90 * 24 * time.Hour

// CardNetworks are the rules that this program was built with.
func CardNetworks() Networks { return networks }

// networksFile is how the rules are written down.
type networksFile struct {
	dataHead
	NeverAdvice []string `json:"never_advice"`
	NeverDays   int64    `json:"never_days"`
	Advice      []struct {
		Code       string `json:"code"`
		Means      string `json:"means"`
		Retry      Retry  `json:"retry"`
		AfterHours int64  `json:"after_hours"`
	} `json:"advice"`
	Networks []networkLine `json:"networks"`
}

type networkLine struct {
	Brands       []string `json:"brands"`
	SpeaksAdvice bool     `json:"speaks_advice"` // its advice codes are those of the table
	Categories   []struct {
		Category int64    `json:"category"`
		Codes    []string `json:"codes"`
		Never    bool     `json:"never"`
	} `json:"categories"`
	ApprovalEnds bool `json:"approval_ends"` // see Network
	Limits       []struct {
		Name     string `json:"name"`
		Declines int    `json:"declines"`
		Hours    int64  `json:"hours"`
	} `json:"limits"`
}

// ReadNetworks reads an operator's rules, in the form of networks.json without what advice means for retry: that is built in, for every process
// and page, and a file that says it is refused. So is one in which a code or a brand is there twice, or a number is out of bounds.
func ReadNetworks(data []byte) (Networks, error) {
	var file networksFile
	if err := readData(data, &file); err != nil {
		return Networks{}, fmt.Errorf("networks: %w", err)
	}
	if file.Advice != nil || slices.ContainsFunc(file.Networks, func(l networkLine) bool { return l.SpeaksAdvice }) {
		return Networks{}, errors.New("networks: what advice means for retry is built in: leave out advice and speaks_advice")
	}
	return file.read(networks.advice)
}

// readBuiltIn reads networks.json.
func readBuiltIn(data []byte) (Networks, error) {
	var file networksFile
	if err := readData(data, &file); err != nil {
		return Networks{}, fmt.Errorf("networks: %w", err)
	}
	means, err := file.meanings()
	if err != nil {
		return Networks{}, err
	}
	n, err := file.read(means)
	n.advice = means
	return n, err
}

// meanings are what advice codes say.
func (f networksFile) meanings() (map[string]advice, error) {
	means := map[string]advice{}
	for _, a := range f.Advice {
		_, twice := means[a.Code]
		if twice || a.Code == "" || a.Means == "" || a.Retry != "" && !slices.Contains(retryKinds, a.Retry) || (a.Retry == RetryLater) != (a.AfterHours > 0) {
			return nil, fmt.Errorf("networks: advice %q: it is there twice, or something of it is missing", a.Code)
		}
		means[a.Code] = advice{retry: a.Retry, after: time.Duration(a.AfterHours) * time.Hour}
	}
	return means, nil
}

// read checks the rules. Advice that is never tried again must mean that.
func (f networksFile) read(means map[string]advice) (Networks, error) {
	n := Networks{Version: f.Version, NeverFor: time.Duration(f.NeverDays) * 24 * time.Hour, never: map[string]bool{}, brands: map[string]Network{}}
	if n.NeverFor <= 0 || n.NeverFor > maxWindow {
		return n, fmt.Errorf("networks: never again is %d days", f.NeverDays)
	}
	for _, code := range f.NeverAdvice {
		if means[code].retry != RetryNever {
			return n, fmt.Errorf("networks: advice %q does not say never", code)
		}
		n.never[code] = true
	}
	for _, line := range f.Networks {
		network, err := line.read()
		if err != nil {
			return n, err
		}
		for _, brand := range line.Brands {
			if _, twice := n.brands[brand]; twice {
				return n, fmt.Errorf("networks: %q is there twice", brand)
			}
			n.brands[brand] = network
		}
	}
	return n, f.check()
}

func (l networkLine) read() (Network, error) {
	n := Network{ApprovalEnds: l.ApprovalEnds, advice: l.SpeaksAdvice, never: map[string]bool{}}
	for _, c := range l.Categories {
		for _, code := range c.Codes {
			if _, twice := n.never[code]; twice {
				return n, fmt.Errorf("networks: the code %q of %v is in two categories", code, l.Brands)
			}
			n.never[code] = c.Never
		}
	}
	for _, m := range l.Limits {
		window := time.Duration(m.Hours) * time.Hour
		if m.Name == "" || m.Declines < 1 || m.Declines > MaxDeclines || window <= 0 || window > maxWindow {
			return n, fmt.Errorf("networks: the limit %q of %v is out of bounds", m.Name, l.Brands)
		}
		n.Limits = append(n.Limits, Limit{Name: m.Name, Declines: m.Declines, Window: window})
	}
	return n, nil
}

// Of are the rules of a card's brand. A network that has published no limits has none: payments would be refused that it lets through.
func (n Networks) Of(brand string) Network { return n.brands[brand] }

// NeverAgain tells whether a decline of a card says that it must not be tried again: by the network's response code or by its advice.
func (n Networks) NeverAgain(brand string, d Decline) bool {
	return n.never[d.NetworkAdvice] || n.brands[brand].never[d.NetworkDecline]
}

// KeepFor is how long a decline counts for something.
func (n Networks) KeepFor() time.Duration {
	longest := n.NeverFor
	for _, network := range n.brands {
		for _, l := range network.Limits {
			longest = max(longest, l.Window)
		}
	}
	return longest
}

// strictness orders what may follow a decline: of two words about one decline the stricter counts.
var strictness = map[Retry]int{RetryOtherProvider: 1, RetryLater: 2, RetryWith3DS: 3, RetryFixData: 4, RetryNever: 5}

// Meaning is what the table says of this decline of a card of a brand, made stricter by what the card's network says. An empty brand is not
// known, or is of no card.
func (d Decline) Meaning(brand string) Meaning {
	m := Explain(d.Code)
	switch never := networks.NeverAgain(brand, d); {
	case networks.never[d.NetworkAdvice], never && m.Retry != RetryFixData: // other data is another card to the network
		m.Retry, m.After = RetryNever, 0
		return m
	case !networks.brands[brand].advice:
		return m
	}
	said := networks.advice[d.NetworkAdvice]
	switch {
	case m.Retry == RetryLater && said.retry == RetryLater:
		m.After, m.Advised = said.after, true // the network knows better when
	case strictness[said.retry] > strictness[m.Retry] && m.Retry != RetryWith3DS:
		m.Retry, m.After, m.Advised = said.retry, said.after, said.retry == RetryLater
	case said.retry == RetryNever:
		m.Retry, m.After = RetryNever, 0
	}
	return m
}
