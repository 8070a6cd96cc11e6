package simcard

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/provider"
	"github.com/florinpay/florin/internal/provider/simproto"
	"github.com/florinpay/florin/internal/vault"
)

// dispute is the acquirer's view of one.
type dispute struct {
	ID                     string    `json:"id"`
	AuthorizationReference string    `json:"authorization_reference"`
	Stage                  string    `json:"stage"`
	Status                 string    `json:"status"`
	Amount                 *int64    `json:"amount"`
	Fee                    *int64    `json:"fee"`
	Currency               string    `json:"currency"`
	Reason                 string    `json:"reason"`
	NetworkCode            string    `json:"network_code"`
	EvidenceDueAt          time.Time `json:"evidence_due_at"`
}

// disputeEvents are the types that tell how a dispute stands. The standing itself is read from the data.
var disputeEvents = map[string]bool{
	"dispute.opened": true, "dispute.updated": true, "dispute.won": true, "dispute.lost": true, "dispute.accepted": true, "dispute.expired": true,
}

var disputeStages = map[string]provider.DisputeStage{
	"retrieval": provider.StageInquiry, "chargeback": provider.StageChargeback,
	"pre_arbitration": provider.StagePreArbitration, "arbitration": provider.StageArbitration,
}

var disputeStatuses = map[string]provider.DisputeStatus{
	"open": provider.DisputeNeedsResponse, "reviewing": provider.DisputeUnderReview, "won": provider.DisputeWon, "lost": provider.DisputeLost,
	"accepted": provider.DisputeAccepted, "expired": provider.DisputeExpired,
}

func readDisputeEvent(n provider.Notification, data []byte) (provider.Notification, error) {
	var d dispute
	if err := json.Unmarshal(data, &d); err != nil || d.ID == "" {
		return n.Unbelieved("the webhook's dispute cannot be read")
	}
	stage, status := disputeStages[d.Stage], disputeStatuses[d.Status]
	amount, doubt := simproto.Money(d.Amount, d.Currency, money.Money{})
	switch {
	case stage == "" || status == "":
		return n.Unbelieved("the webhook's dispute has an unknown stage or status")
	case doubt != "":
		return n.Unbelieved("the webhook's dispute: " + doubt)
	case d.Fee == nil || *d.Fee < 0:
		return n.Unbelieved("the webhook's dispute has no readable fee")
	}
	n.Operation, n.Reference, n.Attempt = provider.OpDispute, d.ID, d.AuthorizationReference
	n.Dispute = &provider.Dispute{
		Reference: d.ID, Stage: stage, Status: status, Amount: amount, Fee: money.Of(*d.Fee, amount.Currency()),
		ReasonCode: d.NetworkCode, Reason: d.Reason, EvidenceDueAt: d.EvidenceDueAt.UTC(),
	}
	return n, nil
}

// partSize is how many bytes of a file go in one call.
const partSize = 1 << 20

// SubmitEvidence sends the files in pieces, and then says that this is all. A piece that is sent again replaces itself, and the last
// call is recognized by its reference.
func (c *Connector) SubmitEvidence(ctx context.Context, a provider.Account, e provider.Evidence) provider.Outcome {
	path := disputePath(e.Dispute)
	files := []byte{'['}
	for i, f := range e.Files {
		if out := c.upload(ctx, a, path, e.Reference, f); out.Class != provider.Approved {
			return out
		}
		if i > 0 {
			files = append(files, ',')
		}
		sum := sha256.Sum256(f.Body)
		files = append(files, newObject().text("name", f.Name).text("type", f.Type).number("size", int64(len(f.Body))).
			text("sha256", hex.EncodeToString(sum[:])).end()...)
	}
	texts, err := json.Marshal(e.Texts) // in the order of the fields: a repeat must be the same
	if err != nil {
		return provider.Outcome{Class: provider.NotSent, Detail: "the texts cannot be written"}
	}
	body := newObject().text("reference", e.Reference).raw("texts", texts).raw("files", append(files, ']')).end()
	return c.answer(ctx, a, path+"/evidence", body, e.Dispute, provider.Pending)
}

// AcceptDispute gives in.
func (c *Connector) AcceptDispute(ctx context.Context, a provider.Account, d provider.DisputeAnswer) provider.Outcome {
	return c.answer(ctx, a, disputePath(d.Dispute)+"/acceptance", newObject().text("reference", d.Reference).end(), d.Dispute, provider.Succeeded)
}

func disputePath(id string) string { return "/v1/disputes/" + url.PathEscape(id) }

// upload sends a file in pieces. Until the evidence is submitted nothing has come about: a piece whose end is unknown leaves the whole
// answer unknown, and it is given again.
func (c *Connector) upload(ctx context.Context, a provider.Account, path, reference string, f provider.EvidenceFile) provider.Outcome {
	part := int64(0)
	for piece := range slices.Chunk(f.Body, partSize) {
		body := newObject().text("reference", reference).text("name", f.Name).number("part", part).
			text("data", base64.StdEncoding.EncodeToString(piece)).end()
		response, err := c.send.Send(ctx, post(a, path+"/files", []vault.Segment{vault.Literal(body)}))
		if err != nil {
			return provider.FromSend(err)
		}
		if response.Status != 200 {
			return simproto.Refused(response)
		}
		part++
	}
	return provider.Outcome{Class: provider.Approved}
}

// answer makes the call that the acquirer takes as the merchant's answer.
func (c *Connector) answer(ctx context.Context, a provider.Account, path string, body []byte, id string, state provider.State) provider.Outcome {
	response, err := c.send.Send(ctx, post(a, path, []vault.Segment{vault.Literal(body)}))
	if err != nil {
		return provider.FromSend(err)
	}
	said, outcome, ok := simproto.Read[dispute](response)
	switch {
	case !ok:
		return outcome
	case said.ID != id:
		return provider.Doubt("the answer is about another dispute")
	}
	return provider.Outcome{Class: provider.Approved, State: state, Reference: said.ID}
}
