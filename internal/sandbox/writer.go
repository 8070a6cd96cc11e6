package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/florinpay/florin/internal/sandbox/stage"
)

// errStore marks a failure of the store itself, after which a transaction of the database cannot be trusted.
var errStore = errors.New("store")

// maxBatch is how many jobs share one transaction of the database, at most. It waits for none of them.
const maxBatch = 256

// job is a piece of work for the one writer. What it decides from what it reads in its batch cannot be overtaken.
type job struct {
	do   func(*batch) error
	err  error
	done chan struct{}
}

// do runs f on the writer and answers when what it wrote is in the database's file, so that a killed process loses
// nothing that it answered. f must not keep the batch. If f fails by a decision it must not have written anything.
func (s *store) do(f func(*batch) error) error {
	j := &job{do: f, done: make(chan struct{})}
	select {
	case <-s.closing:
		return stage.ErrClosed
	case s.jobs <- j:
	}
	select {
	case <-j.done:
		return j.err
	case <-s.closed:
		select {
		case <-j.done: // it was in the last batch
			return j.err
		default:
			return stage.ErrClosed
		}
	}
}

// write is the writer: it collects what waits, writes it as one transaction, and answers.
func (s *store) write() {
	defer close(s.closed)
	waiting := make([]*job, 0, maxBatch)
	for {
		waiting = waiting[:0]
		select {
		case j := <-s.jobs:
			waiting = append(waiting, j)
		case <-s.closing:
			select {
			case j := <-s.jobs:
				waiting = append(waiting, j)
			default:
				return
			}
		}
		runtime.Gosched() // lets those who are about to ask do so: a commit costs more than a row
		waiting = s.collect(waiting)
		s.run(waiting)
	}
}

func (s *store) collect(waiting []*job) []*job {
	for len(waiting) < maxBatch {
		select {
		case j := <-s.jobs:
			waiting = append(waiting, j)
		default:
			return waiting
		}
	}
	return waiting
}

// run writes a batch. A failure of the store rolls all of it back and is everybody's answer.
func (s *store) run(waiting []*job) {
	b := &batch{store: s}
	if err := s.transact(b, waiting); err != nil {
		b.ready = nil
		for _, j := range waiting {
			j.err = fmt.Errorf("write a batch: %w", err)
		}
	}
	// What was due to one job and recorded as tried by a later one of the same batch is no longer on its way once its
	// recorder is answered: handed over then, it would be sent twice.
	b.ready = slices.DeleteFunc(b.ready, func(d delivery) bool { return slices.Contains(b.tried, d.seq) })
	for _, j := range waiting {
		close(j.done)
	}
	if len(b.ready) > 0 || b.delayed {
		s.offer(b.ready, b.delayed)
	}
}

func (s *store) transact(b *batch, waiting []*job) error {
	if err := s.begin.exec(); err != nil {
		return err
	}
	for _, j := range waiting {
		if j.err = j.do(b); errors.Is(j.err, errStore) {
			return errors.Join(j.err, s.rollback.exec())
		}
	}
	if err := s.commit.exec(); err != nil {
		return errors.Join(err, s.rollback.exec())
	}
	return nil
}
