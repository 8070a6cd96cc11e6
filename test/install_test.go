package test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/florinpay/florin/internal/db/dbtest"
)

// florin is one installation: what its user has after the set-up, and how to start it again.
type florin struct {
	t       *testing.T
	account string
	secret  string   // sk_test_…
	public  string   // pk_test_…
	dir     string   // holds every file but the logs
	books   []string // flags that lead commands to its databases
	storage []string // and those that lead them to its vault and keys as well; of an installation for production
	run     []string // the command line of the process that is started, killed and stopped
	process *process
	past    []*process // every process so far
	helpers []*process // those that stay: the outside world, a vault of its own

	api, vault, sandbox string
	door                string     // the vault's internal one, if it is a process of its own
	ca                  *authority // of that door
}

// installDev is florin dev: everything in one process on SQLite.
func installDev(t *testing.T) *florin {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "florin-data")
	f := &florin{
		t: t, account: "acct_dev", secret: "sk_test_dev", public: "pk_test_dev", dir: dir,
		books: []string{"--data", dir}, run: []string{"dev", "--data", dir, "--base-port", freeBase(t)},
	}
	f.finally()
	f.start()
	f.sandbox = f.process.zone("sandbox")
	return f
}

// options of an installation for production.
type options struct {
	engine   string // sqlite or postgres
	ownVault bool   // the vault zone in a process of its own
}

// onBothEngines runs a test against installations as in production, on SQLite and on PostgreSQL: a process for the zones, and the
// simulated acquirers in a process of their own, so that they live on when Florin is killed.
func onBothEngines(t *testing.T, test func(t *testing.T, f *florin)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, install(t, options{engine: engine}))
		})
	}
}

// install sets Florin up by its own commands.
func install(t *testing.T, o options) *florin {
	t.Helper()
	f := &florin{t: t, account: "acct_shop", dir: t.TempDir()}
	keys := filepath.Join(f.dir, "keys")
	must(t, os.Mkdir(keys, 0o700))
	main, cards := urls(t, o.engine, f.dir)
	f.books = []string{"--database", main}
	f.storage = append([]string{"--vault-database", cards, "--keys", keys, "--make-keys"}, f.books...)
	runs, runsCards, granting := restricted(t, o.engine, main, cards)

	world := start(t, "serve", "--zones", "sandbox", "--listen-sandbox", "127.0.0.1:0", "--sandbox-file", filepath.Join(f.dir, "sandbox.db"))
	f.helpers = append(f.helpers, world)
	f.sandbox = world.zone("sandbox")

	succeed(t, "", append(append([]string{"migrate", "--vault-database", cards}, granting...), f.books...)...)
	succeed(t, "", append([]string{"merchant", "create", "--name", "Shop", "--id", f.account}, f.books...)...)
	f.secret = f.key("secret", "--scopes", "vault:write")
	f.public = f.key("publishable")

	apiAddress, vaultAddress := freeAddress(t), freeAddress(t)
	for _, acquirer := range []string{"alpha", "beta"} {
		f.connect(acquirer, "http://"+apiAddress, f.storage)
	}
	f.run = []string{"serve", "--local-webhooks", "--listen-api", apiAddress, "--listen-ops", "127.0.0.1:0", "--database", runs}
	if o.ownVault {
		f.run = append(f.run, "--keys", keys)
		f.run = append(f.run, f.startVault(vaultAddress, runsCards)...)
		f.vault = "http://" + vaultAddress
	} else {
		f.run = append(f.run, "--zones", "api,vault,ops,worker", "--listen-vault", vaultAddress, "--vault-database", runsCards, "--keys", keys, "--make-keys")
	}
	f.finally()
	f.start()
	return f
}

func urls(t *testing.T, engine, dir string) (main, cards string) {
	t.Helper()
	if engine == "sqlite" {
		return "sqlite:" + filepath.Join(dir, "florin.db"), "sqlite:" + filepath.Join(dir, "vault.db")
	}
	return dbtest.Postgres(t), dbtest.Postgres(t)
}

// restricted gives the addresses by which florin serves: on PostgreSQL as a role that owns nothing, with the flags by which migrate grants
// it what it needs.
func restricted(t *testing.T, engine, main, cards string) (runs, runsCards string, granting []string) {
	t.Helper()
	if engine == "sqlite" {
		return main, cards, nil
	}
	const role = "florin_serves"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, main)
	must(t, err)
	defer func() { must(t, c.Close(ctx)) }()
	var taken *pgconn.PgError
	if _, err := c.Exec(ctx, "CREATE ROLE "+role+" LOGIN"); err != nil && !errors.As(err, &taken) {
		t.Fatal(err) // another test of this server may have made it
	}
	return asUser(t, main, role), asUser(t, cards, role), []string{"--grant", role}
}

func asUser(t *testing.T, address, user string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	query := u.Query()
	query.Set("user", user)
	u.RawQuery = query.Encode()
	return u.String()
}

func (f *florin) key(kind string, more ...string) string {
	f.t.Helper()
	made := succeed(f.t, "", slices.Concat([]string{"keys", "create", "--merchant", f.account, "--kind", kind}, more, f.books)...)
	return made["key"].(string)
}

// connect registers a provider account on both sides.
func (f *florin) connect(acquirer, api string, storage []string) {
	f.t.Helper()
	credentials := map[string]string{}
	var lines strings.Builder
	for _, name := range []string{"api_key", "signing_key", "webhook_secret"} {
		credentials[name] = fmt.Sprintf("%s-%s-of-a-test", acquirer, name)
		fmt.Fprintf(&lines, "%s=%s\n", name, credentials[name])
	}
	body := map[string]any{"acquirer": acquirer, "webhook_url": api + "/in/" + f.account + "/" + acquirer}
	for name, value := range credentials {
		body[name] = value
	}
	if a := f.do(request{method: "POST", url: f.sandbox + "/control/accounts", body: body}); a.status/100 != 2 {
		f.t.Fatalf("register at the acquirer: %d %s", a.status, a.body)
	}
	succeed(f.t, lines.String(), append([]string{
		"providers", "add", acquirer, "--merchant", f.account, "--provider", "simcard",
		"--setting", "base_url=" + f.sandbox + "/" + acquirer, "--credentials", "-",
	}, storage...)...)
}

// start starts the process that a test may kill or stop, for the first time or again.
func (f *florin) start() {
	f.t.Helper()
	f.process = launch(f.t, f.run...)
	f.past = append(f.past, f.process)
	f.process.await()
	f.api = f.process.zone("api")
	if f.vault == "" {
		f.vault = f.process.zone("vault")
	}
}

// finally stops Florin in good order at the end of the test, and holds the books against their rules.
func (f *florin) finally() {
	f.t.Cleanup(func() {
		for _, p := range f.past {
			defer p.end()
		}
		if f.t.Failed() {
			keepLogs(f.t, f.past...)
			return
		}
		f.process.stop()
		f.verify()
	})
}

// verify fails the test if the books are wrong.
func (f *florin) verify() {
	f.t.Helper()
	if code, out, errs := command(f.t, "", append([]string{"ledger", "verify"}, f.books...)...); code != 0 {
		f.t.Errorf("ledger verify exited with %d:\n%s%s", code, out, errs)
	}
}
