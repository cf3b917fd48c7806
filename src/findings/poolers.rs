//! The poolers in front of a server: whether they answer, which clients wait in them, and whether PostgreSQL or the pooler is the
//! reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::severity::{Severity, Thresholds};
use super::{Concern, Finding, Scope, remedy};
use crate::limits::{Limit, LimitKind};
use crate::pooler::{Ceiling, PoolerView, Queue};
use crate::sample::pooler::{AliasFigure, count};
use crate::snapshot::{DatabaseView, Snapshot};

/// One pooler, as a poll saw it.
#[derive(Debug, Clone)]
pub(crate) struct PoolerReading {
    pub(crate) name: String,
    /// Why it is unknown.
    pub(crate) view: Result<Arc<PoolerView>, (Severity, String)>,
}

/// `snapshot` is None while PostgreSQL does not answer.
pub(super) fn findings(
    poolers: &[PoolerReading],
    snapshot: Option<&Snapshot>,
    thresholds: Thresholds,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for PoolerReading { name, view } in poolers {
        match view {
            Ok(view) => {
                findings.extend(of_clients(name, view, thresholds));
                findings.extend(of_several_servers(name, view));
                findings.extend(of_queues(name, view, snapshot));
            }
            Err((severity, why)) => {
                let text = format!("pooler {name} does not answer: {why}");
                findings.push(finding(name, *severity, text));
            }
        }
    }
    if let Some(snapshot) = snapshot {
        findings.extend(of_ceilings(poolers, snapshot));
    }
    findings
}

fn finding(pooler: &str, severity: Severity, text: String) -> Finding {
    Finding::of(Scope::Pooler, pooler, severity, Concern::Pooler, text)
}

fn of_clients(name: &str, view: &PoolerView, thresholds: Thresholds) -> Option<Finding> {
    let (used, limit) = view.clients()?;
    let severity = thresholds.available(count(limit - used).into(), count(limit).into());
    let text = format!("pooler {name} has {used} of {limit} clients");
    Some(finding(name, severity, text).with_remedy("pgbouncer.ini: max_client_conn"))
}

fn of_several_servers(name: &str, view: &PoolerView) -> Option<Finding> {
    if view.ceilings.is_some() {
        return None;
    }
    let text = format!(
        "pooler {name} leads to several servers: which of its clients wait for this one is unknown"
    );
    let finding = finding(name, Severity::Unknown, text);
    Some(finding.with_remedy(format!("pgcommons.yaml: server_hosts of the pooler {name}")))
}

/// Which of the two is the bottleneck: PostgreSQL has headroom, or it has none.
fn of_queues(name: &str, view: &PoolerView, snapshot: Option<&Snapshot>) -> Vec<Finding> {
    let waits = view.queues.iter().filter(|(_, queue)| queue.waiting > 0);
    let finding_of = |(datname, queue): (&String, &Queue)| {
        let start = format!(
            "{} clients wait in pooler {} for {}, which has {} server connections",
            queue.waiting, name, datname, queue.servers
        );
        let database = snapshot.and_then(|snapshot| database(snapshot, datname));
        let limits = database.and_then(|it| it.connections.as_ref());
        let limits = limits.map(|status| status.limits);
        let headroom = limits.and_then(|limits| limits.headroom());
        let binding = limits.and_then(|limits| limits.binding());
        match (headroom, binding) {
            (Some(0), Some(limit)) => {
                let more = limit.connections.saturating_add(queue.waiting);
                at_limit(name, datname, &start, (limit, more))
            }
            (Some(headroom), Some(_)) => {
                let text =
                    format!("{start}, while PostgreSQL admits {headroom} more: raise pool_size");
                finding(name, Severity::Warning, text).with_remedy(raise_pool(view, datname))
            }
            _ => finding(name, Severity::Warning, start),
        }
    };
    waits.map(finding_of).collect()
}

/// `more` is the limit with which no client would wait.
fn at_limit(pooler: &str, datname: &str, start: &str, (limit, more): (Limit, u32)) -> Finding {
    let text = format!(
        "{start}, and PostgreSQL admits no more: raise the limit of the {}, {}, or move the database out",
        limit.kind.label(),
        limit.connections
    );
    let raise = match limit.kind {
        LimitKind::Database => remedy::raise_limit(datname, more),
        _ => Some(remedy::BUSIEST_DATABASES.to_owned()),
    };
    Finding {
        remedy: raise,
        ..finding(pooler, Severity::Critical, text)
    }
}

