package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/florinpay/florin/client"
	"github.com/florinpay/florin/internal/secret"
)

// remote is the Florin that a command calls, and with which key: that of florin dev if nothing is said.
type remote struct {
	APIURL string      `help:"Address of the api zone." default:"http://127.0.0.1:8080" placeholder:"URL" name:"api-url"`
	Key    secret.Text `help:"Secret or restricted key. FLORIN_KEY keeps it from those who can see the command line." default:"sk_test_dev" placeholder:"KEY"`
}

// client calls it. No error has the key in it.
func (r remote) client(options ...client.Option) (*client.Client, error) {
	made, err := client.New(r.Key.Reveal(), append([]client.Option{client.WithBaseURL(r.APIURL)}, options...)...)
	if err != nil {
		return nil, usagef("--api-url or --key: %w", err)
	}
	return made, nil
}

// beside is where another zone of the same florin dev listens, unless an address is given.
func (r remote) beside(zone, given, flag string) (string, error) {
	if given != "" {
		return strings.TrimRight(given, "/"), nil
	}
	api, err := url.Parse(r.APIURL)
	var port int
	if err == nil {
		_, err = fmt.Sscan(api.Port(), &port)
	}
	if err != nil || api.Scheme != "http" {
		return "", usagef("%s is needed: it follows from --api-url only for a florin dev", flag)
	}
	return fmt.Sprintf("http://%s:%d", api.Hostname(), port+devOffsets[zone]), nil
}

// ago is a time that has passed, as people say it: no finer than a second.
func ago(d time.Duration) string { return d.Abs().Round(time.Second).String() }
