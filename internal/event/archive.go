package event

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/florinpay/florin/internal/clock"
	"github.com/florinpay/florin/internal/id"
)

const (
	day = 24 * time.Hour
	// dayLag is how long after its end a day counts as over: by then whatever was under way has landed.
	dayLag = time.Hour
	// maxLine bounds what is read of an archive at once. No event comes near it.
	maxLine = 16 << 20
)

// ErrArchiveDiffers is in the chain of errors about a file of the archive that is damaged, or lacks what the database has.
var ErrArchiveDiffers = errors.New("the archive does not hold what it should")

// Archive is a directory that keeps events when the database no longer does: DIR/ACCOUNT/MODE/2026-11-22.jsonl.gz for each
// tenant and day, in UTC, of an event's id. It is gzipped JSON lines, each the body of an event byte for byte, in the order of
// their ids; a file of the same name with .sha256 behind it is what sha256sum -c reads.
//
// A file is there whole or not at all, and is never written again. Several processes may share the directory.
type Archive struct {
	store *Store
	dir   string
	clock clock.Clock

	create func(dir, pattern string) (file, error) // os.CreateTemp, or what a test puts in its place
}

// file is a file that is being written.
type file interface {
	io.WriteCloser
	Sync() error
	Name() string
}

// OpenArchive makes the directory if it is not there, and fails if it cannot be written to.
func OpenArchive(s *Store, dir string, c clock.Clock) (*Archive, error) {
	a := &Archive{store: s, dir: dir, clock: c, create: func(dir, pattern string) (file, error) { return os.CreateTemp(dir, pattern) }}
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = syncFolder(filepath.Dir(dir))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".probe.*")
	if err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	return a, nil
}

// Saved is what a Save did.
type Saved struct {
	Written  int       // files
	Verified int       // files that were there
	Events   int64     // in the files that were written
	Until    time.Time // the days before this one are in the archive
}

// Save archives every day that ends at before or earlier and is over; days that are in the archive are verified. A file that
// is not as it should be fails with ErrArchiveDiffers when all others are done.
func (a *Archive) Save(ctx context.Context, before time.Time) (Saved, error) {
	until := a.clock.Now().Add(-dayLag)
	if before.Before(until) {
		until = before
	}
	done := Saved{Until: dayOf(until)}
	err := a.store.eachDay(ctx, done.Until, func(tenant string, of time.Time) error {
		n, written, err := a.keep(ctx, tenant, of)
		switch {
		case err != nil:
			return err
		case written:
			done.Written++
			done.Events += n
		default:
			done.Verified++
		}
		return nil
	})
	return done, err
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(day) }

// keep sees to it that a tenant's day is in the archive: when it returns nil, every event of it may leave the database.
func (a *Archive) keep(ctx context.Context, tenant string, of time.Time) (events int64, written bool, err error) {
	path, err := a.path(tenant, of)
	if err != nil {
		return 0, false, fmt.Errorf("archive %s: %w", tenant, err)
	}
	_, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		events, err = a.write(ctx, path, tenant, of)
		written = err == nil
	}
	if err == nil && !written || errors.Is(err, fs.ErrExist) { // ErrExist: another process was faster
		err = a.verify(ctx, path, tenant, of)
	}
	if err != nil {
		return 0, false, fmt.Errorf("archive %s: %w", path, err)
	}
	return events, written, nil
}

