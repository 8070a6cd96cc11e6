// Package obs is what an operator sees of a process: its logs, its metrics and whether it is alive and ready.
package obs

import (
	"io"
	"log/slog"
)

// NewLogger writes records to w, as JSON lines or as text. Ids are attributes, never part of the message: request_id,
// idempotency_key, payment_id, attempt_id, merchant_id.
func NewLogger(w io.Writer, json bool, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if json {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
