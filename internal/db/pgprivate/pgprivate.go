// Package pgprivate starts a PostgreSQL server of one's own: on a unix socket only, with the durability of a real one,
// and gone with the process that started it. Tests and benchmarks use it.
package pgprivate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrMissing is in the chain of the error when there is no PostgreSQL on this machine.
var ErrMissing = errors.New("PostgreSQL is not installed: apt-get install postgresql")

// Binaries is the folder of the newest PostgreSQL server installed here. It fails with ErrMissing if there is none.
func Binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, path)
		}
	}
	for _, path := range found {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "initdb")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", ErrMissing
}

// version is the number in /usr/lib/postgresql/15/bin/postgres.
func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// Install installs PostgreSQL by apt, if this process may.
func Install(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w (as root)", ErrMissing)
	}
	for _, args := range [][]string{{"update"}, {"install", "-y", "--no-install-recommends", "postgresql"}} {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: apt-get %s: %w: %s", ErrMissing, args[0], err, tail(out))
		}
	}
	return nil
}

func tail(out []byte) string {
	out = bytes.TrimSpace(out)
	return string(out[max(0, len(out)-2000):])
}

// Start starts a server whose files are in dir, which it makes if it is not there or empty, and which stop leaves there.
// The url is of the superuser's database "postgres". The server stops, too, when this process dies. PostgreSQL does not
// run as root: then it runs as an unprivileged user, who must be able to reach dir.
func Start(ctx context.Context, dir string) (url string, stop func() error, err error) {
	return start(ctx, dir, false)
}

// StartTemporary is Start in a folder of its own, which is removed when the server stops. more are settings, as name=value, that
// come after those of a server that means it.
func StartTemporary(ctx context.Context, more ...string) (url string, stop func() error, err error) {
	removeStale()
	dir, err := os.MkdirTemp(shortTemp(), fmt.Sprintf("%s%d-", runPrefix, os.Getpid()))
	if err != nil {
		return "", nil, err
	}
	url, stop, err = start(ctx, dir, true, more...)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return url, stop, nil
}

// The folders in the temporary one, by what they begin with; the id of the process that made them follows.
const (
	runPrefix    = "florin-pg-run-"
	makingPrefix = "florin-pg-making-"
)

// shortTemp is the temporary folder, unless a unix socket's path in it would be too long.
func shortTemp() string {
	if dir := os.TempDir(); len(dir) < 60 {
		return dir
	}
	return "/tmp"
}

// removeStale removes the folders of servers whose process was killed before it could.
func removeStale() {
	for _, prefix := range []string{runPrefix, makingPrefix} {
		old, err := filepath.Glob(filepath.Join(shortTemp(), prefix+"*"))
		if err != nil {
			return // the pattern is constant
		}
		for _, dir := range old {
			owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
			pid, err := strconv.Atoi(owner)
			if err != nil || alive(pid) || serverRuns(dir) {
				continue
			}
			_ = os.RemoveAll(dir) // another process may be at the same, and another user's is not ours to remove
		}
	}
}

// alive tells whether a process is there, if need be another user's.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func serverRuns(dir string) bool {
	pid, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return false
	}
	first, _, _ := bytes.Cut(pid, []byte("\n"))
	n, err := strconv.Atoi(string(first))
	return err == nil && alive(n)
}

func start(ctx context.Context, dir string, temporary bool, more ...string) (string, func() error, error) {
	bin, err := Binaries()
	if err != nil {
		return "", nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return "", nil, err
	}
	if err := as.own(dir); err != nil {
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if err := as.copyTemplate(ctx, bin, data); err != nil {
			return "", nil, err
		}
	}
	server := &server{bin: bin, dir: dir, as: as, temporary: temporary, more: more, ended: make(chan struct{})}
	if err := server.launch(); err != nil {
		return "", nil, err
	}
	if err := server.await(ctx); err != nil {
		return "", nil, errors.Join(err, server.stop())
	}
	return (&url.URL{Scheme: "postgres", Path: "/postgres",
		RawQuery: url.Values{"host": {dir}, "port": {port}, "user": {"postgres"}}.Encode()}).String(), server.stop, nil
}

// account is who the server runs as; nil is this process's own user.
type account struct{ credential *syscall.Credential }

func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return account{}, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return account{}, err
		}
		return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

func (a account) own(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if a.credential == nil {
		return nil
	}
	return os.Chown(dir, int(a.credential.Uid), int(a.credential.Gid))
}

func (a account) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, tail(out))
	}
	return nil
}

