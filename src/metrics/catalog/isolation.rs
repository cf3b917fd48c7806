//! `pgcommons_*` about isolation: what privileges allow across tenants. The pairs of roles and databases are in `pgcommons audit`
//! only; here are numbers for each database and each role.

use std::collections::BTreeSet;

use crate::isolation::{Kind, Summary};
use crate::metrics::series::{Metric, Series, gauge};
use crate::plan::Drift;
use crate::state::Server;

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_isolation_findings",
        &["finding"],
        "Findings of pgcommons audit, by kind; 0 is a good answer. Absent for a check that could not be made, and until the \
         privileges were read. public_create, public_tables and unsafe_definer are databases that were probed; absent without a \
         probe, and while the last probe of one of them has failed.",
        |server, series| {
            let counts = summary(server).map(|it| &it.counts).into_iter().flatten();
            for (kind, count) in counts {
                series.put([kind.label()], *count as f64);
            }
            for (kind, count) in inside(server) {
                series.put([kind.label()], count as f64);
            }
        },
    ),
    gauge(
        "pgcommons_database_isolation_finding",
        &["datname", "finding"],
        "Always 1: pgcommons audit has this finding about the database. Absent without a finding.",
        |server, series| {
            for (datname, view) in server.attached.probe_views() {
                for finding in &view.findings {
                    series.put([datname, finding.kind.label()], 1);
                }
            }
            let Some(summary) = summary(server) else {
                return;
            };
            for view in server.databases() {
                for kind in summary.databases.get(&view.row.name).into_iter().flatten() {
                    series.put([&view.row.name, kind.label()], 1);
                }
            }
        },
    ),
    gauge(
        "pgcommons_role_isolation_finding",
        &["rolname", "finding"],
        "Always 1: pgcommons audit has this finding about the role. Absent without a finding.",
        |server, series| {
            let Some(summary) = summary(server) else {
                return;
            };
            for view in server.roles() {
                for kind in summary.roles.get(&view.row.name).into_iter().flatten() {
                    series.put([&view.row.name, kind.label()], 1);
                }
            }
        },
    ),
    gauge(
        "pgcommons_database_foreign_connect_roles",
        &["datname"],
        "Login roles that may connect to the database and do not belong to it, without superusers. Absent until the privileges \
         were read.",
        foreign,
    ),
    gauge(
        "pgcommons_database_drift",
        &["datname", "property"],
        "Always 1: this property of the database differs from its budget in the configuration. connection_limit: not its connections; \
         no_connection_limit: connections without a limit of PostgreSQL; owner: not owner_role; roles: one does not exist or may not connect, absent until the \
         privileges were read. Absent without a difference.",
        drift,
    ),
];

/// The databases with each finding that only a probe can make. Empty: not every database that is configured was probed.
fn inside(server: &Server) -> Vec<(Kind, usize)> {
    let probes = server.attached.probes.len();
    if probes == 0 || server.attached.probe_views().count() < probes {
        return Vec::new();
    }
    let count = |kind: Kind| {
        let views = server.attached.probe_views();
        let open = views.filter(|(_, view)| view.findings.iter().any(|it| it.kind == kind));
        open.count()
    };
    Kind::INSIDE.map(|kind| (kind, count(kind))).into()
}

fn summary(server: &Server) -> Option<&Summary> {
    server.snapshot()?.isolation.as_deref()
}

fn foreign(server: &Server, series: &mut Series) {
    let Some(summary) = summary(server) else {
        return;
    };
    for view in server.databases() {
        let name = &view.row.name;
        let count = summary.foreign.get(name).map(|count| *count as f64);
        series.put_known([&**name], count);
    }
}

fn drift(server: &Server, series: &mut Series) {
    for view in server.databases() {
        let properties: BTreeSet<_> = view.drift.iter().map(Drift::property).collect();
        for property in properties {
            series.put([&*view.row.name, property], 1);
        }
    }
}