func (a *Archive) path(tenant string, of time.Time) (string, error) {
	account, live, ok := id.SplitTenant(tenant)
	if !ok || !filepath.IsLocal(account) || strings.ContainsAny(account, `/\`) || strings.HasPrefix(account, ".") {
		return "", fmt.Errorf("%q cannot be the name of a folder", tenant)
	}
	mode := "test"
	if live {
		mode = "live"
	}
	return filepath.Join(a.dir, account, mode, of.Format(time.DateOnly)+".jsonl.gz"), nil
}

// write puts a whole day where none is. It fails with fs.ErrExist if there is one.
func (a *Archive) write(ctx context.Context, path, tenant string, of time.Time) (int64, error) {
	if err := a.makeFolder(filepath.Dir(path)); err != nil {
		return 0, err
	}
	sum, events := sha256.New(), int64(0)
	temporary, err := a.writeBeside(path, func(w io.Writer) error {
		packed := gzip.NewWriter(io.MultiWriter(w, sum))
		err := a.store.eachOfDay(ctx, tenant, of, func(e Event) error {
			if bytes.IndexByte(e.Body, '\n') >= 0 {
				return fmt.Errorf("the body of %s is more than one line", e.ID)
			}
			events++
			if _, err := packed.Write(e.Body); err != nil {
				return err
			}
			_, err := packed.Write([]byte{'\n'})
			return err
		})
		if err != nil {
			return err
		}
		return packed.Close()
	})
	if err != nil {
		return 0, err
	}
	defer os.Remove(temporary)
	// A link, not a rename: of two that write the file the second must not replace it, because the first may have begun to
	// delete what is in it.
	if err := os.Link(temporary, path); err != nil {
		return 0, err
	}
	return events, a.writeSum(path, sum)
}

// writeSum writes the digest of a file beside it, and makes both names durable.
func (a *Archive) writeSum(path string, sum hash.Hash) error {
	temporary, err := a.writeBeside(path+sumSuffix, func(w io.Writer) error {
		_, err := io.WriteString(w, sumLine(path, sum))
		return err
	})
	if err != nil {
		return err
	}
	if err := os.Rename(temporary, path+sumSuffix); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncFolder(filepath.Dir(path))
}

const sumSuffix = ".sha256"

func sumLine(path string, sum hash.Hash) string {
	return hex.EncodeToString(sum.Sum(nil)) + "  " + filepath.Base(path) + "\n"
}

// writeBeside writes a file, on the disk when it returns, into the folder of path, under a name of its own that begins with a
// dot. Nothing is left of one that fails.
func (a *Archive) writeBeside(path string, fill func(io.Writer) error) (temporary string, err error) {
	f, err := a.create(filepath.Dir(path), "."+filepath.Base(path)+".*") // CreateTemp's mode is 0600
	if err != nil {
		return "", err
	}
	buffered := bufio.NewWriterSize(f, 1<<16)
	err = fill(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// makeFolder makes a tenant's folder durable, and takes away what a process that died left in it.
func (a *Archive) makeFolder(folder string) error {
	for _, f := range []string{filepath.Dir(folder), folder} {
		err := os.Mkdir(f, 0o700)
		if err == nil {
			err = syncFolder(filepath.Dir(f))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			continue
		}
		// Another process may be writing right now, but not for a day.
		if info, err := e.Info(); err == nil && a.clock.Now().Sub(info.ModTime()) > day {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// syncFolder makes the names in a folder as durable as what they name.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// verify fails with ErrArchiveDiffers unless a file is whole and holds every event that the database has of the day. It may
// hold more: those that were deleted since.
func (a *Archive) verify(ctx context.Context, path, tenant string, of time.Time) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	sum := sha256.New()
	err = a.compare(ctx, io.TeeReader(f, sum), tenant, of)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	noted, err := os.ReadFile(path + sumSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist): // whoever wrote the file died before the next step
		return a.writeSum(path, sum)
	case err != nil:
		return err
	case string(noted) != sumLine(path, sum):
		return fmt.Errorf("%w: it is not what %s says", ErrArchiveDiffers, filepath.Base(path)+sumSuffix)
	}
	return nil
}

// compare reads a file to its end, beside the events of its day.
func (a *Archive) compare(ctx context.Context, raw io.Reader, tenant string, of time.Time) error {
	packed, err := gzip.NewReader(bufio.NewReaderSize(raw, 1<<16))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchiveDiffers, err)
	}
	lines := bufio.NewScanner(packed)
	lines.Buffer(nil, maxLine)
	err = a.store.eachOfDay(ctx, tenant, of, func(e Event) error {
		for lines.Scan() {
			if bytes.Equal(lines.Bytes(), e.Body) {
				return nil
			}
		}
		if lines.Err() != nil {
			return nil // told below
		}
		return fmt.Errorf("%w: it lacks %s as the database has it", ErrArchiveDiffers, e.ID)
	})
	if err != nil {
		return err
	}
	for lines.Scan() { // to the end, where gzip's own checksum is
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrArchiveDiffers, err)
	}
	return nil
}
