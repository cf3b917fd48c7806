//! The server as a whole: slots, privileges of the agent's role, a crash, budgets without a database, invalid databases.

use std::time::{Duration, UNIX_EPOCH};

use super::severity::{Severity, Thresholds};
use super::{Concern, Finding, Scope, connections, remedy};
use crate::sample::ServerInfo;
use crate::size_schedule::UnknownSize;
use crate::snapshot::{DatabaseView, Snapshot};

/// How long a crash is reported: a check that runs once per day finds each.
const CRASH_REPORTED: Duration = Duration::from_hours(24);
/// Since the epoch.
const YEAR_10000: Duration = Duration::from_hours(70_389_528);

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
            "the role that monitors is a superuser, which is not required (pgcommons role-sql)";
        let finding = Finding::server(Severity::Warning, Concern::Privilege, text);
        findings.push(finding.with_remedy(remedy::ROLE_SQL));
    }
    findings.extend(crashed(&snapshot.info));
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

/// Both times are by the server's clock.
fn crashed(info: &ServerInfo) -> Option<Finding> {
    let at = info.last_crash()?;
    let is_recent = info.read_at - at < CRASH_REPORTED.as_secs_f64();
    let text = format!(
        "a process of the server died at {}, and all sessions were ended; its log has \"was terminated by signal\"",
        utc(at).filter(|_| is_recent)?
    );
    let finding = Finding::server(Severity::Warning, Concern::Crash, text);
    Some(finding.with_remedy(remedy::LOG))
}

/// Such as `2026-11-29T07:15:49Z`. None for a time that cannot be written so.
fn utc(seconds_since_epoch: f64) -> Option<humantime::Rfc3339Timestamp> {
    let since_epoch = Duration::try_from_secs_f64(seconds_since_epoch).ok()?;
    (since_epoch < YEAR_10000).then(|| humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch))
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
    let finding = match remedy::drop_database(name) {
        Some(remedy) => finding.with_remedy(remedy),
        None => finding,
    };
    view.row.is_invalid().then_some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashed_at(at: f64, read_at: f64) -> ServerInfo {
        ServerInfo {
            read_at,
            ..ServerInfo::of_test(160_014, Some(at))
        }
    }

    #[test]
    fn a_crash_is_reported_for_a_day() {
        let hour = 3600.0;
        for (age, is_reported) in [(0.0, true), (23.0, true), (25.0, false), (-1.0, true)] {
            let at = 1_795_936_549.3;
            let finding = crashed(&crashed_at(at, at + age * hour));
            assert_eq!(finding.is_some(), is_reported, "{age} h");
            if let Some(finding) = finding {
                assert!(finding.text.contains("died at 2026-11-29T07:15:49Z"));
                assert_eq!(finding.severity, Severity::Warning);
            }
        }
    }

    #[test]
    fn a_server_whose_clock_is_wrong_is_no_panic() {
        for at in [f64::NAN, f64::INFINITY, 1e12, 1e19, 1e300] {
            assert_eq!(crashed(&crashed_at(at, at)), None, "{at}");
        }
    }
}
