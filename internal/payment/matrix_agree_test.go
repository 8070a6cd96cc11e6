package payment

import (
	"slices"
	"strings"

	"github.com/florinpay/florin/internal/money"
	"github.com/florinpay/florin/internal/sandbox"
)

// compare holds what Florin has of each way against the acquirers' own books.
func (m *matrix) compare() {
	m.Helper()
	rows, err := m.world.Transactions("")
	if err != nil {
		m.Fatal(err)
	}
	books := map[string][]sandbox.Transaction{}
	for _, x := range rows {
		books[x.Reference] = append(books[x.Reference], x)
	}
	m.ended = map[Status]int{}
	for _, one := range m.all {
		if one.payment == "" {
			m.Errorf("%v: nothing was asked", one)
			continue
		}
		m.agrees(one, books)
	}
}

// agrees compares one way's payment: each try with the acquirer's transaction of its reference, and the sums.
func (m *matrix) agrees(one *life, books map[string][]sandbox.Transaction) {
	m.Helper()
	wrong := func(format string, args ...any) {
		m.Helper()
		m.Errorf("%v: %s: "+format, append([]any{one, one.payment}, args...)...)
	}
	p, err := m.store.payment(m.Context(), shop, one.payment)
	if err != nil {
		m.Fatal(err)
	}
	m.ended[p.Status]++
	if p.Status == Processing {
		wrong("still open")
	}
	var taken, givenBack int64
	charges := 0
	for number := range p.Attempts {
		reference := attemptReference(p.ID, number+1)
		a, err := m.store.attempt(m.Context(), shop, p.ID, number+1)
		if err != nil {
			m.Fatal(err)
		}
		if n := len(books[reference]); n > 1 {
			wrong("%s was charged at %d acquirers", reference, n)
		}
		var x sandbox.Transaction // the zero one if it never arrived
		for _, x = range books[reference] {
		}
		held := slices.Contains([]sandbox.Status{sandbox.Pending, sandbox.Authorized, sandbox.PartiallyCaptured}, x.Status)
		if held != (a.State == AttemptAuthorized) || x.AmountCaptured > 0 && a.State != AttemptCaptured && a.State != AttemptAuthorized {
			wrong("try %d is %s, the acquirer has it %q", a.Number, a.State, x.Status)
		}
		if held || x.AmountCaptured > 0 {
			charges++
		}
		taken, givenBack = taken+x.AmountCaptured, givenBack+x.AmountRefunded
	}
	if charges > 1 || taken != p.Captured.Minor() || givenBack != p.Refunded.Minor() {
		wrong("%d charges; the acquirers took %d and gave back %d, Florin has %+v", charges, taken, givenBack, p)
	}
	m.operationsAgree(one, p, books, wrong)
	if said, err := m.store.contradictions(m.Context(), shop, p.ID); err != nil || len(said) > 0 {
		wrong("honest acquirers contradict: %+v, %v", said, err)
	}
}

// operationsAgree compares each capture, void and refund with the acquirer's. What no repeat can get through stays open, and is not done.
func (m *matrix) operationsAgree(one *life, p Payment, books map[string][]sandbox.Transaction, wrong func(string, ...any)) {
	m.Helper()
	operations, err := m.store.operations(m.Context(), shop, p.ID)
	if err != nil {
		m.Fatal(err)
	}
	known := map[string]bool{}
	open := money.Of(0, p.Amount.Currency())
	for _, o := range operations {
		known[o.ID] = true
		var at sandbox.Operation
		for _, x := range books[attemptReference(p.ID, o.Attempt)] {
			for _, done := range x.Operations {
				if done.Reference == o.ID {
					at = done
				}
			}
		}
		stuck := o.open() && forEver[one.fault] && at.Status == ""
		if done := at.Status == sandbox.Succeeded; !stuck && (o.open() || done != (o.State == OperationSucceeded)) {
			wrong("the %s is %s, the acquirer has it %q", o.Kind, o.State, at.Status)
		}
		if o.open() && o.Kind == KindRefund {
			if open, err = open.Add(o.Amount); err != nil {
				m.Fatal(err)
			}
		}
	}
	if p.Refunding != open {
		wrong("refunds of %v are on their way, the payment has %v", open, p.Refunding)
	}
	for number := range p.Attempts {
		for _, x := range books[attemptReference(p.ID, number+1)] {
			for _, done := range x.Operations {
				if !known[done.Reference] && done.Reference != x.Reference && !isReversal(done.Reference, x.Reference) && !strings.HasPrefix(done.Reference, "trf_") {
					wrong("the acquirer has a %s %s that nobody knows", done.Kind, done.Reference)
				}
			}
		}
	}
}
