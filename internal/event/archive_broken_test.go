package event

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// failing is a file that ends the process's luck after some bytes, or at a later step.
type failing struct {
	file
	left   int
	sync   error
	closed error
}

var errLuck = errors.New("no space left on device")

func (f *failing) Write(p []byte) (int, error) {
	if f.left < len(p) {
		n, err := f.file.Write(p[:f.left])
		f.left = 0
		return n, errors.Join(err, errLuck)
	}
	f.left -= len(p)
	return f.file.Write(p)
}

func (f *failing) Sync() error  { return errors.Join(f.file.Sync(), f.sync) }
func (f *failing) Close() error { return errors.Join(f.file.Close(), f.closed) }

func TestAnArchiveThatCannotBeWrittenLeavesNothingHalfAndDeletesNothing(t *testing.T) {
	eachArchived(t, func(a *archived) {
		bodies := a.happen(shop, longAgo, 900)
		a.at(longAgo.Add(2 * day))
		real := a.archive.create
		for name, wrap := range map[string]func(file) file{
			"at once":       func(f file) file { return &failing{file: f} },
			"after a while": func(f file) file { return &failing{file: f, left: 1000} },
			"at fsync":      func(f file) file { return &failing{file: f, left: 1 << 30, sync: errLuck} },
			"at close":      func(f file) file { return &failing{file: f, left: 1 << 30, closed: errLuck} },
		} {
			a.archive.create = func(dir, pattern string) (file, error) {
				f, err := real(dir, pattern)
				return wrap(f), err
			}
			if n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive); n != 0 || !errors.Is(err, errLuck) {
				a.Errorf("%s: %d deleted, %v", name, n, err)
			}
			if all := a.files(); len(all) != 0 || a.left() != 900 {
				a.Errorf("%s: files %v, %d events left", name, all, a.left())
			}
		}
		a.archive.create = real
		if n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive); n != 900 || err != nil {
			a.Errorf("%d deleted, %v", n, err)
		}
		if !same(a.bodiesIn("acct_shop", "test/2020-02-27.jsonl.gz"), bodies) {
			a.Error("the archive is not what was deleted")
		}
	})
}

func TestAnArchiveFinishesWhatADeadProcessBegan(t *testing.T) {
	eachArchived(t, func(a *archived) {
		bodies := a.happen(shop, longAgo, 3)
		a.at(longAgo.Add(2 * day))
		real := a.archive.create
		a.archive.create = func(dir, pattern string) (file, error) {
			if strings.Contains(pattern, sumSuffix) {
				return nil, errLuck // the day is in its place, its digest is not
			}
			return real(dir, pattern)
		}
		if n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive); n != 0 || !errors.Is(err, errLuck) {
			a.Errorf("%d deleted, %v", n, err)
		}
		folder := filepath.Join(a.dir, "acct_shop", "test")
		for name, age := range map[string]time.Duration{".2020-02-26.jsonl.gz.1": day + time.Second, ".2020-02-26.jsonl.gz.2": day - 2*dayLag} {
			must(a.T, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
			at := a.now.Now().Add(-age)
			must(a.T, os.Chtimes(filepath.Join(folder, name), at, at))
		}
		a.archive.create = real
		if n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive); n != 3 || err != nil {
			a.Errorf("%d deleted, %v", n, err)
		}
		if !same(a.bodiesIn("acct_shop", "test/2020-02-27.jsonl.gz"), bodies) {
			a.Error("the archive is not what was deleted")
		}
		a.at(longAgo.Add(day))
		a.happen(shop, longAgo.Add(day), 1)
		a.at(longAgo.Add(2*day + dayLag))
		_, err := a.archive.Save(a.Context(), a.now.Now())
		must(a.T, err)
		if got := strings.Join(a.files(), " "); strings.Contains(got, "gz.1") || !strings.Contains(got, "gz.2") {
			a.Errorf("of what dead processes leave there is %s", got)
		}
	})
}

