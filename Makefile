# Each target that a person calls does its own set-up first: see tools/setup.py.
.DEFAULT_GOAL := build
.PHONY: build all demo test check lint bench fidelity fuzz clean help

export PATH := $(CURDIR)/.tools/bin:$(PATH)
CARGO ?= cargo
PYTHON ?= python3
ROUNDS ?= 15
SECONDS_EACH ?= 60

help: ## say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -e 's/:.*## /\t/' | expand -t 10

build: ## build target/release/cgolink
	$(CARGO) build --release

all: build

demo: ## link the sample program through every door for both targets, run it, compare the linkers found
	$(PYTHON) tools/setup.py demo
	$(CARGO) build --release
	$(PYTHON) tools/demo.py

test: ## everything: lints, documentation, licences, unit tests, links that are run, Go programs
	$(PYTHON) tools/setup.py test
	$(MAKE) lint
	$(CARGO) test --no-fail-fast

lint: ## formatting, clippy, rustdoc, licences and sources of the dependencies
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --quiet -- -D warnings
	$(CARGO) check --quiet --manifest-path fuzz/Cargo.toml
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --no-deps --document-private-items --quiet
	$(CARGO) deny --log-level error check bans licenses sources

bench: ## get the peers that are missing and measure all of them on real Go programs
	$(PYTHON) tools/setup.py bench
	$(CARGO) build --release
	$(PYTHON) tools/bench.py run --rounds $(ROUNDS)
	$(CARGO) bench

fidelity: ## link real Go programs with Go's linker and with cgolink, compare, write docs/FIDELITY.md (takes long)
	$(PYTHON) tools/setup.py fidelity
	$(CARGO) build --release
	$(PYTHON) tools/fidelity.py --fresh; differ=$$?; $(PYTHON) tools/fidelity.py --tests && exit $$differ

fuzz: ## run each fuzz target for SECONDS_EACH seconds (needs cargo-fuzz and a nightly toolchain)
	$(PYTHON) tools/fuzz.py --seconds $(SECONDS_EACH)

clean: ## remove what was built; what was installed under .tools stays
	$(CARGO) clean
	rm -rf demo-out bench-out fidelity-out fuzz/target
