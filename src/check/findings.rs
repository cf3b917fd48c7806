//! One line for each thing that is not as it should be.

use serde::Serialize;

use super::verdict::{Level, Thresholds};
use crate::limits::LimitKind;
use crate::snapshot::{DatabaseView, Judged, Snapshot};

#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) status: Level,
    pub(crate) text: String,
}

/// Worst first. A limit is complained of where it is set: a full server is one finding, not one for each database.
pub(super) fn findings(snapshot: &Snapshot, thresholds: Thresholds) -> Vec<Finding> {
    let mut findings = of_server(snapshot, thresholds);
    for view in &snapshot.databases {
        findings.extend(of_database(view, thresholds));
    }
    for view in &snapshot.roles {
        let own = view
            .judged
            .as_ref()
            .filter(|judged| bound_by(judged, &[LimitKind::Role]));
        findings.extend(
            own.map(|judged| connections(&format!("role {}", view.row.name), judged, thresholds)),
        );
    }
    findings.retain(|finding| finding.status > Level::Ok);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.status));
    findings
}

fn of_server(snapshot: &Snapshot, thresholds: Thresholds) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &snapshot.server {
        Some(judged) => findings.push(connections("the server", judged, thresholds)),
        None => findings.push(Finding {
            status: Level::Unknown,
            text:
                "the role lacks pg_monitor, so connections cannot be counted (pgcommons role-sql)"
                    .into(),
        }),
    }
    if snapshot.superuser {
        findings.push(Finding {
            status: Level::Warning,
            text: "the role of the check is a superuser, which it need not be (pgcommons role-sql)"
                .into(),
        });
    }
    findings.extend(snapshot.missing.iter().map(|name| Finding {
        status: Level::Warning,
        text: format!("database {name} has a budget, and is not there"),
    }));
    findings
}

fn of_database(view: &DatabaseView, thresholds: Thresholds) -> Vec<Finding> {
    let name = &view.row.name;
    let mut findings = Vec::new();
    let own = view
        .judged
        .as_ref()
        .filter(|judged| bound_by(judged, &[LimitKind::Database, LimitKind::Budget]));
    findings.extend(own.map(|judged| connections(&format!("database {name}"), judged, thresholds)));
    if let Some(quota) = view.size_limit() {
        let text = match view.size {
            Ok(size) => format!(
                "database {name} has {} of its {}",
                bytes(size),
                bytes(quota)
            ),
            Err(why) => format!(
                "database {name} has a quota, and its size is not known ({})",
                why.label()
            ),
        };
        findings.push(Finding {
            status: thresholds.size(view),
            text,
        });
    }
    if view.row.is_invalid() {
        let text =
            format!("database {name} is invalid, which an interrupted DROP DATABASE leaves behind");
        findings.push(Finding {
            status: Level::Warning,
            text,
        });
    }
    findings
}

fn bound_by(judged: &Judged, kinds: &[LimitKind]) -> bool {
    judged
        .limits
        .binding()
        .is_some_and(|limit| kinds.contains(&limit.kind))
}

fn connections(whose: &str, judged: &Judged, thresholds: Thresholds) -> Finding {
    let text = judged.limits.binding().map_or_else(String::new, |limit| {
        let by = if limit.kind == LimitKind::Budget {
            " of its budget"
        } else {
            ""
        };
        format!(
            "{whose} uses {} of {} connections{by}",
            limit.used, limit.connections
        )
    });
    Finding {
        status: thresholds.connections(Some(judged)),
        text,
    }
}

pub(super) fn bytes(size: u64) -> String {
    bytesize::ByteSize::b(size).display().iec().to_string()
}
