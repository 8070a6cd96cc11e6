# make test runs everything. On a fresh Debian only Go is needed: as root it installs the rest by apt, else it names it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
GO ?= go
LIMIT ?= 15m

# The packages whose goroutines share memory run under the race detector, and only there: no test runs twice.
RACE := internal/db internal/vault internal/idempotency internal/event internal/webhook internal/inbound internal/payment internal/routing internal/routing/adaptive internal/sandbox internal/api internal/id internal/clock internal/limit client
RACED := $(foreach p,$(RACE),$(if $(wildcard $(p)),./$(p)))

.PHONY: test tools format vet staticcheck unit race soak build clean

test: tools format vet staticcheck unit race

# tools are what the tests need beside Go: a C compiler for the race detector, PostgreSQL for the stores; Chromium with a font for the pages,
# Node for the scripts in them, zbar to scan payment codes. Without the last three, or older ones, their tests are skipped by name.
tools:
	@missing=; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	{ command -v postgres || ls /usr/lib/postgresql/*/bin/postgres; } >/dev/null 2>&1 || missing="$$missing postgresql"; \
	wanted=; \
	{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || wanted="$$wanted chromium fonts-liberation"; \
	command -v node >/dev/null || wanted="$$wanted nodejs"; \
	command -v zbarimg >/dev/null || wanted="$$wanted zbar-tools"; \
	if [ -n "$$missing$$wanted" ]; then \
		if [ "$$(id -u)" = 0 ]; then \
			export DEBIAN_FRONTEND=noninteractive; \
			apt-get -o DPkg::Lock::Timeout=120 update -q; \
			apt-get -o DPkg::Lock::Timeout=120 install -qy --no-install-recommends $$missing$$wanted; \
		elif [ -n "$$missing" ]; then echo "make test needs:$$missing (as root: apt-get install$$missing$$wanted)" >&2; exit 1; \
		else echo "make test skips the tests that need:$$wanted (as root: apt-get install$$wanted)" >&2; fi; \
	fi

format:
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these:" >&2; echo "$$unformatted" >&2; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) tool staticcheck ./...

unit:
	$(GO) test -timeout $(LIMIT) $$($(GO) list ./... | grep -vxF "$$($(GO) list $(RACED))")

race:
	CGO_ENABLED=1 $(GO) test -race -timeout $(LIMIT) $(RACED)

# soak runs all of what make test tries a part of: the fault matrix, and the random sequences of operations many times.
# CHECKS is how many sequences on each engine.
CHECKS ?= 5000
soak: tools
	FLORIN_SOAK=1 $(GO) test -count 1 -v -timeout 2h -run 'FaultMatrix' ./internal/payment ./internal/payout
	$(GO) test -count 1 -timeout 4h -run 'AgreeInTheEnd' ./internal/payment -rapid.checks=$(CHECKS)

build:
	$(GO) build -o bin/florin ./cmd/florin

clean:
	rm -rf bin florin-data
