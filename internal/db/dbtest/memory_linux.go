package dbtest

import (
	"os"
	"sync"
	"syscall"
)

const (
	memory = "/dev/shm"
	plenty = 2 << 30 // bytes; containers have much less there, unless they are told otherwise
)

// roomInMemory tells whether databases of tests fit into memory. It is asked for each: others write there, too.
func roomInMemory() bool {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err != nil {
		return false // not here
	}
	return int64(fs.Bavail)*fs.Bsize >= plenty && writable()
}

var writable = sync.OnceValue(func() bool {
	f, err := os.CreateTemp(memory, "florin-test-")
	if err != nil {
		return false
	}
	return f.Close() == nil && os.Remove(f.Name()) == nil
})
