//! Connections against the limit of the server, the own limit of a database or role, and its budget.

use super::remedy;
use super::severity::{self, Severity, Thresholds, own_limit};
use super::{Concern, Finding, Scope};
use crate::limits::{Limit, LimitKind};
use crate::snapshot::{ConnectionStatus, DatabaseView, RoleView};

pub(super) fn of_server(server: &ConnectionStatus, thresholds: Thresholds) -> Option<Finding> {
    let limit = server.limits.limit(LimitKind::Server)?;
    let (severity, text) = describe("the server", limit, thresholds);
    let finding = Finding::server(severity, Concern::Connections, text);
    Some(finding.with_remedy(remedy::BUSIEST_DATABASES))
}

pub(super) fn of_database(view: &DatabaseView, thresholds: Thresholds) -> Option<Finding> {
    let (name, limit) = (&view.row.name, own_limit(view.connections.as_ref()?)?);
    let (severity, text) = describe(&format!("database {name}"), limit, thresholds);
    let finding = Finding::of(Scope::Database, name, severity, Concern::Connections, text);
    Some(finding.with_remedy(remedy::sessions_of_database(name)))
}

/// PostgreSQL refuses nothing at a budget, so the finding is about the budget and not about connections that run out.
pub(super) fn of_budget(view: &DatabaseView) -> Option<Finding> {
    let (name, limit) = (&view.row.name, view.connections.as_ref()?.limits.budget?);
    let text = format!(
        "database {name} uses {} connections, {} over its budget of {} (no login is refused)",
        limit.used,
        limit.excess(),
        limit.connections
    );
    let severity = severity::budget(limit);
    let finding = Finding::of(Scope::Database, name, severity, Concern::Budget, text);
    Some(finding.with_remedy(remedy::sessions_of_database(name)))
}

pub(super) fn of_role(view: &RoleView, thresholds: Thresholds) -> Option<Finding> {
    let (name, limit) = (&view.row.name, own_limit(view.connections.as_ref()?)?);
    let (severity, text) = describe(&format!("role {name}"), limit, thresholds);
    let finding = Finding::of(Scope::Role, name, severity, Concern::Connections, text);
    Some(finding.with_remedy(remedy::sessions_of_role(name)))
}

fn describe(subject: &str, limit: Limit, thresholds: Thresholds) -> (Severity, String) {
    let text = format!(
        "{subject} uses {} of {} connections",
        limit.used, limit.connections
    );
    (thresholds.limit(limit), text)
}
