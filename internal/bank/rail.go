package bank

import (
	"fmt"
	"time"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/money"
)

// RailName names a rail: a way for money to reach an account. It is part of the contract.
type RailName string

// The rails.
const (
	SEPACredit       RailName = "sepa_credit"
	SEPAInstant      RailName = "sepa_instant"
	ACH              RailName = "ach"
	FPS              RailName = "fps"
	Bacs             RailName = "bacs"
	NPP              RailName = "npp"
	Pix              RailName = "pix"
	UPI              RailName = "upi"
	FPX              RailName = "fpx"
	CardPush         RailName = "card_push"          // to a card whose issuer has Fast Funds
	CardPushStandard RailName = "card_push_standard" // to any other card that takes pushed money
)

// Rail is what is known about a rail. A provider account may have earlier cut-offs and lower limits: take the Rail, change it, and ask Estimate.
type Rail struct {
	Name     RailName
	Limits   []Limit // one for each currency that the rail carries
	Hours    Hours   // the zero value: round the clock
	Earliest Arrival
	Latest   Arrival
	Returns  time.Duration // for so long after it arrived a payment may yet come back
}

// Limit is how much one payment may be, in minor units, both included. Max 0: the rail itself sets no most; banks do.
type Limit struct {
	Currency string
	Min, Max int64
}

// Hours are when a rail takes payments: on the open days of a calendar until the cut-off. What comes at the cut-off or later is of the next
// open day.
type Hours struct {
	Calendar Calendar
	Zone     *time.Location
	CutOff   time.Duration // on the clock of the zone, since midnight
}

// RoundTheClock tells whether there are no hours: every moment of every day counts.
func (h Hours) RoundTheClock() bool { return h.Zone == nil }

// Arrival is when the payee has the money, counted from when the rail takes the payment.
type Arrival struct {
	Days  int           // so many open days after the one that the payment is of
	At    time.Duration // on that day, by the clock of the zone, since midnight; with Days 0 and At 0 the hours do not matter
	After time.Duration // and not before so long after now
}

// promptly is how soon an instant rail can be.
const promptly = time.Second

const day = 24 * time.Hour

// rails are the rails, in the order in which they are shown. Where a scheme says how long a payment may take, Latest is that; cut-offs are an hour
// or so before the last one of the clearing, because a bank needs time of its own. Returns is generous: a bank that sends a payment back of its own
// accord does so within days, one that is asked to within weeks (SEPA: asked within ten banking days, answered within fifteen; Pix: ninety days in
// all). Where a scheme names no term it is a month.
var rails = []Rail{
	{
		// Amounts and the next-day rule: EPC125-05, SEPA Credit Transfer Rulebook; Directive (EU) 2015/2366, art. 83. T2 takes customers'
		// payments until 17:00 and ends its day at 18:00: ECB, T2 business day.
		Name: SEPACredit, Limits: []Limit{{"EUR", 1, 999_999_999_99}},
		Hours:    Hours{target, zone("Europe/Berlin"), 16 * time.Hour},
		Earliest: Arrival{At: 9 * time.Hour, After: time.Hour}, Latest: Arrival{Days: 1, At: 18 * time.Hour}, Returns: 35 * day,
	},
	{
		// Within ten seconds, at any time: Regulation (EU) 2024/886. The rulebook's limit of 100,000 EUR ended with it in October 2025:
		// EPC004-16, SCT Inst Rulebook 2025.
		Name: SEPAInstant, Limits: []Limit{{"EUR", 1, 999_999_999_99}},
		Earliest: Arrival{After: promptly}, Latest: Arrival{After: 10 * time.Second}, Returns: 35 * day,
	},
	{
		// Credits settle one or two banking days on, at 8:30 in the morning at the earliest; the amount has ten digits: Nacha Operating Rules.
		// FedACH takes the last items of a day at 16:45: Federal Reserve Financial Services, FedACH processing schedule.
		Name: ACH, Limits: []Limit{{"USD", 1, 99_999_999_99}},
		Hours:    Hours{federalReserve, zone("America/New_York"), 16 * time.Hour},
		Earliest: Arrival{Days: 1, At: 8*time.Hour + 30*time.Minute}, Latest: Arrival{Days: 2, At: 17 * time.Hour}, Returns: 14 * day,
	},
	{
		// A million pounds since February 2022; at once as a rule, within two hours: Pay.UK, Faster Payment System.
		Name: FPS, Limits: []Limit{{"GBP", 1, 1_000_000_00}},
		Earliest: Arrival{After: promptly}, Latest: Arrival{After: 2 * time.Hour}, Returns: 30 * day,
	},
	{
		// The three-day cycle: in by 22:30 on the first, processed on the second, on the account as the third begins. Twenty million pounds
		// at most: Pay.UK, Bacs processing cycle and Direct Credit.
		Name: Bacs, Limits: []Limit{{"GBP", 1, 20_000_000_00}},
		Hours:    Hours{england, zone("Europe/London"), 21*time.Hour + 30*time.Minute},
		Earliest: Arrival{Days: 2}, Latest: Arrival{Days: 2, At: 9 * time.Hour}, Returns: 30 * day,
	},
	{
		// Within a minute, at any time; no limit of the scheme's own: Reserve Bank of Australia, New Payments Platform.
		Name: NPP, Limits: []Limit{{"AUD", 1, 0}},
		Earliest: Arrival{After: promptly}, Latest: Arrival{After: time.Minute}, Returns: 30 * day,
	},
	{
		// Seconds as a rule; a payment that looks like fraud may be held for half an hour by day and an hour by night. No limit of the
		// scheme's own for companies: Banco Central do Brasil, Regulamento do Pix (Resolução BCB 1/2020).
		Name: Pix, Limits: []Limit{{"BRL", 1, 0}},
		Earliest: Arrival{After: promptly}, Latest: Arrival{After: time.Hour}, Returns: 90 * day,
	},
	{
		// One lakh of rupees: NPCI, UPI product overview. Credited or sent back by the next day: Reserve Bank of India, harmonisation of
		// turn around time, September 2019.
		Name: UPI, Limits: []Limit{{"INR", 1_00, 100_000_00}},
		Earliest: Arrival{After: promptly}, Latest: Arrival{After: 24 * time.Hour}, Returns: 30 * day,
	},
	{
		// One to thirty thousand ringgit for persons: PayNet, FPX. It names no term: a day is allowed.
		Name: FPX, Limits: []Limit{{"MYR", 1_00, 30_000_00}},
		Earliest: Arrival{After: promptly}, Latest: Arrival{After: 24 * time.Hour}, Returns: 30 * day,
	},
	{
		// Within half an hour of the approval with Fast Funds, at most 50,000 dollars: Visa Rules and Visa Direct, original credit
		// transactions. In other currencies the limit is what the dollars are worth, which the acquirer knows.
		Name: CardPush, Limits: []Limit{{"USD", 1, 50_000_00}, {"EUR", 1, 0}, {"GBP", 1, 0}, {"AUD", 1, 0}, {"BRL", 1, 0}, {"MYR", 1, 0}},
		Earliest: Arrival{After: promptly}, Latest: Arrival{After: 30 * time.Minute}, Returns: 30 * day,
	},
	{
		// Without Fast Funds within two business days: the same. Whose days those are, the issuer's country says; what is a holiday in
		// the euro area or in the United States is not counted on.
		Name: CardPushStandard, Limits: []Limit{{"USD", 1, 50_000_00}, {"EUR", 1, 0}, {"GBP", 1, 0}, {"AUD", 1, 0}, {"BRL", 1, 0}, {"MYR", 1, 0}},
		Hours:    Hours{both(target, federalReserve), time.UTC, 24 * time.Hour},
		Earliest: Arrival{After: 30 * time.Minute}, Latest: Arrival{Days: 2, At: 24 * time.Hour}, Returns: 30 * day,
	},
}

