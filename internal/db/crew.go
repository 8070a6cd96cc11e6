package db

import "sync"

// crew is the handlers of one sweep that run. One goroutine starts them.
type crew struct {
	sweep   Sweep
	group   int           // the column whose values have a share each; -1: none has
	left    chan struct{} // holds one while a handler has ended since it was last looked at
	running sync.WaitGroup

	mu    sync.Mutex
	busy  int
	share map[string]int // of busy, by group
}

func newCrew(s Sweep) *crew {
	c := &crew{sweep: s, group: -1, left: make(chan struct{}, 1), share: map[string]int{}}
	if s.Group != "" {
		c.group = s.Table.column(s.Group)
	}
	return c
}

// free is how many more may run.
func (c *crew) free() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sweep.Limit - c.busy
}

// start runs a handler of a row.
func (c *crew) start(row []any, do func()) {
	group := c.groupOf(row)
	c.mu.Lock()
	c.busy++
	c.share[group]++
	c.mu.Unlock()
	c.running.Go(func() {
		defer c.leave(group)
		do()
	})
}

func (c *crew) leave(group string) {
	c.mu.Lock()
	c.busy--
	if c.share[group]--; c.share[group] == 0 {
		delete(c.share, group)
	}
	c.mu.Unlock()
	select {
	case c.left <- struct{}{}:
	default:
	}
}

// groupOf is a row's group; all rows are of one if groups have no share.
func (c *crew) groupOf(row []any) string {
	if c.group < 0 {
		return ""
	}
	return row[c.group].(string)
}

// full is the groups that have their share.
func (c *crew) full() []any {
	if c.group < 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var full []any
	for group, n := range c.share {
		if n >= c.sweep.Share {
			full = append(full, group)
		}
	}
	return full
}

// fair leaves out the rows that go over their group's share.
func (c *crew) fair(rows [][]any) [][]any {
	if c.group < 0 {
		return rows
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	more := map[string]int{}
	var fair [][]any
	for _, row := range rows {
		group := c.groupOf(row)
		if c.share[group]+more[group] < c.sweep.Share {
			more[group]++
			fair = append(fair, row)
		}
	}
	return fair
}
