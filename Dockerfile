# The agent as one static program on an empty root file system: no shell, no libraries, nobody's account.
#
#   docker build --build-arg REVISION="$(git rev-parse --short=12 HEAD)" -t pgcommons .
#
# Nothing here names an architecture: docker buildx build --platform linux/amd64,linux/arm64 makes both.

# The tag says the compiler; for the same bytes next year, give the digest as well: --build-arg RUST_IMAGE=...@sha256:...
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm

FROM ${RUST_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /src
# A static libc is right only where there are no modules for looking up names that it could load, as below.
ENV RUSTFLAGS="-C target-feature=+crt-static"
# Cargo knows these, and puts them before Cargo.toml: for a build that is tried and thrown away.
ARG CARGO_PROFILE_RELEASE_LTO
ARG CARGO_PROFILE_RELEASE_CODEGEN_UNITS

# The dependencies, with a program that does nothing: a layer that lasts until Cargo.lock changes. Naming the target keeps
# RUSTFLAGS away from macros and build scripts.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' >src/main.rs && touch src/lib.rs \
    && cargo build --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')"

COPY build.rs ./
COPY src src
ARG REVISION=unknown
# What was copied may be older than what was built of nothing.
RUN touch src/main.rs src/lib.rs \
    && PGCOMMONS_REVISION="${REVISION}" cargo build --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')" \
    && install -D -t /root-fs/usr/bin target/*/release/pgcommons

# Certificates for sslmode=verify-full, and where names are looked up; Docker adds /etc/hosts and /etc/resolv.conf.
ARG SOURCE_DATE_EPOCH=0
RUN install -D -m 644 -t /root-fs/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt \
    && echo 'hosts: files dns' >/root-fs/etc/nsswitch.conf \
    && find /root-fs -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

FROM scratch
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="pgcommons" \
      org.opencontainers.image.description="Monitoring agent for a PostgreSQL server that many applications share" \
      org.opencontainers.image.source="https://github.com/pgcommons/pgcommons" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /root-fs/ /
USER 65532:65532
EXPOSE 19187
# Whether the agent answers, not whether PostgreSQL does: a restart of the agent would mend nothing there.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/bin/pgcommons", "healthcheck"]
ENTRYPOINT ["/usr/bin/pgcommons"]
