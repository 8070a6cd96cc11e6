package provider

import "time"

// What follows holds for whatever outcome is not known: a payment's, an operation's, a payout's, or money on its way back.

// inquiryDelays are how long after an unknown outcome each question is asked; past their end, the last one repeats.
var inquiryDelays = []time.Duration{
	2 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour,
}

// InquiryDelay is how long to wait with the next question, after so many that were asked.
func InquiryDelay(asked int64) time.Duration {
	return inquiryDelays[min(asked, int64(len(inquiryDelays)-1))]
}

// UnresolvedAfter is how many inquiries without an answer make an outcome a person's business: from the next on they come an hour and more
// apart. They never stop.
const UnresolvedAfter = 6

// NotFoundTwice is how often a provider must say that it has no such transaction, after its settle delay, to be believed.
const NotFoundTwice = 2
