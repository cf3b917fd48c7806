//! `pgcommons_*` of the sessions that a database has had, as `pg_stat_database` counts them since PostgreSQL 14. The upstream
//! exporter has no names for these. They are facts: none of them says that a limit refused a login.

use std::fmt::Write as _;

use crate::metrics::series::{Kind, Metric, Series, Source, counter, metric};
use crate::sample::SessionCounts;
use crate::state::Server;

pub(super) const METRICS: &[Metric] = &[
    metric(
        "pgcommons_database_sessions_total",
        Kind::Counter,
        &["datid", "datname"],
        "Sessions that have begun, also those of logins that were refused. Absent before PostgreSQL 14.",
        Source::Statistics(|row| row.sessions.map(|counts| counts.sessions as f64)),
    ),
    counter(
        "pgcommons_database_sessions_lost_total",
        &["datid", "datname", "how"],
        "Sessions that the client did not end: abandoned (its connection was lost), fatal (an error; refused logins and \
         timeouts of idle sessions alike), killed (by an operator). Absent before PostgreSQL 14.",
        lost,
    ),
];

fn lost(server: &Server, series: &mut Series) {
    let mut datid = String::new();
    for view in server.databases() {
        let Some(counts) = view.stats.as_ref().and_then(|row| row.sessions) else {
            continue;
        };
        datid.clear();
        let _ = write!(datid, "{}", view.row.oid);
        for (how, count) in by_cause(counts) {
            series.put([&*datid, &*view.row.name, how], count as f64);
        }
    }
}

fn by_cause(counts: SessionCounts) -> [(&'static str, i64); 3] {
    [
        ("abandoned", counts.abandoned),
        ("fatal", counts.fatal),
        ("killed", counts.killed),
    ]
}
