package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// must fails the script on an error.
func must(ts *testscript.TestScript, err error) {
	if err != nil {
		ts.Fatalf("%v", err)
	}
}

// chomp FILE… takes off the line end that ends every file of a script.
func chomp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: chomp FILE...")
	}
	for _, name := range args {
		text := []byte(ts.ReadFile(name))
		must(ts, os.WriteFile(ts.MkAbs(name), bytes.TrimSuffix(text, []byte("\n")), 0o600))
	}
}

// sign SECRET AGE BODY HEADERS signs a file as it was that long ago, by the Standard Webhooks library, and writes the headers to
// a file and to the variables ID, TIMESTAMP and SIGNATURE.
func sign(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: sign SECRET AGE BODY HEADERS")
	}
	signer, err := standardwebhooks.NewWebhook(args[0])
	must(ts, err)
	age, err := time.ParseDuration(args[1])
	must(ts, err)
	at := time.Now().Add(-age)
	signature, err := signer.Sign("evt_1", at, []byte(ts.ReadFile(args[2])))
	must(ts, err)
	stamp := strconv.FormatInt(at.Unix(), 10)
	ts.Setenv("ID", "evt_1")
	ts.Setenv("TIMESTAMP", stamp)
	ts.Setenv("SIGNATURE", signature)
	text := fmt.Sprintf("Content-Type: application/json\nWebhook-Id: evt_1\nWebhook-Timestamp: %s\nWebhook-Signature: %s\n", stamp, signature)
	must(ts, os.WriteFile(ts.MkAbs(args[3]), []byte(text), 0o600))
}

// join OUT FILE… writes files one behind the other.
func join(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: join OUT FILE...")
	}
	var all bytes.Buffer
	for _, name := range args[1:] {
		all.WriteString(ts.ReadFile(name))
	}
	must(ts, os.WriteFile(ts.MkAbs(args[0]), all.Bytes(), 0o600))
}
