package api

import (
	"context"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/dispute"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/payment"
	"github.com/florinpay/florin/internal/provider"
)

// fakeDisputes has one dispute, and remembers what it was given.
type fakeDisputes struct {
	commit func(*db.Change) error
	texts  map[string]string
	name   string
	kind   string
	body   []byte
	filter dispute.Filter
	answer *dispute.ResponseObject
}

func someDispute() dispute.Object {
	paid := "pay_" + someID
	return dispute.Object{
		ID: "dp_" + someID, Object: "dispute", Payment: &paid, Stage: provider.StageChargeback, Status: provider.DisputeNeedsResponse, Amount: 9232, Fee: 1500,
		Currency: "EUR", Money: dispute.MoneyHeld, Reason: "fraudulent", ReasonCode: "10.4", Provider: "alpha", ProviderReference: "alpha_dp_1",
		EvidenceDueAt: &start, EvidenceFields: []string{"explanation"}, EvidenceFiles: []dispute.File{{Name: "receipt.txt", Type: "text/plain", Size: 1, SHA256: "ab", CreatedAt: start}},
		Metadata: map[string]string{}, CreatedAt: start,
	}
}

func (f *fakeDisputes) Get(_ context.Context, merchant, _ string) (dispute.Object, error) {
	d := someDispute()
	if d.Response = f.answer; merchant != tenant {
		return d, fault.Missing("dispute")
	}
	return d, nil
}

func (f *fakeDisputes) List(_ context.Context, _ string, _ db.Page, filter dispute.Filter) ([]dispute.Object, bool, error) {
	f.filter = filter
	return []dispute.Object{someDispute()}, false, nil
}

func (f *fakeDisputes) Texts(_ context.Context, merchant, _ string) (map[string]string, []dispute.File, error) {
	if merchant != tenant {
		return nil, nil, fault.Missing("dispute")
	}
	return map[string]string{"explanation": "e"}, someDispute().EvidenceFiles, nil
}

func (f *fakeDisputes) File(_ context.Context, merchant, _, name string) (dispute.File, []byte, error) {
	if merchant != tenant || name != "receipt.txt" {
		return dispute.File{}, nil, fault.Missing("file")
	}
	return dispute.File{Name: name, Type: "text/plain"}, []byte("Delivered."), nil
}

func (f *fakeDisputes) change(ctx context.Context, merchant string, with dispute.With) (dispute.Object, error) {
	d, err := f.Get(ctx, merchant, "")
	if err != nil {
		return d, err
	}
	c := db.NewChange(merchant)
	if err := with(c, d); err != nil || f.commit == nil {
		return d, err
	}
	return d, f.commit(c)
}

func (f *fakeDisputes) SetTexts(ctx context.Context, merchant, _ string, texts map[string]string, with dispute.With) (dispute.Object, error) {
	f.texts = texts
	return f.change(ctx, merchant, with)
}

func (f *fakeDisputes) PutFile(ctx context.Context, merchant, _, name, kind string, body []byte, with dispute.With) (dispute.Object, error) {
	f.name, f.kind, f.body = name, kind, body
	return f.change(ctx, merchant, with)
}

func (f *fakeDisputes) RemoveFile(ctx context.Context, merchant, _, name string, with dispute.With) (dispute.Object, error) {
	f.name = name
	return f.change(ctx, merchant, with)
}

func (f *fakeDisputes) Answer(ctx context.Context, merchant, _ string, kind dispute.AnswerKind, with payment.Companion) (dispute.Object, error) {
	d, err := f.Get(ctx, merchant, "")
	if err != nil {
		return d, err
	}
	intent := db.NewChange(merchant)
	with.Intent(intent, d.ID)
	d.Response = &dispute.ResponseObject{Type: kind, Status: dispute.AnswerTaken, At: start}
	result := db.NewChange(merchant)
	if err := with.Result(result, d, nil); err != nil || f.commit == nil {
		return d, err
	}
	if err := f.commit(intent); err != nil {
		return d, err
	}
	return d, f.commit(result)
}
