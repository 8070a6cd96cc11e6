package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencies counts durations in buckets that are at most 1/128 wide relative to their value, from a microsecond up, so that
// ten minutes of payments take no more memory than ten seconds. It is safe for concurrent use.
type latencies struct {
	buckets [256 + 33*128]atomic.Uint64
	count   atomic.Uint64
	longest atomic.Int64 // microseconds, exact
}

const longestLatency = int64(1)<<40 - 1 // microseconds: 12 days

func (l *latencies) add(d time.Duration) {
	us := min(max(d.Microseconds(), 0), longestLatency)
	l.buckets[latencyBucket(us)].Add(1)
	l.count.Add(1)
	for old := l.longest.Load(); us > old && !l.longest.CompareAndSwap(old, us); old = l.longest.Load() {
	}
}

// latencyBucket: up to 256 µs each microsecond has its own bucket, above that each power of two has 128.
func latencyBucket(us int64) int {
	if us < 256 {
		return int(us)
	}
	shift := bits.Len64(uint64(us)) - 8
	return 256 + (shift-1)*128 + int(us>>shift) - 128
}

// latencyBound is the longest duration of a bucket.
func latencyBound(bucket int) int64 {
	if bucket < 256 {
		return int64(bucket)
	}
	shift := (bucket-256)/128 + 1
	return (int64((bucket-256)%128)+128+1)<<shift - 1
}

// quantile is a duration that this share, in thousandths, of the counted ones does not exceed. It is 0 if none was counted.
func (l *latencies) quantile(thousandths uint64) time.Duration {
	wanted := (l.count.Load()*thousandths + 999) / 1000
	var seen uint64
	for i := range l.buckets {
		if seen += l.buckets[i].Load(); seen >= wanted && seen > 0 {
			return time.Duration(min(latencyBound(i), l.longest.Load())) * time.Microsecond
		}
	}
	return 0
}

func (l *latencies) max() time.Duration { return time.Duration(l.longest.Load()) * time.Microsecond }
