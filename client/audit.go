package client

import (
	"context"
	"iter"
	"time"
)

// AuditEntry tells who changed what.
type AuditEntry struct {
	ID        string            `json:"id"`
	Livemode  bool              `json:"livemode"`
	Concerns  string            `json:"concerns"`   // mode, account (test and live) or installation (every merchant)
	Action    string            `json:"action"`     // such as kill_switch.created
	Actor     string            `json:"actor"`      // the id of a key, operator or system
	Subject   string            `json:"subject"`    // the id of what it was done to
	Details   map[string]string `json:"details"`    // what changed, by field
	RequestID *string           `json:"request_id"` // nil: by no request
	CreatedAt time.Time         `json:"created_at"`
}

// ListAuditLog chooses entries.
type ListAuditLog struct {
	Page
	Actor   string // the id of a key, operator or system
	Action  string
	Subject string // of one object
}

// AuditLogService calls /v1/audit_log.
type AuditLogService struct{ core *core }

const auditLog = "/v1/audit_log"

// List walks the audit trail, newest first.
func (s *AuditLogService) List(ctx context.Context, p ListAuditLog, options ...CallOption) iter.Seq2[*AuditEntry, error] {
	query := p.values()
	set(query, "actor", p.Actor)
	set(query, "action", p.Action)
	set(query, "subject", p.Subject)
	return all(ctx, s.core, auditLog, query, func(e *AuditEntry) string { return e.ID }, options)
}

// Get reads one entry.
func (s *AuditLogService) Get(ctx context.Context, id string, options ...CallOption) (*AuditEntry, error) {
	path, err := under(auditLog, id)
	if err != nil {
		return nil, err
	}
	return get[AuditEntry](ctx, s.core, path, nil, options)
}
