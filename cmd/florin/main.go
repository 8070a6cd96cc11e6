// Command florin is a self-hosted payment platform: florin dev runs everything on one machine, florin serve runs zones in production.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/florinpay/florin/internal/obs"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the command line. Every flag can also come from FLORIN_<FLAG> and from the file of --config.
type commands struct {
	Config   kong.ConfigFlag `help:"Read flags from a YAML or JSON file. A key that no flag has is an error." placeholder:"FILE"`
	JSON     bool            `name:"json" help:"Print JSON: results, errors and logs."`
	LogLevel slog.Level      `help:"Log from this level on: debug, info, warn, error." default:"info"`

	Dev        devCommand      `cmd:"" help:"Run everything on this machine, with a merchant, keys and a simulated acquirer."`
	Serve      serveCommand    `cmd:"" help:"Run zones in production."`
	Migrate    migrateCommand  `cmd:"" help:"Bring the databases to this version."`
	Merchant   merchantGroup   `cmd:"" help:"Merchants."`
	Keys       keysGroup       `cmd:"" help:"API keys."`
	Providers  providersGroup  `cmd:"" help:"Accounts with payment providers."`
	KillSwitch killSwitchGroup `cmd:"" help:"What people have switched off."`
	Audit      auditGroup      `cmd:"" help:"Who changed what."`
	Ledger     ledgerGroup     `cmd:"" help:"The books."`
	Webhooks   webhooksGroup   `cmd:"" help:"Webhooks, as who receives them sees them."`
	Listen     listenCommand   `cmd:"" help:"Forward events to an application on this machine, as signed webhooks."`
	Events     eventsGroup     `cmd:"" help:"Events: what happened."`
	Routing    routingGroup    `cmd:"" help:"Where payments are sent."`
	Logs       logsGroup       `cmd:"" help:"Requests to the API."`
	Trigger    triggerCommand  `cmd:"" help:"Make an event really happen, in the sandbox."`
	Bench      benchGroup      `cmd:"" help:"Measure whole card payments, the storage below them, and webhooks."`
	Version    versionCommand  `cmd:"" help:"Print the version."`
}

// console is where a command speaks: results on out, logs and errors on err.
type console struct {
	out, err io.Writer
	json     bool
	log      *slog.Logger
}

// usageError is a fault in how the command was called, as far as the flags alone show it.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	log.SetOutput(io.Discard) // net/http prints pieces of odd answers by it, past the mask of our own logger
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run parses and runs one command and returns the exit code.
func run(args []string, out, err io.Writer) int {
	var c commands
	exited := -1
	parser, fault := kong.New(&c,
		kong.Name("florin"),
		kong.Description("A self-hosted payment platform."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.DefaultEnvars("FLORIN"),
		kong.Configuration(configFile),
		kong.Writers(out, err),
		kong.Exit(func(code int) { exited = code }),
	)
	if fault != nil {
		fmt.Fprintln(err, "florin:", fault)
		return exitFailed
	}
	parsed, fault := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	con := &console{out: out, err: err, json: c.JSON, log: obs.NewLogger(err, c.JSON, c.LogLevel)}
	if fault != nil {
		return con.fail(usageError{fault})
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal is not caught: it ends the process at once
	parsed.BindTo(ctx, (*context.Context)(nil))
	return con.fail(parsed.Run(con))
}

// fail reports an error and says what to exit with.
func (c *console) fail(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailed
	if usage := (usageError{}); errors.As(err, &usage) {
		code = exitUsage
	}
	if c.json {
		writeJSON(c.err, map[string]any{"error": err.Error(), "exit_code": code})
	} else {
		fmt.Fprintln(c.err, "florin:", strings.TrimPrefix(err.Error(), "florin: ")) // the SDK says who it is, too
	}
	return code
}
