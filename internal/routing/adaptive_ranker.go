package routing

import (
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/florinpay/florin/internal/ppm"
	learning "github.com/florinpay/florin/internal/routing/adaptive"
)

// maxLearned is how many merchants and methods are learned of at most.
const maxLearned = 4096

// Learned is the Ranker that learns approval rates: of each merchant and method by themselves. It is safe for concurrent use. What it
// learned is this process's own, and gone with it: Warm teaches a new one what is stored.
type Learned struct {
	config learning.Config
	most   int

	mu         sync.RWMutex
	strategies map[learnedKey]*learned
}

type learnedKey struct{ merchant, method string }

// learned is a strategy, and when it last heard of an outcome, in unix microseconds.
type learned struct {
	*learning.Strategy
	heard atomic.Int64
}

// NewLearned makes a ranker that knows nothing yet.
func NewLearned(c learning.Config) *Learned {
	return &Learned{config: c, most: maxLearned, strategies: map[learnedKey]*learned{}}
}

// Rank orders the candidates by what was learned, in the merchant's own order as long as nothing was. Scores are estimated approval
// rates. The same payment gets the same draw at each of its tries.
func (l *Learned) Rank(r *Request) []Ranked {
	l.mu.RLock()
	s := l.strategies[learnedKey{r.Merchant, r.Method}]
	l.mu.RUnlock()
	ranked := make([]Ranked, 0, len(r.Candidates))
	if s == nil {
		for _, c := range r.Candidates {
			ranked = append(ranked, Ranked{Account: c.Account, Reason: string(learning.Unknown)})
		}
		return ranked
	}
	names := make([]string, 0, len(r.Candidates))
	for _, c := range r.Candidates {
		names = append(names, c.Account)
	}
	d := newDraw("adaptive", r, false)
	for _, x := range s.Rank(make([]learning.Ranked, 0, len(names)), names, learning.Facts{Country: r.Country, BIN: r.BIN}, r.At, d.Next()) {
		ranked = append(ranked, Ranked{Account: x.Provider, Reason: string(x.Reason), Score: int64(x.Estimate * ppm.Whole)})
	}
	return ranked
}

// Learn hears of an outcome.
func (l *Learned) Learn(o Outcome) { l.learn(o) }

func (l *Learned) learn(o Outcome) *learned {
	s := l.of(learnedKey{o.Merchant, o.Method})
	s.heard.Store(o.At.UnixMicro())
	s.Observe(learnable(o))
	return s
}

// learnable is an outcome as strategies see it.
func learnable(o Outcome) learning.Outcome {
	class := learning.Issuer
	switch {
	case o.Kind == ByTechnique:
		class = learning.Technical
	case o.Approved:
		class = learning.Approved
	case o.Kind == ByCustomer:
		class = learning.Customer
	}
	return learning.Outcome{Provider: o.Account, Country: o.Country, BIN: o.BIN, Class: class, At: o.At}
}

// Warm teaches outcomes of the past, oldest first. It may run while others rank and learn: what is late counts as little as its age says.
func (l *Learned) Warm(history iter.Seq[Outcome]) {
	taught := map[*learned]bool{}
	for o := range history {
		taught[l.learn(o)] = true
	}
	for s := range taught {
		s.Settle()
	}
}

// of finds or makes a strategy. When there are as many as may be, the one that heard nothing for the longest makes room.
func (l *Learned) of(k learnedKey) *learned {
	l.mu.RLock()
	s := l.strategies[k]
	l.mu.RUnlock()
	if s != nil {
		return s
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s = l.strategies[k]; s != nil {
		return s
	}
	if len(l.strategies) >= l.most {
		l.dropOldest()
	}
	s = &learned{Strategy: learning.New(l.config)}
	l.strategies[k] = s
	return s
}

func (l *Learned) dropOldest() {
	var oldest learnedKey
	at := time.Unix(1<<33, 0).UnixMicro() // after all times that payments have
	for k, s := range l.strategies {
		if heard := s.heard.Load(); heard < at {
			oldest, at = k, heard
		}
	}
	delete(l.strategies, oldest)
}
