//! Findings about backups: databases without one, old, incomplete and suspiciously small ones.

use std::time::Duration;

use super::{Concern, Finding, Scope, Severity};
use crate::backups::{Coverage, DirectoryReport, Report, State, Subject, SubjectReport};

/// How a subject's backups are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BackupAge {
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) max_age: Duration,
}

impl BackupAge {
    /// `database` gives `backup_max_age` of the budget of a database, or nothing if it has none. None: there is no such database, so
    /// its backups need not be new.
    pub(crate) fn for_subject(
        subject: &SubjectReport,
        now: i64,
        database: impl FnOnce(&str) -> Option<Option<Duration>>,
    ) -> Option<Self> {
        let own = match &subject.subject {
            Subject::Database(name) => database(name)?,
            Subject::Cluster | Subject::Globals | Subject::Unnamed => None,
        };
        let max_age = own.unwrap_or(subject.max_age);
        Some(Self { now, max_age })
    }

    /// How old a backup is. A time slightly in the future counts as now.
    pub(crate) fn of(self, time: i64) -> Duration {
        Duration::from_secs(self.now.saturating_sub(time).try_into().unwrap_or(0))
    }

    fn is_stale(self, time: i64) -> bool {
        self.of(time) > self.max_age
    }
}

/// The severity of the backups of one subject, with the reason if it is not ok.
pub(crate) fn backup_severity(
    report: &SubjectReport,
    age: BackupAge,
) -> (Severity, Option<String>) {
    if report.subject == Subject::Globals
        || report.subject == Subject::Cluster && report.newest_complete.is_some()
    {
        return (Severity::Ok, None); // the databases of pg_dumpall are subjects of their own
    }
    let state = report.state();
    let complete = report.newest_complete.as_ref().map(|backup| backup.time);
    let unproven = report
        .newest
        .as_ref()
        .filter(|_| state == Some(State::Unproven));
    let newest = complete.max(unproven.map(|newest| newest.file.time));
    match (newest, state) {
        (Some(Some(time)), _) if age.is_stale(time) => {
            let [old, limit] = [age.of(time), age.max_age].map(age_text);
            let text = format!("the newest complete backup is {old} old, the limit is {limit}");
            (Severity::Critical, Some(text))
        }
        (Some(None), _) => {
            let text = "the newest backup has a time in the future, so its age is unknown";
            (Severity::Unknown, Some(text.to_owned()))
        }
        (None, None) => {
            let text = if report.is_unread {
                "the only backup changed while it was read, or could not be read in time"
            } else {
                "the first backup is still being written"
            };
            (Severity::Unknown, Some(text.to_owned()))
        }
        (_, Some(state)) => of_newest_file(report, state, newest.is_some()),
        (Some(_), None) => (Severity::Ok, None),
    }
}

/// The severity by the newest file. `has_complete`: there is a complete backup that is not stale.
fn of_newest_file(
    report: &SubjectReport,
    state: State,
    has_complete: bool,
) -> (Severity, Option<String>) {
    let (severity, problem) = match state {
        State::Unreadable => (Severity::Unknown, "cannot be read"),
        State::Incomplete if has_complete => (Severity::Warning, "is not complete"),
        State::Shrunk => (Severity::Warning, "has less than half of the usual size"),
        State::Complete | State::Unproven if has_complete => return (Severity::Ok, None),
        State::Incomplete | State::Complete | State::Unproven => {
            let problem = "is not complete, and there is no complete one";
            (Severity::Critical, problem)
        }
    };
    (severity, Some(newest_file(report, problem)))
}

/// `the newest file shop.sql is not complete (it is cut off)`
fn newest_file(report: &SubjectReport, problem: &str) -> String {
    let Some(newest) = &report.newest else {
        return format!("the newest file {problem}");
    };
    let why = newest
        .why
        .as_ref()
        .map_or_else(String::new, |why| format!(" ({why})"));
    format!("the newest file {} {problem}{why}", newest.file.path)
}

/// For people: `3 days 2 h`, `26 h 30 min`, `40 s`.
pub(crate) fn age_text(duration: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    let seconds = duration.as_secs();
    let (count, unit, rest, smaller) = match seconds {
        0..60 => (seconds, "s", 0, ""),
        60..3600 => (seconds / 60, "min", 0, ""),
        // In hours, because the usual limit is 26 of them.
        3600..172_800 => (seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => (seconds / DAY, "days", seconds % DAY / 3600, "h"),
    };
    if rest == 0 {
        format!("{count} {unit}")
    } else {
        format!("{count} {unit} {rest} {smaller}")
    }
}

/// The findings of one scan, worst first. `coverage` is None if the databases of the server are not known. `age` gives the limit of
/// a subject; None: it belongs to no database of the server.
pub(crate) fn backup_findings(
    report: &Report,
    coverage: Option<&Coverage>,
    age: impl Fn(&SubjectReport) -> Option<BackupAge>,
) -> Vec<Finding> {
    let mut findings: Vec<_> = report.directories.iter().filter_map(directory).collect();
    if report.subjects.is_empty() && report.is_whole() {
        let text = "no file in the directories of backups has a name that the patterns match";
        findings.push(Finding::server(Severity::Critical, Concern::Backup, text));
    }
    for subject in &report.subjects {
        let Some(age) = age(subject) else { continue };
        let (severity, Some(text)) = backup_severity(subject, age) else {
            continue;
        };
        findings.push(match &subject.subject {
            Subject::Database(name) => of_database(name, severity, &text),
            Subject::Cluster => {
                Finding::server(severity, Concern::Backup, format!("pg_dumpall: {text}"))
            }
            Subject::Globals | Subject::Unnamed => Finding::server(severity, Concern::Backup, text),
        });
    }
    let missing = coverage.map(|it| &it.databases_without_backup[..]);
    for name in missing.unwrap_or_default() {
        let is_known = |finding: &Finding| finding.subject.as_ref() == Some(name);
        if !findings.iter().any(is_known) {
            findings.push(of_database(name, Severity::Critical, "it has no backup"));
        }
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn of_database(name: &str, severity: Severity, text: &str) -> Finding {
    let text = format!("database {name}: {text}");
    Finding::of(Scope::Database, name, severity, Concern::Backup, text)
}

fn directory(report: &DirectoryReport) -> Option<Finding> {
    let text = format!("{} {}", report.path.display(), report.problem_text()?);
    Some(Finding::server(Severity::Unknown, Concern::Backup, text))
}