// copyTemplate fills data from a cluster that initdb made once on this machine: copying is ten times as fast.
func (a account) copyTemplate(ctx context.Context, bin, data string) error {
	template, err := a.template(ctx, bin)
	if err != nil {
		return err
	}
	return a.run(ctx, "cp", "-a", "--reflink=auto", template, data)
}

// template is made beside its final name and moved there: of several processes, one wins and the others use its work.
func (a account) template(ctx context.Context, bin string) (string, error) {
	uid := os.Getuid()
	if a.credential != nil {
		uid = int(a.credential.Uid)
	}
	info, err := os.Stat(filepath.Join(bin, "initdb"))
	if err != nil {
		return "", err
	}
	home := filepath.Join(shortTemp(), fmt.Sprintf("florin-pg-template-1-%d-%d-%d", version(filepath.Join(bin, "postgres")), info.ModTime().Unix(), uid))
	if _, err := os.Stat(home); err == nil {
		return filepath.Join(home, "data"), trusted(home, uid)
	}
	making, err := os.MkdirTemp(shortTemp(), fmt.Sprintf("%s%d-", makingPrefix, os.Getpid()))
	if err != nil {
		return "", err
	}
	if err := a.own(making); err != nil {
		return "", err
	}
	err = a.run(ctx, filepath.Join(bin, "initdb"), "-D", filepath.Join(making, "data"), "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(making))
	}
	if err := os.Rename(making, home); err != nil {
		if _, there := os.Stat(home); there != nil {
			return "", errors.Join(err, os.RemoveAll(making))
		}
		if err := os.RemoveAll(making); err != nil {
			return "", err
		}
	}
	return filepath.Join(home, "data"), trusted(home, uid)
}

// trusted refuses a template that another user has put there.
func trusted(home string, uid int) error {
	info, err := os.Lstat(home)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(owner.Uid) != uid {
		return fmt.Errorf("%s belongs to another user", home)
	}
	return nil
}

// port is part of the socket's name, whatever PGPORT says.
const port = "5432"

type server struct {
	bin, dir  string
	as        account
	temporary bool
	more      []string // settings
	cmd       *exec.Cmd
	log       bytes.Buffer // safe to read when ended is closed
	ended     chan struct{}
	err       error
}

// settings are those of a server that means it: fsync, full_page_writes and synchronous_commit stay on.
var settings = []string{"listen_addresses=", "port=" + port, "max_connections=200", "shared_buffers=256MB", "max_wal_size=4GB",
	"log_min_messages=fatal", "log_min_error_statement=panic", "logging_collector=off", "unix_socket_permissions=0700"}

// guardian runs the server as its child, so that somebody is left to stop it and to remove its files when the process
// that wanted it has died. $1 is a folder to remove, or nothing.
const guardian = `rm=$1; shift; code=0
"$@" & server=$!
trap 'kill -INT $server' INT TERM
while kill -0 $server 2>/dev/null; do wait $server; code=$?; done
[ -z "$rm" ] || rm -rf "$rm"
exit $code`

// launch starts the server from a thread of its own that lives as long as the server: the kernel sends the guardian its
// signal when the thread that made it dies, not the process.
func (s *server) launch() error {
	args := []string{"-c", guardian, "guardian", "", filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-k", s.dir}
	if s.temporary {
		args[3] = s.dir
	}
	for _, setting := range slices.Concat(settings, s.more) {
		args = append(args, "-c", setting)
	}
	s.cmd = exec.Command("/bin/sh", args...)
	s.cmd.Dir = "/"
	s.cmd.Stderr = &s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as.credential, Pdeathsig: syscall.SIGTERM, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.err = s.cmd.Wait()
			close(s.ended)
		}
	}()
	return <-started
}

// await returns when the server accepts connections.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.ready() {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("PostgreSQL ended at once: %w: %s", s.err, tail(s.log.Bytes()))
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not get ready: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// ready tells whether the server accepts connections: it writes so into its lock file. The file of one that was killed
// says it too, so the socket must answer first, which is opened after the new file is written.
func (s *server) ready() bool {
	conn, err := net.Dial("unix", filepath.Join(s.dir, ".s.PGSQL."+port))
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was said
	status, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	return err == nil && strings.Contains(string(status), "\nready")
}

// stop stops the server as an administrator would, and waits for it.
func (s *server) stop() error {
	select {
	case <-s.ended:
	default:
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	<-s.ended
	if s.temporary {
		return os.RemoveAll(s.dir) // the guardian has; unless it was killed
	}
	return nil
}
