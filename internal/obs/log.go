// Package obs is what an operator sees of a process: its logs, its metrics and whether it is alive and ready.
package obs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// NewLogger writes records to w, as JSON lines or as text. Ids are attributes, never part of the message; those that the
// context carries (see With) come by themselves. Whatever looks like a card number or a key is masked: the last net, for
// what should never have come here.
func NewLogger(w io.Writer, json bool, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: replace}
	if json {
		return slog.New(handler{slog.NewJSONHandler(w, options)})
	}
	return slog.New(handler{slog.NewTextHandler(w, options)})
}

// handler adds what the context carries to each line.
type handler struct{ slog.Handler }

// Handle writes one line.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if c := carriedBy(ctx); c != nil {
		r = r.Clone()
		for i, value := range c {
			if value != "" {
				r.AddAttrs(slog.String(string(fields[i]), value))
			}
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is a logger whose lines also have the attributes.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup is a logger whose attributes stand in a group, those from the context too.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// replace masks one attribute; the message is one too.
func replace(_ []string, a slog.Attr) slog.Attr {
	a.Key = maskPANs(a.Key)
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Mask(a.Value.String()))
	case slog.KindAny:
		a.Value = maskAny(a.Value)
	}
	return a
}

// maskAny masks a value of a type of its own. It is masked as the text that it would be written as, by either format; a
// value that is clean stays what it is.
func maskAny(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil, slog.Level, *slog.Source:
		return v
	case error:
		return slog.StringValue(Mask(x.Error()))
	case []byte:
		return slog.StringValue(Mask(string(x)))
	case fmt.Stringer:
		return slog.StringValue(Mask(x.String()))
	default:
		printed := fmt.Sprintf("%+v", x)
		if encoded, err := json.Marshal(x); err == nil && Mask(string(encoded)) != string(encoded) {
			return slog.StringValue(Mask(string(encoded)))
		}
		if masked := Mask(printed); masked != printed {
			return slog.StringValue(masked)
		}
		return v
	}
}
