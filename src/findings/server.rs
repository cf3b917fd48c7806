//! The server as a whole: slots, privileges of the agent's role, budgets without a database, invalid databases.

use super::severity::{Severity, Thresholds};
use super::{Concern, Finding, Scope, connections, remedy};
use crate::size_schedule::UnknownSize;
use crate::snapshot::{DatabaseView, Snapshot};

pub(super) fn findings(
    snapshot: &Snapshot,
    sizes_failure: Option<&str>,
    thresholds: Thresholds,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &snapshot.server {
        Some(server) => findings.extend(connections::of_server(server, thresholds)),
        None => findings.push(cannot_count()),
    }
    findings.extend(sizes_failure.map(|failure| sizes_not_read(snapshot, failure)));
    if snapshot.superuser {
        let text =
            "the role of the check is a superuser, which is not required (pgcommons role-sql)";
        let finding = Finding::server(Severity::Warning, Concern::Privilege, text);
        findings.push(finding.with_remedy(remedy::ROLE_SQL));
    }
    findings.extend(snapshot.missing.iter().map(|name| {
        let text = format!("database {name} has a budget but does not exist");
        Finding::of(
            Scope::Database,
            name,
            Severity::Warning,
            Concern::Budget,
            text,
        )
    }));
    findings
}

fn cannot_count() -> Finding {
    let text = "the role lacks pg_monitor, so connections cannot be counted (pgcommons role-sql)";
    let finding = Finding::server(Severity::Unknown, Concern::Privilege, text);
    finding.with_remedy(remedy::ROLE_SQL)
}

fn sizes_not_read(snapshot: &Snapshot, failure: &str) -> Finding {
    let sizes = snapshot.databases.iter().map(|view| view.size);
    let pending = sizes
        .filter(|size| *size == Err(UnknownSize::Pending))
        .count();
    let text = format!("the sizes of {pending} databases are unknown: {failure}");
    Finding::server(Severity::Unknown, Concern::Unreachable, text)
}

pub(super) fn invalid(view: &DatabaseView) -> Option<Finding> {
    let name = &view.row.name;
    let text = format!("database {name} is invalid: a DROP DATABASE runs or was interrupted");
    let finding = Finding::of(
        Scope::Database,
        name,
        Severity::Warning,
        Concern::Invalid,
        text,
    );
    let is_invalid = view.row.is_invalid();
    is_invalid.then(|| finding.with_remedy(remedy::drop_database(name)))
}
