package main

import (
	"fmt"
	"os"

	"github.com/florinpay/florin/internal/fault"
	"github.com/florinpay/florin/internal/routing"
)

// readPolicy reads and compiles the file of a policy.
func readPolicy(name string, accounts []string) (*routing.Policy, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the policy (built in are fixed, windowed, windowed-bin, adaptive and oracle): %w", err)
	}
	document, err := routing.Read(text)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	policy, wrong := routing.Compile(document, accounts)
	if err != nil {
		err = routing.Together(err, wrong)
	} else {
		err = wrong
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return policy, nil
}
