package db

import (
	"encoding/json"
	"time"
)

// Micros is how a time is stored: unix microseconds.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time is a stored time, in UTC.
func Time(us int64) time.Time { return time.UnixMicro(us).UTC() }

// NullTime is a stored time that may be null: the zero time then.
func NullTime(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return Time(*us)
}

// MicrosOrNil is the value of a column that may be null: nil for the zero time.
func MicrosOrNil(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return Micros(t)
}

// TextOrNil is the value of a column that may be null: nil for the empty text.
func TextOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Bit is how a truth is stored.
func Bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// JSON is how a list, a map or an object is stored: as JSON, and as nothing at all if it is empty.
func JSON(v any, empty bool) (string, error) {
	if empty {
		return "", nil
	}
	body, err := json.Marshal(v)
	return string(body), err
}

// FromJSON reads what JSON made. Nothing at all leaves into as it is.
func FromJSON(body string, into any) error {
	if body == "" {
		return nil
	}
	return json.Unmarshal([]byte(body), into)
}