/// The line to change in `pgbouncer.ini`.
fn raise_pool(view: &PoolerView, datname: &str) -> String {
    let aliases = view.settings.aliases.iter();
    let of_datname = aliases.filter(|alias| alias.datname == datname);
    let sizes: Vec<_> = of_datname
        .map(|alias| {
            let known = |figure| alias.figure(figure).unwrap_or_default();
            let most = known(AliasFigure::MaxConnections);
            let is_full = most > 0 && known(AliasFigure::CurrentConnections) >= most;
            if is_full {
                format!("{} max_db_connections {most}", alias.name)
            } else {
                let size = known(AliasFigure::PoolSize);
                format!("{} pool_size {size}", alias.name)
            }
        })
        .collect();
    format!("pgbouncer.ini, raise: {}", sizes.join(", "))
}

fn database<'a>(snapshot: &'a Snapshot, datname: &str) -> Option<&'a DatabaseView> {
    let mut databases = snapshot.databases.iter();
    databases.find(|view| view.row.name == datname)
}

/// Whether all poolers together may open more than PostgreSQL admits.
fn of_ceilings(poolers: &[PoolerReading], snapshot: &Snapshot) -> Vec<Finding> {
    let views: Vec<_> = poolers
        .iter()
        .filter_map(|pooler| pooler.view.as_ref().ok()?.ceilings.as_ref())
        .collect();
    let databases = sums(views.iter().map(|ceilings| &ceilings.databases));
    let roles = sums(views.iter().map(|ceilings| &ceilings.roles));
    let mut findings = Vec::new();
    let rows = snapshot.databases.iter().map(|view| &view.row);
    let limits = own_limits(rows.map(|row| (&*row.name, row.connection_limit)));
    for (datname, ceiling) in databases {
        let limit = limits.get(datname).copied();
        findings.extend(outgrown(Scope::Database, datname, ceiling, limit));
    }
    let rows = snapshot.roles.iter().map(|view| &view.row);
    let limits = own_limits(rows.map(|row| (&*row.name, row.connection_limit)));
    for (rolname, ceiling) in roles {
        let limit = limits.get(rolname).copied();
        findings.extend(outgrown(Scope::Role, rolname, ceiling, limit));
    }
    let total = views
        .iter()
        .try_fold(0_u64, |sum, it| Some(sum.saturating_add(it.total()?)));
    let slots = u64::from(snapshot.slots.ordinary);
    if let Some(total) = total.filter(|total| *total > slots) {
        let text = format!(
            "the poolers may open {total} connections, and the server admits {slots}: logins will be refused"
        );
        findings.push(Finding::server(Severity::Warning, Concern::Pooler, text));
    }
    findings
}

/// The limits of the databases or roles that have one. -1 is none.
fn own_limits<'a>(rows: impl Iterator<Item = (&'a str, i32)>) -> HashMap<&'a str, u32> {
    let limits = rows.filter_map(|(name, limit)| Some((name, u32::try_from(limit).ok()?)));
    limits.collect()
}

fn outgrown(scope: Scope, name: &str, ceiling: Ceiling, limit: Option<u32>) -> Option<Finding> {
    let limit = limit.filter(|limit| *limit > 0)?;
    let ceiling = ceiling.filter(|ceiling| *ceiling > u64::from(limit))?;
    let subject = match scope {
        Scope::Role => "as role",
        _ => "to database",
    };
    let text = format!(
        "the poolers may open {ceiling} connections {subject} {name}, whose limit is {limit}: logins will be refused"
    );
    let finding = Finding::of(scope, name, Severity::Warning, Concern::Pooler, text);
    Some(finding.with_remedy("pgbouncer.ini: pool_size, reserve_pool_size or max_db_connections"))
}

fn sums<'a>(
    all: impl Iterator<Item = &'a BTreeMap<String, Ceiling>>,
) -> BTreeMap<&'a str, Ceiling> {
    let mut sums: BTreeMap<&str, Ceiling> = BTreeMap::new();
    for (name, ceiling) in all.flatten() {
        let sum = sums.entry(name).or_insert(Some(0));
        *sum = sum
            .zip(*ceiling)
            .map(|(sum, more)| sum.saturating_add(more));
    }
    sums
}
