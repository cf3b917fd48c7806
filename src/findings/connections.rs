//! Connections against the limit of the server, and against the own limit of a database or role.

use super::remedy;
use super::severity::{Severity, Thresholds, own_limit};
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

pub(super) fn of_role(view: &RoleView, thresholds: Thresholds) -> Option<Finding> {
    let (name, limit) = (&view.row.name, own_limit(view.connections.as_ref()?)?);
    let (severity, text) = describe(&format!("role {name}"), limit, thresholds);
    let finding = Finding::of(Scope::Role, name, severity, Concern::Connections, text);
    Some(finding.with_remedy(remedy::sessions_of_role(name)))
}

fn describe(subject: &str, limit: Limit, thresholds: Thresholds) -> (Severity, String) {
    let by = match limit.kind {
        LimitKind::Budget => " of its budget",
        LimitKind::Server | LimitKind::Database | LimitKind::Role => "",
    };
    let text = format!(
        "{subject} uses {} of {} connections{by}",
        limit.used, limit.connections
    );
    (thresholds.limit(limit), text)
}
