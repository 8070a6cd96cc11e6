package health

import "context"

// Limit is how many calls may be under way at an account now.
func (h *Health) Limit(tenant, account string) int {
	a, _ := h.valve(Call{Tenant: tenant, Account: account, Operation: Authorize}, false)
	return a.bulkhead.limit(Authorize)
}

// Round is one round of Run.
func (h *Health) Round(ctx context.Context) error { return h.round(ctx) }

// Forget drops what is idle, and tells how many accounts are left.
func (h *Health) Forget() int {
	h.forget()
	return len(h.accounts)
}

// EndPause lets the pause of a breaker be over.
func (h *Health) EndPause(c Call) {
	_, v := h.valve(c, false)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.made = v.made.Add(-v.breaker.Wait(v.age()))
}

// Reported is what this process alone knows of a call's operation.
func (h *Health) Reported(c Call) OperationReport { return h.report(c, h.Clock.Now()) }
