package webhook

import (
	"hash/fnv"
	"time"

	"github.com/florinpay/florin/internal/event"
)

// retryDelays is how long after each failed try the next one comes; the last delay repeats until the schedule ends.
var retryDelays = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// retryFor is how long a delivery is tried before it has failed.
const retryFor = 3 * 24 * time.Hour

// maxRetryAfter bounds what an endpoint may ask for by Retry-After.
const maxRetryAfter = 12 * time.Hour

// nextTry says when a delivery that failed is tried again; the zero time if its schedule has ended. A tenth of the delay
// is spread by the delivery's own id, so that what failed together does not come back together.
func nextTry(d event.Delivery, now time.Time, retryAfter time.Duration) time.Time {
	delay := retryDelays[min(d.Retried-1, int64(len(retryDelays)-1))]
	delay = max(delay+jitter(d.ID, delay/10), min(retryAfter, maxRetryAfter))
	next := now.Add(delay)
	if next.After(d.Since.Add(retryFor)) {
		return time.Time{}
	}
	return next
}

func jitter(delivery string, span time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(delivery))
	return time.Duration(h.Sum64() % uint64(span+1))
}
