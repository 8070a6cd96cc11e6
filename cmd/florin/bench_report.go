package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// benchReport is what a benchmark found. Durations are microseconds, memory is bytes.
type benchReport struct {
	Engine        string            `json:"engine"`
	Clients       int               `json:"clients"`
	Merchants     int               `json:"merchants"`
	Seconds       int               `json:"seconds"`
	Warmup        int               `json:"warmup_seconds"`
	Payments      *measurement      `json:"payments,omitempty"`
	Errors        map[string]uint64 `json:"errors,omitempty"` // by code, from the first request on
	Lost          uint64            `json:"lost"`             // requests without an answer
	CPUMicros     int64             `json:"cpu_micros_per_payment,omitempty"`
	StartupMicros int64             `json:"startup_micros,omitempty"`
	Memory        memoryReport      `json:"memory"`
	Checks        []check           `json:"checks"`
	Storage       *storageReport    `json:"storage,omitempty"`
}

// measurement is a rate with its latencies.
type measurement struct {
	Count     uint64 `json:"count"`
	PerSecond uint64 `json:"per_second"`
	P50       int64  `json:"p50_micros"`
	P90       int64  `json:"p90_micros"`
	P99       int64  `json:"p99_micros"`
	Max       int64  `json:"max_micros"`
}

// memoryReport is the resident memory of the process: server, acquirer and load generator together.
type memoryReport struct {
	Start int64 `json:"start_bytes"` // before anything was opened
	Idle  int64 `json:"idle_bytes"`  // serving, after one payment
	End   int64 `json:"end_bytes"`   // right after the load
}

// check is one thing that must be true after the load.
type check struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Why  string `json:"why"`
}

// storageReport is storage alone.
type storageReport struct {
	Clients int          `json:"clients"`
	Rows    [2]int       `json:"rows"` // of the two Changes of a payment
	Bytes   int          `json:"bytes"`
	Tenants int          `json:"merchants"`
	Spread  *measurement `json:"spread"` // over the merchants
	Hot     *measurement `json:"hot"`    // one merchant only
}

func measured(l *latencies, took time.Duration) *measurement {
	n := l.count.Load()
	return &measurement{
		Count: n, PerSecond: n * uint64(time.Second) / uint64(max(took, 1)),
		P50: l.quantile(500).Microseconds(), P90: l.quantile(900).Microseconds(), P99: l.quantile(990).Microseconds(), Max: l.max().Microseconds(),
	}
}

func (r *benchReport) check(what string, ok bool, why string, args ...any) {
	r.Checks = append(r.Checks, check{what, ok, fmt.Sprintf(why, args...)})
}

var errBench = errors.New("the benchmark found a fault")

// verdict is an error if something that must be true is not.
func (r *benchReport) verdict() error { return verdictOf(r.Checks) }

func verdictOf(checks []check) error {
	var wrong []error
	for _, c := range checks {
		if !c.OK {
			wrong = append(wrong, fmt.Errorf("%w: %s: %s", errBench, c.What, c.Why))
		}
	}
	return errors.Join(wrong...)
}

func (r *benchReport) text(w io.Writer) {
	if r.Payments != nil {
		fmt.Fprintf(w, "%d payments/s\tengine %s, %d clients, %d merchants, %d s after %d s of warm-up\n",
			r.Payments.PerSecond, r.Engine, r.Clients, r.Merchants, r.Seconds, r.Warmup)
		fmt.Fprintf(w, "latency\t%s\n", r.Payments.latency())
		fmt.Fprintf(w, "errors\t%s\n", errorsText(r.Errors))
		if r.CPUMicros > 0 {
			fmt.Fprintf(w, "processor\t%d µs a payment: server, acquirer and load generator\n", r.CPUMicros)
		}
	}
	if r.StartupMicros > 0 {
		fmt.Fprintf(w, "start\t%d ms\n", r.StartupMicros/1000)
		fmt.Fprintf(w, "memory\t%d MiB before, %d idle", r.Memory.Start>>20, r.Memory.Idle>>20)
		if r.Memory.End > 0 {
			fmt.Fprintf(w, ", %d after the load", r.Memory.End>>20)
		}
		fmt.Fprintln(w)
	}
	if s := r.Storage; s != nil {
		fmt.Fprintf(w, "storage alone\t%d payments/s over %d merchants\t%s\n", s.Spread.PerSecond, s.Tenants, s.Spread.latency())
		fmt.Fprintf(w, "\t%d payments/s with one merchant\t%s\n", s.Hot.PerSecond, s.Hot.latency())
		fmt.Fprintf(w, "\t%d clients, two Changes of %d and %d rows, %d bytes a payment\n", s.Clients, s.Rows[0], s.Rows[1], s.Bytes)
	}
	writeChecks(w, r.Checks)
}

func writeChecks(w io.Writer, checks []check) {
	for _, c := range checks {
		fmt.Fprintf(w, "%s\t%s: %s\n", map[bool]string{true: "ok", false: "FAULT"}[c.OK], c.What, c.Why)
	}
}

func (m *measurement) latency() string {
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", millis(m.P50), millis(m.P90), millis(m.P99), millis(m.Max))
}

func millis(us int64) string { return fmt.Sprintf("%d.%02d ms", us/1000, us%1000/10) }

func errorsText(by map[string]uint64) string {
	if len(by) == 0 {
		return "none"
	}
	text := ""
	for _, code := range slices.Sorted(maps.Keys(by)) {
		text += fmt.Sprintf("%d × %s; ", by[code], code)
	}
	return text[:len(text)-2]
}
