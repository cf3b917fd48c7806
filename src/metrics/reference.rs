//! `docs/metrics.md`, made from the catalogue.

use std::fmt::Write as _;

use super::catalog;
use super::series::Source;

const INTRODUCTION: &str = "\
# Metrics

Made from the catalogue in `src/metrics/catalog`; `make golden` writes it anew.

`pg_*` are facts, named, typed and labelled as `prometheus-community/postgres_exporter` does, so that dashboards and rules
made for it keep working. `pgcommons_*` are judgements, and the agent itself. `server` is the configured name of the server
(`host:port` unless configured); it stands on every series that speaks of a server, with one server too.

What is not known is absent, never 0. While a server is down, `pg_up` is 0, the series of the agent itself stay, and
everything else of that server is absent. The agent's own process adds `process_cpu_seconds_total`,
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
            Source::Server(_) | Source::Statistics(_) => Some("server"),
        };
        let mut labels: Vec<_> = server
            .into_iter()
            .chain(metric.labels.iter().copied())
            .collect();
        if metric.name == "pgcommons_database_info" {
            labels.push("*those configured*");
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
