.PHONY: help demo test test-majors soak boards victoria pictures bench fuzz check kubernetes deb image link-order golden clean

# Tests mostly wait for servers and deadlines, so there are more of them than CPU cores.
export RUST_TEST_THREADS ?= $(shell expr 2 \* $$(nproc))

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 13

demo: ## run a temporary PostgreSQL with six tenants, the agent, Prometheus and Alertmanager
	@scripts/check-rust
	@scripts/demo

test: ## run all tests, which start their own servers
	@scripts/check-rust
	@scripts/need cc openssl postgresql prometheus promtool alertmanager ntfy partman pgbouncer strace systemd-analyze
	scripts/cargo-test --locked --lib --bins --test package --test agent
	PG_BIN="$$(scripts/postgres 18)" scripts/cargo-test --locked --test stack

boards: ## write dashboards/*.json from the source in boards
	scripts/boards

victoria: ## check rules and dashboards with VictoriaMetrics, which gets samples by remote write
	@scripts/need cc openssl postgresql prometheus promtool pgbouncer victoria-metrics vmalert
	PG_BIN="$$(scripts/postgres 18)" cargo test --locked --test stack -- --ignored victoria::

pictures: ## draw the dashboards and the live page, as in docs/img
	@scripts/need cc openssl postgresql prometheus promtool
	cargo build --locked --release
	AGENT_PROGRAM="$(CURDIR)/target/release/pgcommons" cargo test --locked --test stack -- --ignored pictures:: page::

test-majors: ## run the integration tests with PostgreSQL 12 to 18, or MAJORS="13 16"
	@scripts/need cc openssl postgresql pgbouncer strace systemd-analyze
	scripts/test-majors $(MAJORS)

fuzz: ## read two million damaged backup files, or FUZZ_CASES=100000 of each kind
	TMPDIR=/dev/shm PROPTEST_CASES=$${FUZZ_CASES:-1000000} cargo test --locked --lib -- --nocapture backups::tests::fuzz

soak: ## run an hour of polls in two minutes, or SOAK_POLLS=100000: memory and file descriptors must not grow
	@scripts/need cc openssl postgresql
	cargo test --locked --test agent -- --ignored --nocapture soak::

check: ## check format, lints, documentation, example configuration, golden metrics, dashboards, rules, systemd unit, container files
	@scripts/need cc promtool amtool docker-compose hadolint systemd-analyze
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps
	cargo run --locked --quiet -- --config.check --config.file pgcommons.example.yaml
	scripts/check-golden
	scripts/boards --check
	scripts/check-rules
	scripts/check-unit
	scripts/check-deploy

kubernetes: ## check the manifests with kubectl and the schemas of Kubernetes and Prometheus Operator
	scripts/check-kubernetes

deb: ## build the Debian package in target/debian
	scripts/deb

image: ## build the image without Docker and scrape its agent; QUICK=1: little optimisation, REPRODUCE=1: build twice and compare
	@scripts/need cc buildah curl ip mmdebstrap postgresql python3
	scripts/image

bench: ## compare pgcommons with other exporters and write docs/performance.md; QUICK=1: a part, in three minutes; ROUNDS=1: once; CELLS="1x10": these cells
	@scripts/need cc postgresql python3 wrk
	bench/peers
	cargo build --locked --release
	python3 -B bench

link-order: ## write link-order.txt: the functions that a running agent executes
	@scripts/need cc postgresql python3 valgrind
	cargo rustc --locked --release --bin pgcommons -- -C strip=none
	mkdir -p target/link-order && mv target/release/pgcommons target/link-order/pgcommons
	python3 -B bench/link_order.py

golden: ## update golden files, manual pages and completions
	@scripts/need cc openssl postgresql pgbouncer strace systemd-analyze
	UPDATE_EXPECT=1 cargo test --locked --lib --bins --test package --test agent

clean: ## remove all build output
	cargo clean
