package dispute

import (
	"slices"

	"github.com/florinpay/florin/internal/event"
	"github.com/florinpay/florin/internal/ledger"
	"github.com/florinpay/florin/internal/provider"
)

// moves are the legal ones within a stage. What is not here is refused. A provider whose message of the review is late, or
// lost, says at once how it ended.
var moves = map[provider.DisputeStatus][]provider.DisputeStatus{
	provider.DisputeNeedsResponse: {
		provider.DisputeUnderReview, provider.DisputeWon, provider.DisputeLost, provider.DisputeAccepted, provider.DisputeExpired,
	},
	provider.DisputeUnderReview: {provider.DisputeWon, provider.DisputeLost},
}

// order is how far along a status is: what lies behind is old news.
var order = map[provider.DisputeStatus]int{
	provider.DisputeNeedsResponse: 0, provider.DisputeUnderReview: 1,
	provider.DisputeWon: 2, provider.DisputeLost: 2, provider.DisputeAccepted: 2, provider.DisputeExpired: 2,
}

// known are the statuses that there are.
var known = map[provider.DisputeStatus]bool{
	provider.DisputeNeedsResponse: true, provider.DisputeUnderReview: true,
	provider.DisputeWon: true, provider.DisputeLost: true, provider.DisputeAccepted: true, provider.DisputeExpired: true,
}

// stages in their order.
var stages = []provider.DisputeStage{
	provider.StageInquiry, provider.StageChargeback, provider.StagePreArbitration, provider.StageArbitration,
}

func place(s provider.DisputeStage) int { return slices.Index(stages, s) }

func ended(s provider.DisputeStatus) bool { return len(moves[s]) == 0 }

func allowed(from, to provider.DisputeStatus) bool { return slices.Contains(moves[from], to) }

// ends are what the end of a dispute books, and the event that tells of it.
var ends = map[provider.DisputeStatus]struct {
	kind ledger.Kind
	told event.Type
}{
	provider.DisputeWon:      {ledger.DisputeWon, event.DisputeWon},
	provider.DisputeLost:     {ledger.DisputeLost, event.DisputeLost},
	provider.DisputeAccepted: {ledger.DisputeAccepted, event.DisputeLost},
	provider.DisputeExpired:  {ledger.DisputeExpired, event.DisputeLost},
}

// sameEnd tells whether two ends are the same to the money: what Florin knows as accepted or expired, a provider may call lost.
func sameEnd(a, b provider.DisputeStatus) bool {
	return (a == provider.DisputeWon) == (b == provider.DisputeWon)
}