// Rails are all rails, in the order in which they are shown. The caller may change what it got.
func Rails() []Rail {
	all := make([]Rail, len(rails))
	for i, r := range rails {
		r.Limits = append([]Limit(nil), r.Limits...)
		all[i] = r
	}
	return all
}

// RailNamed is the rail of a name, and whether there is one.
func RailNamed(name RailName) (Rail, bool) {
	for _, r := range Rails() {
		if r.Name == name {
			return r, true
		}
	}
	return Rail{}, false
}

// Check refuses an amount that the rail does not carry: fault.Invalid on "currency" or "amount".
func (r Rail) Check(amount money.Money) error {
	for _, l := range r.Limits {
		currency, err := money.ParseCurrency(l.Currency)
		if err != nil {
			return fmt.Errorf("rail %s: %w", r.Name, err)
		}
		switch {
		case currency != amount.Currency():
		case amount.Minor() < l.Min:
			return fault.Wrong("amount", fault.CodeAmountTooSmall, fmt.Sprintf("%s carries at least %s", r.Name, money.Of(l.Min, currency)))
		case l.Max > 0 && amount.Minor() > l.Max:
			return fault.Wrong("amount", fault.CodeAmountTooLarge, fmt.Sprintf("%s carries at most %s", r.Name, money.Of(l.Max, currency)))
		default:
			return nil
		}
	}
	return fault.Wrong("currency", fault.CodeCurrency, fmt.Sprintf("%s does not carry it", r.Name))
}

// Rails are the rails that can reach the account, the quickest first. Whether its bank takes part in an instant one the provider knows. None:
// the account is outside the countries that the rails serve.
func (i IBAN) Rails() []RailName {
	var reach []RailName
	if i.Country() == "GB" {
		reach = append(reach, FPS, Bacs)
	}
	if i.SEPA() {
		reach = append(reach, SEPAInstant, SEPACredit)
	}
	return reach
}

// domesticRails are the rails of domestic accounts, by country, the quickest first. UPI reaches an account by its IFSC, Pix one by its bank's ISPB.
var domesticRails = map[string][]RailName{"US": {ACH}, "GB": {FPS, Bacs}, "AU": {NPP}, "IN": {UPI}, "BR": {Pix}, "MY": {FPX}}

// Rails are the rails that can reach the account, the quickest first.
func (d Domestic) Rails() []RailName { return append([]RailName(nil), domesticRails[d.country]...) }
