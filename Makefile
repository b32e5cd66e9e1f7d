# Anjia. `make help` lists what there is.

export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET := $(or $(CARGO_TARGET_DIR),target)
ANJIA := $(TARGET)/debug/anjia
# More arguments for the command, as in `make demo ARGS=--json`.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup build up down demo verify test lint chart fmt bench reset

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Set up what this machine lacks: Postgres, Redis, a C linker
	@tools/setup.sh

build: setup ## Build every program (debug)
	@cargo build --workspace --bins

up: build ## Start the mesh and leave it running: Postgres, Redis, five services; ARGS=--gateway: REST, too
	@case " $(ARGS) " in *" --gateway "*) tools/setup.sh gateway;; esac
	@$(ANJIA) up $(ARGS)

down: ## Stop what `make up` started
	@if [ -x $(ANJIA) ]; then $(ANJIA) down $(ARGS); else echo "nothing is up"; fi

demo: build ## Walk the referral journey on a mesh of its own
	@$(ANJIA) demo $(ARGS)

verify: build ## Check every invariant and the audit chains of the running mesh
	@$(ANJIA) verify $(ARGS)

test: lint chart ## Check everything: format, lints, protos, the chart, every test
	@tools/setup.sh gateway
	@# Every target: programs alone would be built with fewer features of what they use, and all of it again for the tests.
	cargo build --workspace --all-targets
	cargo test --workspace --no-fail-fast $(ARGS)

lint: ## Check format, lints, the shape of the code, migrations and protos
	@tools/setup.sh lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --quiet --workspace --test tidy
	@buf=$$(command -v buf || ls .dev/bin/buf-* 2>/dev/null | tail -1); \
	  if [ -n "$$buf" ]; then echo buf lint proto; $$buf lint proto; else echo "buf is not at hand: protos not linted"; fi

chart: ## Check the Helm chart: lint, render, hold it against the Kubernetes API
	@tools/chart.sh

fmt: ## Format the code
	@cargo fmt --all

bench: setup ## Measure a release build
	@cargo build --release --workspace --bins
	@$(TARGET)/release/anjia bench $(ARGS)

reset: ## Stop the mesh and remove its data and keys
	@if [ -x $(ANJIA) ]; then $(ANJIA) down --wipe; fi
