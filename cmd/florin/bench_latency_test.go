package main

import (
	"testing"
	"time"
)

func TestLatencyBucketsHoldTheirValues(t *testing.T) {
	last := -1
	for us := int64(0); us <= longestLatency; us += 1 + us/1000 {
		b := latencyBucket(us)
		if b < last || b >= len((&latencies{}).buckets) {
			t.Fatalf("%d µs falls into bucket %d after %d", us, b, last)
		}
		last = b
		if bound := latencyBound(b); bound < us || bound-us > us/128+1 {
			t.Fatalf("%d µs is told as %d", us, bound)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var l latencies
	if l.quantile(500) != 0 {
		t.Error("nothing has a median")
	}
	for ms := 1; ms <= 1000; ms++ {
		l.add(time.Duration(ms) * time.Millisecond)
	}
	for _, k := range []struct {
		thousandths uint64
		want        time.Duration
	}{{500, 500 * time.Millisecond}, {990, 990 * time.Millisecond}, {999, 999 * time.Millisecond}, {1000, time.Second}} {
		if got := l.quantile(k.thousandths); got < k.want || got > k.want+k.want/100 {
			t.Errorf("%d‰ is %s, want %s", k.thousandths, got, k.want)
		}
	}
	if l.max() != time.Second {
		t.Errorf("max %s", l.max())
	}
}
