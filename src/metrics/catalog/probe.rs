//! `pgcommons_workspace_*`: what a probe finds in the database of a tenant. Users of the tenant choose the names of workspaces.

use crate::metrics::series::{Metric, counter, gauge};
use crate::outcome::ConnectFailure;
use crate::probe::{Estimate, TableState, Workspaces};
use crate::state::{Down, Server};

const WORKSPACE: &[&str] = &["datname", "workspace"];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_probe_up",
        &["datname"],
        "Whether the last probe of the database succeeded (servers.NAME.probes). Absent before the first one has ended.",
        |server, series| {
            for (datname, probe) in &server.attached.probes {
                match &probe.reading {
                    Err(Down::Starting) => {}
                    reading => series.put([datname.as_str()], u8::from(reading.is_ok())),
                }
            }
        },
    ),
    counter(
        "pgcommons_probe_connect_failures_total",
        &["datname", "reason"],
        "Failed attempts to connect for a probe, by reason; auth: the role may not connect, database: it does not exist.",
        |server, series| {
            for (datname, probe) in &server.attached.probes {
                for reason in ConnectFailure::ALL {
                    let failures = probe.health.connect_failures(reason) as f64;
                    series.put([datname.as_str(), reason.label()], failures);
                }
            }
        },
    ),
    gauge(
        "pgcommons_workspace_rows",
        WORKSPACE,
        "Rows of a workspace, of all tables that match, estimated from the statistics of the last ANALYZE. At most 50 workspaces have \
         series; the rest, and rows without a workspace, are in other. Absent if a probe is not configured or fails, and while one of \
         the tables is not known: pgcommons_workspace_tables tells.",
        |server, series| {
            for (datname, estimate) in estimates(server) {
                for (workspace, amount) in &estimate.workspaces {
                    series.put([datname, workspace], amount.rows);
                }
            }
        },
    ),
    gauge(
        "pgcommons_workspace_share_ratio",
        WORKSPACE,
        "Share of a workspace in the rows of all tables that match. It is not its share in bytes. Absent as pgcommons_workspace_rows is, \
         and if there are no rows.",
        |server, series| {
            for (datname, estimate) in estimates(server) {
                for (workspace, amount) in &estimate.workspaces {
                    series.put_known([datname, workspace], estimate.share(amount.rows));
                }
            }
        },
    ),
    gauge(
        "pgcommons_workspace_statistics_timestamp_seconds",
        &["datname"],
        "Time of the oldest ANALYZE that the estimate rests on, since the epoch. Absent as pgcommons_workspace_rows is, and if the server \
         does not know it, as after a crash.",
        |server, series| {
            for (datname, estimate) in estimates(server) {
                series.put_known([datname], estimate.analysed);
            }
        },
    ),
    gauge(
        "pgcommons_workspace_tables",
        &["datname", "state"],
        "Tables that match, by state: estimated, empty, not_analysed (it has rows and no statistics), not_readable (the role may not \
         read the column, or row security applies). The last two make the workspaces unknown. Absent if no workspaces are configured for \
         the database, and if its probe fails.",
        |server, series| {
            for (datname, workspaces) in workspaces(server) {
                for state in TableState::ALL {
                    let count = workspaces.tables.get(&state).copied().unwrap_or_default();
                    series.put([datname, state.label()], count as f64);
                }
            }
        },
    ),
];

fn workspaces(server: &Server) -> impl Iterator<Item = (&str, &Workspaces)> {
    let views = server.attached.probe_views();
    views.filter_map(|(datname, view)| Some((datname, view.workspaces.as_ref()?)))
}

fn estimates(server: &Server) -> impl Iterator<Item = (&str, &Estimate)> {
    let all = workspaces(server);
    all.filter_map(|(datname, workspaces)| Some((datname, workspaces.estimate.as_ref().ok()?)))
}
