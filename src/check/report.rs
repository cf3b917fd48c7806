//! What the check found, worst first; also the shape of `--json`.

use serde::Serialize;

use super::Blind;
use super::verdict::{Level, Thresholds};
use crate::limits::Limit;
use crate::sizes::Unknown;
use crate::snapshot::{DatabaseView, Judged, Snapshot};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) status: Level,
    pub(crate) servers: Vec<ServerReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerReport {
    pub(crate) server: String,
    pub(crate) status: Level,
    /// One for each thing that is not as it should be, worst first.
    pub(crate) findings: Vec<Finding>,
    /// `15.18`; null when the server could not be asked.
    pub(crate) version: Option<String>,
    pub(crate) connections: Option<Connections>,
    pub(crate) databases: Vec<DatabaseReport>,
    pub(crate) roles: Vec<RoleReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) status: Level,
    pub(crate) text: String,
}

/// Null: not known, or there is none.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Connections {
    pub(crate) used: Option<u32>,
    /// The limit that binds, and whose it is.
    pub(crate) limit: Option<u32>,
    pub(crate) bound_by: Option<&'static str>,
    pub(crate) headroom: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DatabaseReport {
    pub(crate) datname: String,
    pub(crate) status: Level,
    #[serde(flatten)]
    pub(crate) connections: Connections,
    pub(crate) size_bytes: Option<u64>,
    /// Why the size is not known.
    pub(crate) size_unknown: Option<&'static str>,
    pub(crate) size_limit_bytes: Option<u64>,
    pub(crate) owner: Option<String>,
    /// Nobody can connect, by `datallowconn`, or because the database is invalid or closed by a limit of 0.
    pub(crate) closed: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RoleReport {
    pub(crate) rolname: String,
    pub(crate) status: Level,
    #[serde(flatten)]
    pub(crate) connections: Connections,
}

impl Report {
    pub(super) fn of(servers: Vec<ServerReport>) -> Self {
        let status = servers
            .iter()
            .map(|server| server.status)
            .max()
            .unwrap_or(Level::Unknown);
        Self { status, servers }
    }
}

pub(super) fn server(
    name: String,
    looked: Result<Snapshot, Blind>,
    thresholds: Thresholds,
) -> ServerReport {
    match looked {
        Ok(snapshot) => seen(name, &snapshot, thresholds),
        Err(blind) => {
            let status = if blind.refused {
                Level::Critical
            } else {
                Level::Unknown
            };
            let text = if blind.refused {
                format!("no connection left for the check: {}", blind.message)
            } else {
                blind.message
            };
            ServerReport {
                server: name,
                status,
                findings: vec![Finding { status, text }],
                version: None,
                connections: None,
                databases: Vec::new(),
                roles: Vec::new(),
            }
        }
    }
}

fn seen(name: String, snapshot: &Snapshot, thresholds: Thresholds) -> ServerReport {
    let mut databases: Vec<_> = snapshot
        .databases
        .iter()
        .map(|view| database(view, thresholds))
        .collect();
    databases.sort_by(|a, b| {
        urgency(a.status, &a.connections)
            .cmp(&urgency(b.status, &b.connections))
            .then_with(|| a.datname.cmp(&b.datname))
    });
    let mut roles: Vec<_> = snapshot
        .roles
        .iter()
        .map(|view| RoleReport {
            rolname: view.row.name.clone(),
            status: view.judged.as_ref().map_or(Level::Unknown, |judged| {
                thresholds.connections(&judged.standing)
            }),
            connections: connections(view.judged.as_ref()),
        })
        .collect();
    roles.sort_by(|a, b| {
        urgency(a.status, &a.connections)
            .cmp(&urgency(b.status, &b.connections))
            .then_with(|| a.rolname.cmp(&b.rolname))
    });
    let findings = findings(snapshot, &databases, &roles, thresholds);
    ServerReport {
        server: name,
        status: findings
            .iter()
            .map(|finding| finding.status)
            .max()
            .unwrap_or(Level::Ok),
        findings,
        version: Some(snapshot.info.short_version()),
        connections: Some(connections(snapshot.server.as_ref())),
        databases,
        roles,
    }
}

/// Worst first; of equals, the one with the smallest part of its limit left.
fn urgency(status: Level, connections: &Connections) -> (std::cmp::Reverse<Level>, u64) {
    let left = connections.headroom.zip(connections.limit);
    let part = left.map_or(u64::MAX, |(headroom, limit)| {
        u64::from(headroom) * 1_000_000 / u64::from(limit.max(1))
    });
    (std::cmp::Reverse(status), part)
}

fn database(view: &DatabaseView, thresholds: Thresholds) -> DatabaseReport {
    let size = view.size.ok();
    let quota = view.budget.as_ref().and_then(|budget| budget.size_bytes);
    let by_connections = view.judged.as_ref().map_or(Level::Unknown, |judged| {
        thresholds.connections(&judged.standing)
    });
    let closed = match (view.row.connection_limit, view.row.accepts_connections) {
        (-2, _) => Some("invalid"),
        (_, false) => Some("datallowconn"),
        (0, true) => Some("limit 0"),
        (_, true) => None,
    };
    DatabaseReport {
        datname: view.row.name.clone(),
        status: by_connections.max(thresholds.size(size, quota)),
        connections: connections(view.judged.as_ref()),
        size_bytes: size,
        size_unknown: view.size.err().map(Unknown::label),
        size_limit_bytes: quota,
        owner: view.budget.as_ref().and_then(|budget| budget.owner.clone()),
        closed,
    }
}

fn connections(judged: Option<&Judged>) -> Connections {
    let standing = judged.map(|judged| &judged.standing);
    let binding = standing.and_then(super::super::limits::Standing::binding);
    Connections {
        used: standing.map(|standing| standing.used),
        limit: binding.map(|limit| limit.connections),
        bound_by: binding.map(|limit| limit.kind.label()),
        headroom: binding.map(Limit::free),
    }
}

fn findings(
    snapshot: &Snapshot,
    databases: &[DatabaseReport],
    roles: &[RoleReport],
    thresholds: Thresholds,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |status: Level, text: String| {
        if status > Level::Ok {
            findings.push(Finding { status, text });
        }
    };
    match &snapshot.server {
        None => add(
            Level::Unknown,
            "the role lacks pg_monitor, so connections cannot be counted (pgcommons role-sql)"
                .into(),
        ),
        Some(judged) => {
            let used = describe("the server", &connections(Some(judged)));
            add(thresholds.connections(&judged.standing), used);
        }
    }
    if snapshot.info.superuser {
        add(
            Level::Warning,
            "the role of the check is a superuser, which it need not be (pgcommons role-sql)"
                .into(),
        );
    }
    let counted = |status: Level| status != Level::Unknown;
    for row in databases.iter().filter(|row| counted(row.status)) {
        let own = row.connections.bound_by != Some("server");
        if own && thresholds_exceeded(&row.connections, thresholds) {
            add(
                row.status,
                describe(&format!("database {}", row.datname), &row.connections),
            );
        }
        if let Some((size, quota)) = row.size_bytes.zip(row.size_limit_bytes) {
            let text = format!(
                "database {} has {} of its {}",
                row.datname,
                bytes(size),
                bytes(quota)
            );
            add(thresholds.size(Some(size), Some(quota)), text);
        }
        if row.closed == Some("invalid") {
            add(
                Level::Warning,
                format!(
                    "database {} is invalid: an interrupted DROP DATABASE; drop it",
                    row.datname
                ),
            );
        }
    }
    for row in roles
        .iter()
        .filter(|row| counted(row.status) && row.connections.bound_by == Some("role"))
    {
        add(
            row.status,
            describe(&format!("role {}", row.rolname), &row.connections),
        );
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.status));
    findings
}

fn thresholds_exceeded(connections: &Connections, thresholds: Thresholds) -> bool {
    let Some((limit, headroom)) = connections.limit.zip(connections.headroom) else {
        return false;
    };
    limit > 0
        && (headroom == 0 || f64::from(limit - headroom) / f64::from(limit) >= thresholds.warning)
}

fn describe(whose: &str, connections: &Connections) -> String {
    let number =
        |value: Option<u32>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
    let by = connections
        .bound_by
        .filter(|by| *by == "budget")
        .map_or("", |_| " of its budget");
    format!(
        "{whose} uses {} of {} connections{by}",
        number(connections.used),
        number(connections.limit)
    )
}

pub(super) fn bytes(size: u64) -> String {
    bytesize::ByteSize::b(size).display().iec().to_string()
}
