package inbound

import "sync"

// copies adds up what comes at once for the same record: while one number is being written, the next one grows. So a crowd of copies
// is counted to the last one and costs two commits, not one each that all get into each other's way.
type copies struct {
	mu      sync.Mutex
	growing map[string]*crowd // by record: not yet being written
	writing map[string]*crowd
}

// crowd is a number of copies that are written together.
type crowd struct {
	n    int64
	done chan struct{}
	err  error // once done is closed
}

func newCopies() *copies {
	return &copies{growing: map[string]*crowd{}, writing: map[string]*crowd{}}
}

// add counts one more copy of a record, by write or by that of another copy, and returns once it is written.
func (c *copies) add(record string, write func(n int64) error) error {
	c.mu.Lock()
	if joined := c.growing[record]; joined != nil {
		joined.n++
		c.mu.Unlock()
		<-joined.done
		return joined.err
	}
	mine, before := &crowd{n: 1, done: make(chan struct{})}, c.writing[record]
	c.growing[record] = mine
	c.mu.Unlock()
	if before != nil {
		<-before.done
	}
	c.mu.Lock()
	delete(c.growing, record)
	c.writing[record] = mine
	c.mu.Unlock()
	defer c.end(record, mine)
	mine.err = write(mine.n)
	return mine.err
}

func (c *copies) end(record string, written *crowd) {
	c.mu.Lock()
	delete(c.writing, record)
	c.mu.Unlock()
	close(written.done)
}
