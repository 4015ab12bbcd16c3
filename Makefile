# The words that a laptop and CI share.

SHELL := /bin/bash -euo pipefail
NEXTEST := $(shell command -v cargo-nextest)
# Everything on one machine: http://localhost:8088, data in ./data
RUN ?=

.PHONY: run test check bench bench-peers torture fuzz setup-run setup-test setup-bench setup-peers setup-fuzz

## Runs the main job: commands, policies, read side and web page in one process.
run: setup-run
	cargo run --release --package command-api --bin command-api -- $(RUN)

## Installs what the tests need and is missing, then runs all of them.
test: setup-test
ifdef NEXTEST
	cargo nextest run --workspace
else
	cargo test --workspace --lib --bins --tests
endif
	cargo test --workspace --doc

## What a change must pass before anybody reads it.
check: setup-run
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --document-private-items

## Measures everything next to its limit, and writes deploy/BENCHMARKS.md. Takes some minutes.
bench: setup-bench
	deploy/bench

## Measures the engine next to the event stores that somebody could take instead, and writes deploy/PEERS.md. Builds them first.
bench-peers: setup-peers
	event-store/benches/peers/run | tee deploy/PEERS.md.new
	mv deploy/PEERS.md.new deploy/PEERS.md

## The strong forms of the crash tests, for as long as one likes: CYCLES=1000 SEEDS=100000 make torture
torture: setup-test
	GIROK_CRASH_CYCLES=$${CYCLES:-50} GIROK_SEEDS=$${SEEDS:-100000} \
	  cargo test --release --package command-api --test faults --test simulation -- --nocapture

## Looks for bytes from outside that some parser does not stand: SECONDS=600 TARGETS="log protocol" make fuzz
fuzz: setup-fuzz
	nice command-api/fuzz/run $(or $(SECONDS),60) $(TARGETS)

# A Rust toolchain links with cc, and SQLite is built from C.
setup-run:
	@command -v cc > /dev/null || $(MAKE) --no-print-directory install PACKAGES="gcc libc6-dev"

# Faults are made with strace, faketime and disks of their own. A private Postgres cluster is started from the installed binaries; the server that the package may
# start is not used. The official EventStoreDB clients of other languages and schemathesis are kept in the target folder.
setup-test: setup-run
	@command -v chromium > /dev/null && command -v chromedriver > /dev/null \
	  || $(MAKE) --no-print-directory install PACKAGES="chromium chromium-driver fonts-noto-cjk"
	@command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 \
	  || $(MAKE) --no-print-directory install PACKAGES="postgresql"
	@command -v strace > /dev/null && command -v faketime > /dev/null && command -v mkfs.ext4 > /dev/null \
	  || $(MAKE) --no-print-directory install PACKAGES="strace faketime e2fsprogs"
	@command -v npm > /dev/null || $(MAKE) --no-print-directory install PACKAGES="nodejs npm"
	@python3 -m pip --version > /dev/null 2>&1 || $(MAKE) --no-print-directory install PACKAGES="python3-pip"
	@python3 -c 'import ensurepip' 2> /dev/null || $(MAKE) --no-print-directory install PACKAGES="python3-venv"
	@event-store/tests/clients/install
	@command-api/tests/openapi/install

# libFuzzer is written in C++.
setup-fuzz: setup-run
	@command -v g++ > /dev/null || $(MAKE) --no-print-directory install PACKAGES="g++"

setup-bench: setup-run
	@command -v wrk > /dev/null || $(MAKE) --no-print-directory install PACKAGES="wrk"

# Peers are built in Rust, one of them from a protocol definition, or installed for Node and Python.
setup-peers: setup-run
	@command -v protoc > /dev/null || $(MAKE) --no-print-directory install PACKAGES="protobuf-compiler"
	@command -v initdb > /dev/null || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 \
	  || $(MAKE) --no-print-directory install PACKAGES="postgresql"
	@command -v npm > /dev/null || $(MAKE) --no-print-directory install PACKAGES="nodejs npm"
	@python3 -c 'import ensurepip' 2> /dev/null || $(MAKE) --no-print-directory install PACKAGES="python3-venv"

.PHONY: install
install:
	$(if $(filter 0,$(shell id -u)),,sudo) apt-get update -qq
	$(if $(filter 0,$(shell id -u)),,sudo) env DEBIAN_FRONTEND=noninteractive \
	  apt-get install -y -qq --no-install-recommends $(PACKAGES)
