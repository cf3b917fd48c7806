.PHONY: help demo test test-majors soak pictures bench check kubernetes deb image golden clean

# Tests wait more than they compute: for deadlines to pass, and for servers.
export RUST_TEST_THREADS ?= $(shell expr 2 \* $$(nproc))

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 13

demo: ## a throw-away PostgreSQL with six tenants, and agent, Prometheus and Alertmanager watching it
	@scripts/demo

test: ## all tests, against servers of their own
	@scripts/need cc openssl postgresql prometheus promtool alertmanager partman pgbouncer strace systemd-analyze
	scripts/cargo-test --locked --lib --bins --test package --test agent
	PG_BIN="$$(scripts/postgres 18)" scripts/cargo-test --locked --test stack

pictures: ## draw the boards, as they are in docs/img
	@scripts/need cc openssl postgresql prometheus promtool
	cargo test --locked --test stack -- --ignored

test-majors: ## the integration tests, against PostgreSQL 13 to 18 or MAJORS="13 16"
	@scripts/need cc openssl postgresql pgbouncer strace systemd-analyze
	scripts/test-majors $(MAJORS)

soak: ## an hour's worth of polls in two minutes, or SOAK_POLLS=100000: memory and files stay flat
	@scripts/need cc openssl postgresql
	cargo test --locked --test agent -- --ignored --nocapture soak::

check: ## format, lints, documentation, the example configuration, the golden metrics, the rules, the unit, the files for containers
	@scripts/need cc promtool amtool docker-compose hadolint systemd-analyze
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps
	cargo run --locked --quiet -- --config.check --config.file pgcommons.example.yaml
	scripts/check-golden
	scripts/check-rules
	scripts/check-unit
	scripts/check-deploy

kubernetes: ## the manifests, by kubectl and the schemas of Kubernetes and Prometheus Operator
	scripts/check-kubernetes

deb: ## the package for Debian, in target/debian
	scripts/deb

image: ## build the image without Docker, and scrape the agent in it; with QUICK=1 hardly optimised, with REPRODUCE=1 twice
	@scripts/need cc buildah curl ip mmdebstrap postgresql python3
	scripts/image

bench: ## pgcommons beside its peers, to docs/performance.md; with QUICK=1 a part of it, in less than three minutes, ROUNDS=1 once, CELLS="1x10" a part of it
	@scripts/need cc postgresql python3 wrk
	bench/peers
	cargo build --locked --release
	python3 -B bench

golden: ## rewrite the golden files, manual pages and completions from what the code does now
	@scripts/need cc openssl postgresql pgbouncer strace systemd-analyze
	UPDATE_EXPECT=1 cargo test --locked --lib --bins --test package --test agent

clean: ## remove everything that was built
	cargo clean
