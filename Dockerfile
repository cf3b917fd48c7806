# The agent as one static program on an empty root file system: no shell, no libraries, no named user.
#
#   docker build --build-arg REVISION="$(git rev-parse --short=12 HEAD)" -t pgcommons .
#
# It works for every architecture: docker buildx build --platform linux/amd64,linux/arm64 builds both.

# The tag sets the compiler. For a reproducible build, add the digest: --build-arg RUST_IMAGE=...@sha256:...
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm

FROM ${RUST_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /src
# A static libc loads NSS modules of the system, which may not match it. The image below has none.
ENV RUSTFLAGS="-C target-feature=+crt-static"
# Cargo reads these variables, and they override Cargo.toml. Only test builds set them.
ARG CARGO_PROFILE_RELEASE_LTO
ARG CARGO_PROFILE_RELEASE_CODEGEN_UNITS

# Builds the dependencies with an empty program, as a layer that is reused until Cargo.lock changes. With --target, Cargo does not
# use RUSTFLAGS for macros and build scripts.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' >src/main.rs && touch src/lib.rs \
    && cargo build --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')"

COPY build.rs link-order.txt ./
COPY src src
ARG REVISION=unknown
# The copied files may be older than the empty program, and Cargo compares modification times.
RUN touch src/main.rs src/lib.rs \
    && PGCOMMONS_REVISION="${REVISION}" cargo build --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')" \
    && install -D -t /root-fs/usr/bin target/*/release/pgcommons

# CA certificates for sslmode=verify-full, the order of name lookups, and a directory for --state.dir that any user may write:
# a new volume mounted there takes its mode. Docker adds /etc/hosts and /etc/resolv.conf.
ARG SOURCE_DATE_EPOCH=0
RUN install -D -m 644 -t /root-fs/etc/ssl/certs /etc/ssl/certs/ca-certificates.crt \
    && echo 'hosts: files dns' >/root-fs/etc/nsswitch.conf \
    && install -d -m 1777 /root-fs/var/lib/pgcommons \
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
# Checks only the agent: restarting it would not repair PostgreSQL.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/bin/pgcommons", "healthcheck"]
ENTRYPOINT ["/usr/bin/pgcommons"]
