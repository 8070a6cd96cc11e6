package client

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Page asks for a stretch of a list. Lists are newest first, and stable while things are added.
type Page struct {
	Limit         int    // of one page: 1 to 100; 0 is the server's default, 20
	StartingAfter string // an id: only older ones
	EndingBefore  string // an id: only newer ones
	CreatedFrom   time.Time
	CreatedBefore time.Time
}

// List is one page of a list.
type List[T any] struct {
	Data    []T  `json:"data"`
	HasMore bool `json:"has_more"` // in the direction that was asked for
}

func (p Page) values() url.Values {
	v := url.Values{}
	if p.Limit != 0 {
		v.Set("limit", strconv.Itoa(p.Limit))
	}
	set(v, "starting_after", p.StartingAfter)
	set(v, "ending_before", p.EndingBefore)
	if !p.CreatedFrom.IsZero() {
		v.Set("created_at[gte]", p.CreatedFrom.UTC().Format(time.RFC3339Nano))
	}
	if !p.CreatedBefore.IsZero() {
		v.Set("created_at[lt]", p.CreatedBefore.UTC().Format(time.RFC3339Nano))
	}
	return v
}

func set(v url.Values, name, value string) {
	if value != "" {
		v.Set(name, value)
	}
}

// all walks a list page by page. From a StartingAfter, or without a cursor, it goes from newer to older; from an EndingBefore
// it goes from older to newer. It ends after the first error.
func all[T any](ctx context.Context, c *core, path string, query url.Values, id func(*T) string, options []CallOption) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		at := maps.Clone(query) // the sequence can be walked again
		cursor, next := "starting_after", func(page []T) string { return id(&page[len(page)-1]) }
		order := slices.All[[]T]
		if query.Has("ending_before") {
			cursor, next = "ending_before", func(page []T) string { return id(&page[0]) }
			order = slices.Backward[[]T]
		}
		for {
			page, err := get[List[T]](ctx, c, path, maps.Clone(at), options)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range order(page.Data) {
				if !yield(&page.Data[i], nil) {
					return
				}
			}
			if !page.HasMore || len(page.Data) == 0 {
				return
			}
			at.Set(cursor, next(page.Data))
		}
	}
}
