//! `docs/metrics.md`, generated from the catalogue.

use std::fmt::Write as _;

use super::catalog;
use super::series::Source;

const INTRODUCTION: &str = "\
# Metrics

Generated from the catalogue in `src/metrics/catalog` by `make golden`.

`pg_*` have the names, types and labels of `prometheus-community/postgres_exporter`, so that dashboards and rules made for it
keep working. `pgcommons_*` compare with limits, or are about the agent. `server` is the configured name of the server
(`host:port` unless configured). Every series about a server has this label, even if there is only one server.

A value that is unknown is absent, never 0. While a server is down, `pg_up` is 0, the series about the agent and about volumes
(`pgcommons_server_storage_*`) stay, and all other series of that server are absent. The agent's own process adds `process_cpu_seconds_total`,
`process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_open_fds`, `process_max_fds`, `process_threads`
and `process_start_time_seconds`.

| metric | type | labels | meaning |
|---|---|---|---|
";

/// The whole page, as Markdown.
pub(crate) fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for metric in catalog::all() {
        let kind = metric.kind.label();
        let server = match metric.source {
            Source::Agent(_) => None,
            Source::Server(_) | Source::Statistics(_) | Source::Settings => Some("server"),
        };
        let mut labels: Vec<_> = server
            .into_iter()
            .chain(metric.labels.iter().copied())
            .collect();
        if metric.name == "pgcommons_database_info" {
            labels.push("*configured labels*");
        }
        let _ = writeln!(
            page,
            "| `{}` | {kind} | {} | {} |",
            metric.name,
            labels.join(", "),
            metric.help
        );
    }
    page
}
