package db_test

import (
	"reflect"
	"testing"

	"github.com/florinpay/florin/internal/db"
)

func TestAChangeShowsItsRowsOfOneTableInOrder(t *testing.T) {
	c := db.NewChange("m", entries.Insert("m", "b", int64(2)), note("m", "x", 1), entries.Insert("m", "a", int64(1)))
	want := [][]any{{"m", "b", int64(2)}, {"m", "a", int64(1)}}
	if got := c.Rows(entries); !reflect.DeepEqual(got, want) {
		t.Errorf("entries are %v", got)
	}
	if got := c.Rows(things); len(got) != 0 {
		t.Errorf("things are %v", got)
	}
}