func TestAFileThatIsNotAsItShouldBeKeepsItsEventsInTheDatabase(t *testing.T) {
	for name, spoil := range map[string]func(raw []byte, others []byte) []byte{
		"cut off":           func(raw, _ []byte) []byte { return raw[:len(raw)-9] },
		"empty":             func(_, _ []byte) []byte { return nil },
		"a bit flipped":     func(raw, _ []byte) []byte { raw[len(raw)/2] ^= 1; return raw },
		"something behind":  func(raw, _ []byte) []byte { return append(raw, "more"...) },
		"another day's":     func(_, others []byte) []byte { return others },
		"packed once again": repack,
	} {
		t.Run(name, func(t *testing.T) {
			eachArchived(t, func(a *archived) {
				a.happen(shop, longAgo, 5)
				a.happen("acct_other:test", longAgo.Add(time.Second), 2)
				a.at(longAgo.Add(2 * day))
				_, err := a.archive.Save(a.Context(), a.now.Now())
				must(a.T, err)
				path := filepath.Join(a.dir, "acct_shop/test/2020-02-27.jsonl.gz")
				raw, err := os.ReadFile(path)
				must(a.T, err)
				others, err := os.ReadFile(filepath.Join(a.dir, "acct_other/test/2020-02-27.jsonl.gz"))
				must(a.T, err)
				must(a.T, os.WriteFile(path, spoil(raw, others), 0o600))
				n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive)
				if n != 2 || !errors.Is(err, ErrArchiveDiffers) || !strings.Contains(err.Error(), path) {
					a.Errorf("%d deleted, %v", n, err)
				}
				if left := a.left(); left != 5 {
					a.Errorf("%d events are left", left)
				}
			})
		})
	}
}

func repack(raw, _ []byte) []byte {
	packed, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		panic(err)
	}
	text, err := io.ReadAll(packed)
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	for _, part := range [][]byte{text[:10], text[10:]} {
		if _, err := w.Write(part); err != nil {
			panic(err)
		}
		if err := w.Flush(); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestAnEventThatCameTooLateForItsDayStaysInTheDatabase(t *testing.T) {
	eachArchived(t, func(a *archived) {
		a.happen(shop, longAgo, 2)
		a.at(longAgo.Add(2 * day))
		_, err := a.archive.Save(a.Context(), a.now.Now())
		must(a.T, err)
		late := a.happen(shop, longAgo.Add(time.Hour), 1)
		a.at(longAgo.Add(2 * day))
		n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive)
		if n != 0 || !errors.Is(err, ErrArchiveDiffers) || !strings.Contains(err.Error(), string(late[0][7:37])) {
			a.Errorf("%d deleted, %v; it was %s", n, err, late[0])
		}
	})
}

func TestTwoProcessesMayArchiveTheSameDay(t *testing.T) {
	eachArchived(t, func(a *archived) {
		bodies := a.happen(shop, longAgo, 700)
		a.at(longAgo.Add(2 * day))
		other, err := OpenArchive(a.store, a.dir, a.now)
		must(a.T, err)
		// The other one writes the day, and deletes its events, while this one is about to put its own in place.
		real, first := a.archive.create, true
		a.archive.create = func(dir, pattern string) (file, error) {
			f, err := real(dir, pattern)
			if first {
				first = false
				return &meanwhile{f, func() {
					if n, err := a.store.Prune(a.Context(), a.now.Now(), other); n != 700 || err != nil {
						a.Errorf("the other deleted %d, %v", n, err)
					}
				}}, err
			}
			return f, err
		}
		if n, err := a.store.Prune(a.Context(), a.now.Now(), a.archive); n != 0 || err != nil {
			a.Errorf("%d deleted, %v", n, err)
		}
		if !same(a.bodiesIn("acct_shop", "test/2020-02-27.jsonl.gz"), bodies) || len(a.files()) != 2 {
			a.Errorf("files %v, or not what was deleted", a.files())
		}
	})
}

// meanwhile is a file during whose fsync something happens.
type meanwhile struct {
	file
	do func()
}

func (m *meanwhile) Sync() error {
	m.do()
	return m.file.Sync()
}
