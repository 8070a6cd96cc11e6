package routing

import (
	"context"
	"errors"
	"strings"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/strict"
)

// Judge is what Create and Update have against a document; nil: nothing. It writes nothing.
func (s *Policies) Judge(ctx context.Context, tenant string, d Document) error {
	_, err := s.compile(ctx, tenant, d)
	return err
}

// Together is the refusal of a document for its shape, and for what it says besides: who wrote it mends all of it at once. Where the shape is wrong
// only that is told of what lies around and within, which may not have been read. rest may be nil.
func Together(shape, rest error) error {
	var wrong, more *fault.Error
	if rest == nil || !errors.As(shape, &wrong) || wrong.Kind != fault.Invalid {
		return shape
	}
	if !errors.As(rest, &more) || more.Kind != fault.Invalid {
		return rest
	}
	var all strict.Faults
	for _, f := range wrong.Fields {
		all.Add(f.Param, f.Code, f.Detail)
	}
	for _, f := range more.Fields {
		if !touches(f.Param, wrong.Fields) {
			all.Add(f.Param, f.Code, f.Detail)
		}
	}
	return all.Err()
}

// touches tells whether a place is one of others, or lies around or within one of them.
func touches(param string, others []fault.Field) bool {
	for _, o := range others {
		if param == o.Param || within(param, o.Param) || within(o.Param, param) {
			return true
		}
	}
	return false
}

// within tells whether a place is a part of another one: rules[0].when of rules[0].
func within(part, whole string) bool {
	rest, ok := strings.CutPrefix(part, whole)
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "["))
}
