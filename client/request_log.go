package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// RequestLog is what Florin remembers of a request: neither its body nor its query.
type RequestLog struct {
	ID             string    `json:"id"` // req_…: the Request-Id of its answer
	Livemode       bool      `json:"livemode"`
	Method         string    `json:"method"`
	Route          string    `json:"route"` // such as /v1/payments/{id}/capture
	Path           string    `json:"path"`
	Status         int       `json:"status"`
	ErrorCode      string    `json:"error_code"` // of a refusal
	DurationMS     int64     `json:"duration_ms"`
	Key            string    `json:"key"` // key_…: the API key
	IdempotencyKey string    `json:"idempotency_key"`
	CreatedAt      time.Time `json:"created_at"` // when it came in
}

// StreamRequestLogs says where to begin.
type StreamRequestLogs struct {
	After string // a request's ID: begin behind it, as far as it is remembered; empty: now
}

// RequestLogService calls /v1/request_logs.
type RequestLogService struct{ core *core }

// Stream follows the requests of the merchant's keys as they end: those that the process answers that the stream is from. It
// opens again and ends as [EventService.Stream] does.
func (s *RequestLogService) Stream(ctx context.Context, p StreamRequestLogs) iter.Seq2[*RequestLog, error] {
	return follow(ctx, s.core, "/v1/request_logs/stream", url.Values{}, p.After, nil, func(*RequestLog, string) {})
}
