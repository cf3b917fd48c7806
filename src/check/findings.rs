//! One line for each thing that is not as it should be.

use serde::Serialize;

use super::PolledServer;
use super::verdict::{Level, Thresholds, own_limit};
use crate::limits::{Limit, LimitKind};
use crate::size_schedule::Unknown;
use crate::snapshot::{DatabaseView, Judged};

#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) status: Level,
    pub(crate) text: String,
}

/// Worst first. A limit is complained of where it is set: a full server is one finding, not one for each database.
pub(super) fn findings(polled: &PolledServer, thresholds: Thresholds) -> Vec<Finding> {
    let mut findings = of_server(polled, thresholds);
    for view in &polled.snapshot.databases {
        findings.extend(of_database(view, thresholds));
    }
    for view in &polled.snapshot.roles {
        let whose = format!("role {}", view.row.name);
        findings.extend(own(&whose, view.judged.as_ref(), thresholds));
    }
    findings.retain(|finding| finding.status > Level::Ok);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.status));
    findings
}

fn finding(status: Level, text: String) -> Finding {
    Finding { status, text }
}

fn of_server(polled: &PolledServer, thresholds: Thresholds) -> Vec<Finding> {
    let snapshot = &polled.snapshot;
    let mut findings = Vec::new();
    match &snapshot.server {
        Some(judged) => {
            let limit = judged.limits.limit(LimitKind::Server);
            findings.extend(limit.map(|limit| connections("the server", limit, thresholds)));
        }
        None => findings.push(finding(
            Level::Unknown,
            "the role lacks pg_monitor, so connections cannot be counted (pgcommons role-sql)"
                .into(),
        )),
    }
    findings.extend(polled.sizes_failure.as_ref().map(|failure| {
        let sizes = snapshot.databases.iter().map(|view| view.size);
        let pending = sizes.filter(|size| *size == Err(Unknown::Pending)).count();
        let text = format!("the sizes of {pending} databases are not known: {failure}");
        finding(Level::Unknown, text)
    }));
    if snapshot.superuser {
        let text =
            "the role of the check is a superuser, which it need not be (pgcommons role-sql)";
        findings.push(finding(Level::Warning, text.into()));
    }
    findings.extend(snapshot.missing.iter().map(|name| {
        let text = format!("database {name} has a budget, and is not there");
        finding(Level::Warning, text)
    }));
    findings
}

fn of_database(view: &DatabaseView, thresholds: Thresholds) -> Vec<Finding> {
    let name = &view.row.name;
    let mut findings = Vec::new();
    let whose = format!("database {name}");
    findings.extend(own(&whose, view.judged.as_ref(), thresholds));
    let size = match (view.size, view.size_limit()) {
        (Ok(size), Some(quota)) => Some(format!(
            "{whose} has {} of its {}",
            bytes(size),
            bytes(quota)
        )),
        (Err(why), Some(_)) => Some(format!(
            "{whose} has a quota, and its size is not known ({})",
            why.label()
        )),
        (Err(why), None) => Some(format!(
            "the size of {whose} is not known ({})",
            why.label()
        )),
        (Ok(_), None) => None,
    };
    findings.extend(size.map(|text| finding(thresholds.size(view), text)));
    if view.row.is_invalid() {
        let text = format!("{whose} is invalid: a DROP DATABASE of it runs, or was interrupted");
        findings.push(finding(Level::Warning, text));
    }
    findings
}

/// How a database or role stands against the limit that is set for it alone.
fn own(whose: &str, judged: Option<&Judged>, thresholds: Thresholds) -> Option<Finding> {
    let limit = own_limit(judged?)?;
    Some(connections(whose, limit, thresholds))
}

fn connections(whose: &str, limit: Limit, thresholds: Thresholds) -> Finding {
    let by = match limit.kind {
        LimitKind::Budget => " of its budget",
        LimitKind::Server | LimitKind::Database | LimitKind::Role => "",
    };
    let text = format!(
        "{whose} uses {} of {} connections{by}",
        limit.used, limit.connections
    );
    finding(thresholds.limit(limit), text)
}

pub(super) fn bytes(size: u64) -> String {
    bytesize::ByteSize::b(size).display().iec().to_string()
}
