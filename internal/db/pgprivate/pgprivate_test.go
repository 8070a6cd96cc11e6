package pgprivate_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/florinpay/florin/internal/db/pgprivate"
)

// wantsServer, in the environment, makes this test binary a process that starts a server, says where, and waits to be killed.
const wantsServer = "FLORIN_TEST_WANTS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(wantsServer) == "" {
		os.Exit(m.Run())
	}
	at, _, err := pgprivate.StartTemporary(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(at)
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await polls until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it did not come to pass that %s", what)
		}
	}
}

func needPostgres(t *testing.T) {
	t.Helper()
	if _, err := pgprivate.Binaries(); err != nil {
		t.Skip(err)
	}
}

// folderOf is where a server's files and its socket are.
func folderOf(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	must(t, err)
	return u.Query().Get("host")
}

// serverOf is the process id of a server.
func serverOf(t *testing.T, at string) int {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(folderOf(t, at), "data", "postmaster.pid"))
	must(t, err)
	first, _, _ := bytes.Cut(lock, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	must(t, err)
	return pid
}

func runs(pid int) bool { return syscall.Kill(pid, 0) == nil }

func ask(t *testing.T, at, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), at)
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	var said string
	if err := conn.QueryRow(t.Context(), sql).Scan(&said); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", sql, err)
	}
	return said
}

func TestATemporaryServerIsDurableAndGoneWhenStopped(t *testing.T) {
	needPostgres(t)
	at, stop, err := pgprivate.StartTemporary(t.Context())
	must(t, err)
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if got := ask(t, at, "SHOW "+setting); got != "on" {
			t.Errorf("%s is %s", setting, got)
		}
	}
	if got := ask(t, at, "SHOW listen_addresses"); got != "" {
		t.Errorf("it listens on %s", got)
	}
	pid, dir := serverOf(t, at), folderOf(t, at)
	must(t, stop())
	must(t, stop()) // once more is harmless
	if _, err := os.Stat(dir); runs(pid) || !os.IsNotExist(err) {
		t.Errorf("it runs: %t; its folder: %v", runs(pid), err)
	}
}

func TestAServerKeepsItsFilesAndStartsAgainAfterACrash(t *testing.T) {
	needPostgres(t)
	dir, err := os.MkdirTemp("", "florin-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	at, stop, err := pgprivate.Start(t.Context(), dir)
	must(t, err)
	ask(t, at, "CREATE TABLE kept (what TEXT)")
	ask(t, at, "INSERT INTO kept VALUES ('this')")
	must(t, stop())
	at, stop, err = pgprivate.Start(t.Context(), dir)
	must(t, err)
	must(t, syscall.Kill(serverOf(t, at), syscall.SIGKILL)) // its lock file stays, and says that it is ready
	must(t, stop())
	await(t, "it starts", func() bool { // the workers of the dead one must have noticed
		at, stop, err = pgprivate.Start(t.Context(), dir)
		return err == nil
	})
	if got := ask(t, at, "SELECT what FROM kept"); got != "this" {
		t.Errorf("it kept %q", got)
	}
	must(t, stop())
}

// A test binary that is killed, or runs into its time limit, stops nothing itself.
func TestAServerDiesWithTheProcessThatWantedIt(t *testing.T) {
	needPostgres(t)
	t.Run("as this user", func(t *testing.T) { diesWithItsProcess(t, os.Args[0], nil) })
	t.Run("as an ordinary user", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("this user is one")
		}
		nobody, err := user.Lookup("nobody")
		must(t, err)
		uid, err := strconv.Atoi(nobody.Uid)
		must(t, err)
		diesWithItsProcess(t, reachable(t), &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)})
	})
}

func diesWithItsProcess(t *testing.T, binary string, as *syscall.Credential) {
	cmd := exec.Command(binary)
	cmd.Env, cmd.Dir = append(os.Environ(), wantsServer+"=1"), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = stdin.Close() })
	at, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	at = at[:len(at)-1]
	pid, dir := serverOf(t, at), folderOf(t, at)
	if !runs(pid) {
		t.Fatal("it does not run")
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	await(t, "the server is gone", func() bool { return !runs(pid) })
	await(t, "its folder is gone", func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) })
}

// reachable is a copy of this binary where every user can run it.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "florin-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	text, err := os.ReadFile(os.Args[0])
	must(t, err)
	path := filepath.Join(dir, "pgprivate.test")
	must(t, os.WriteFile(path, text, 0o755))
	return path
}
