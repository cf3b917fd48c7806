//! `pgcommons_*` about the sessions of a database, as `pg_stat_database` counts them since PostgreSQL 14. `postgres_exporter`
//! has no names for these. None of them shows that a limit refused a login.

use std::fmt::Write as _;

use crate::metrics::series::{Kind, Metric, Series, Source, counter, metric};
use crate::sample::SessionCounts;
use crate::state::Server;

pub(super) const METRICS: &[Metric] = &[
    metric(
        "pgcommons_database_sessions_total",
        Kind::Counter,
        &["datid", "datname"],
        "Sessions that were opened, including those of refused logins. Absent before PostgreSQL 14.",
        Source::Statistics(|row| row.sessions.map(|counts| counts.sessions as f64)),
    ),
    counter(
        "pgcommons_database_sessions_lost_total",
        &["datid", "datname", "how"],
        "Sessions that the client did not close: abandoned (the connection to the client was lost), fatal (an error, such as a \
         refused login or an idle timeout), killed (by an operator). Absent before PostgreSQL 14.",
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
