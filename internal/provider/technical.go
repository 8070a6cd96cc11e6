package provider

import "time"

// String is the class by the name that metrics show.
func (c Class) String() string {
	return [...]string{Unknown: "unknown", Approved: "approved", Declined: "declined", NotSent: "not_sent"}[c]
}

// Technical tells whether an outcome of an operation speaks against the provider itself, or the way to it: its breakers count that.
//
//   - Unknown does, and so does NotSent, unless Florin itself would not send it (Withheld).
//   - A decline is an answer, and its provider in good health: what issuers and networks say is routing's to weigh. Only an authorization or
//     a payout that the provider itself says it could not process, by processing_error without a network's code, is its failure.
//   - What the provider refuses of a capture, a void or a refund is about the one transaction.
func (o Outcome) Technical(of Operation) bool {
	switch o.Class {
	case Unknown:
		return true
	case NotSent:
		return !o.Withheld
	case Declined:
		own := o.Decline.Code == ProcessingError && o.Decline.NetworkDecline == "" && o.State != Missing
		return own && (of == OpAuthorize || of == OpPayout)
	}
	return false
}

// Technical tells whether an inquiry failed: that there is no such transaction is an answer.
func (f Finding) Technical() bool {
	return !f.Found && f.Outcome.Class == Unknown && !f.Outcome.Withheld
}

// Class is what was found, by the name that metrics show.
func (f Finding) Class() string {
	if !f.Found && f.Outcome.Class != Unknown {
		return "not_found"
	}
	return f.Outcome.Class.String()
}

// Unable is the outcome of a call that Florin cannot make at this provider, now or later, which says nothing of the provider's health.
func Unable(detail string) Outcome {
	return Outcome{Class: NotSent, Detail: detail, Withheld: true}
}

// Shut is the outcome of a call that Florin would not make, because the provider is down, in maintenance or busy. It is worth a try at until.
func Shut(detail string, until time.Time) Outcome {
	return Outcome{Class: NotSent, Detail: detail, Withheld: true, NotBefore: until}
}
