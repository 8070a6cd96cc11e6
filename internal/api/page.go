package api

import (
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/florinpay/florin/internal/db"
	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/id"
	"github.com/florinpay/florin/internal/problem"
	"github.com/florinpay/florin/internal/strict"
)

// Paging is how every list is asked for. It is exported because huma reads no other embedded struct.
type Paging struct {
	Limit         int64     `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many at most."`
	StartingAfter string    `query:"starting_after" maxLength:"64" doc:"An id: only what is older."`
	EndingBefore  string    `query:"ending_before" maxLength:"64" doc:"An id: only what is newer."`
	CreatedGTE    time.Time `query:"created_at[gte]" doc:"Created at this time or later."`
	CreatedGT     time.Time `query:"created_at[gt]" doc:"Created later than this."`
	CreatedLTE    time.Time `query:"created_at[lte]" doc:"Created at this time or earlier."`
	CreatedLT     time.Time `query:"created_at[lt]" doc:"Created earlier than this."`
}

// check tells what the tags cannot: cursors are ids of the listed kind, and bounds do not repeat each other.
func (in Paging) check(wrong *strict.Faults, kind id.Prefix) {
	for _, cursor := range [...]struct{ param, value string }{{"starting_after", in.StartingAfter}, {"ending_before", in.EndingBefore}} {
		if cursor.value != "" && !id.Has(cursor.value, kind) {
			wrong.Add(cursor.param, fault.CodeInvalid, "must be an id that begins with "+string(kind)+"_")
		}
	}
	if in.StartingAfter != "" && in.EndingBefore != "" {
		wrong.Add("ending_before", fault.CodeInvalid, "cannot stand beside starting_after")
	}
	if !in.CreatedGT.IsZero() && !in.CreatedGTE.IsZero() {
		wrong.Add("created_at[gt]", fault.CodeInvalid, "cannot stand beside created_at[gte]")
	}
	if !in.CreatedLT.IsZero() && !in.CreatedLTE.IsZero() {
		wrong.Add("created_at[lt]", fault.CodeInvalid, "cannot stand beside created_at[lte]")
	}
}

func (in Paging) page() db.Page {
	p := db.Page{Limit: int(in.Limit), StartingAfter: in.StartingAfter, EndingBefore: in.EndingBefore, CreatedFrom: in.CreatedGTE, CreatedTo: in.CreatedLT}
	const tick = time.Microsecond // times are kept to it, so just after T is T and a tick
	if !in.CreatedGT.IsZero() {
		p.CreatedFrom = in.CreatedGT.Truncate(tick).Add(tick)
	}
	if !in.CreatedLTE.IsZero() {
		p.CreatedTo = in.CreatedLTE.Truncate(tick).Add(tick)
	}
	return p
}

// stretch is the part of a whole list, newest first, that a page asks for, and whether more follow in its direction.
func stretch[T any](all []T, p db.Page, of func(T) (id string, created time.Time)) ([]T, bool) {
	asked := slices.DeleteFunc(slices.Clone(all), func(one T) bool {
		id, created := of(one)
		return p.StartingAfter != "" && id >= p.StartingAfter || p.EndingBefore != "" && id <= p.EndingBefore ||
			created.Before(p.CreatedFrom) || !p.CreatedTo.IsZero() && !created.Before(p.CreatedTo)
	})
	if len(asked) <= p.Limit {
		return asked, false
	}
	if p.EndingBefore != "" {
		return asked[len(asked)-p.Limit:], true // the nearest newer ones
	}
	return asked[:p.Limit], true
}

// show is the answer of a read.
func show(object any, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	body, err := problem.Render(object)
	return answer{Status: http.StatusOK, ContentType: jsonType, Body: body}, err
}

// listing is a page of a list.
type listing[T any] struct {
	Object  string `json:"object" enum:"list"`
	Data    []T    `json:"data"`
	HasMore bool   `json:"has_more" doc:"Whether more follow in the direction that was asked for."`
}

// of is the type of what is listed: the document names the list after it.
func (listing[T]) of() reflect.Type { return reflect.TypeFor[T]() }

// showList is the answer of a read of a list.
func showList[T any](data []T, more bool, err error) (answer, error) {
	return show(listing[T]{"list", orEmpty(data), more}, err)
}

// orEmpty makes an empty list of none: it is [] in JSON, not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
