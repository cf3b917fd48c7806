//! The report of `pgcommons backups`, worst first. Its fields are the keys of `--json`.

use serde::Serialize;

use super::Existing;
use crate::backups::{Backup, Coverage, NewestFile, Report, State, Subject, SubjectReport};
use crate::findings::{BackupAge, Finding, Severity, backup_findings, backup_severity};
use crate::policy::Policy;

#[derive(Debug, Serialize)]
pub(crate) struct BackupsReport {
    pub(crate) status: Severity,
    pub(crate) servers: Vec<ServerBackups>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerBackups {
    /// Null: the directories are from the command line.
    pub(crate) server: Option<String>,
    pub(crate) status: Severity,
    /// Worst first.
    pub(crate) findings: Vec<Finding>,
    pub(crate) directories: Vec<Directory>,
    pub(crate) backups: Vec<Row>,
    /// Null: the databases of the server, or the databases of a file, are not known.
    pub(crate) coverage: Option<Coverage>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Directory {
    pub(crate) path: String,
    /// Files whose names match.
    pub(crate) files: usize,
    /// Symbolic links to other folders, which are not followed.
    pub(crate) links: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Null: the file is of all databases, of roles, or of an unknown database.
    pub(crate) datname: Option<String>,
    /// `database`, `cluster`, `globals`, `unnamed`
    pub(crate) scope: &'static str,
    pub(crate) status: Severity,
    /// The state of the newest file; null while the first one is being written, or if there is no file.
    pub(crate) state: Option<State>,
    pub(crate) newest_complete: Option<Backup>,
    pub(crate) age_seconds: Option<u64>,
    pub(crate) max_age_seconds: Option<u64>,
    pub(crate) newest: Option<NewestFile>,
    /// A newer file is still being written.
    pub(crate) growing: bool,
    /// Null: not known.
    pub(crate) exists: Option<bool>,
}

/// What is known of one server.
pub(super) struct Scanned {
    pub(super) name: Option<String>,
    pub(super) policy: Policy,
    /// None: no server was asked.
    pub(super) databases: Option<Result<Vec<Existing>, String>>,
    /// None: the file system did not answer.
    pub(super) report: Option<Report>,
    pub(super) now: i64,
}

impl BackupsReport {
    pub(super) fn of(servers: Vec<ServerBackups>) -> Self {
        let status = servers.iter().map(|server| server.status).max();
        Self {
            status: status.unwrap_or(Severity::Unknown),
            servers,
        }
    }
}

pub(super) fn server(scanned: Scanned) -> ServerBackups {
    let mut findings = Vec::new();
    let databases = match &scanned.databases {
        Some(Err(error)) => {
            findings.push(Finding::unreachable(Severity::Unknown, error.clone()));
            None
        }
        Some(Ok(databases)) => Some(databases.as_slice()),
        None => None,
    };
    let Some(report) = &scanned.report else {
        let text = "the file system of the backups did not answer in time".to_owned();
        findings.push(Finding::of_backups(text));
        return ServerBackups::new(scanned.name, findings, &Report::default(), Vec::new(), None);
    };
    let (coverage, more) = findings_of(report, databases, &scanned.policy, scanned.now);
    findings.extend(more);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut rows: Vec<Row> = report
        .subjects
        .iter()
        .map(|subject| {
            let age = age(subject, databases, &scanned.policy, scanned.now);
            row(subject, databases, age, scanned.now)
        })
        .collect();
    let is_listed =
        |rows: &[Row], name: &str| rows.iter().any(|row| row.datname.as_deref() == Some(name));
    for name in coverage.iter().flat_map(|it| &it.databases_without_backup) {
        if !is_listed(&rows, name) {
            rows.push(Row::missing(name));
        }
    }
    rows.sort_by_cached_key(|row| {
        (
            std::cmp::Reverse(row.status),
            std::cmp::Reverse(row.age_seconds),
            row.datname.clone(),
        )
    });
    ServerBackups::new(scanned.name.clone(), findings, report, rows, coverage)
}

/// The backups of a scan compared with the databases, and what is wrong with them. `databases` is None if they are not known.
pub(in crate::command) fn findings_of(
    report: &Report,
    databases: Option<&[Existing]>,
    policy: &Policy,
    now: i64,
) -> (Option<Coverage>, Vec<Finding>) {
    let coverage = databases.and_then(|databases| coverage(report, databases, policy));
    let age = |subject: &SubjectReport| age(subject, databases, policy, now);
    let findings = backup_findings(report, coverage.as_ref(), age);
    (coverage, findings)
}

fn coverage(report: &Report, databases: &[Existing], policy: &Policy) -> Option<Coverage> {
    let names = databases.iter().map(|database| database.name.as_str());
    let is_invalid = |name: &str| databases.iter().any(|it| it.is_invalid && it.name == name);
    report.coverage(names, |name| policy.watches(name) && !is_invalid(name))
}

/// None: there is no such database.
fn age(
    subject: &SubjectReport,
    databases: Option<&[Existing]>,
    policy: &Policy,
    now: i64,
) -> Option<BackupAge> {
    BackupAge::for_subject(subject, now, |name| {
        let exists = databases.is_none_or(|all| all.iter().any(|it| it.name == *name));
        exists.then(|| policy.budget(name).and_then(|it| it.backup_max_age))
    })
}

fn row(
    subject: &SubjectReport,
    databases: Option<&[Existing]>,
    age: Option<BackupAge>,
    now: i64,
) -> Row {
    let time = subject
        .newest_complete
        .as_ref()
        .and_then(|backup| backup.time);
    let any_age = BackupAge {
        now,
        max_age: subject.max_age,
    };
    let (datname, scope) = match &subject.subject {
        Subject::Database(name) => (Some(name.clone()), "database"),
        Subject::Cluster => (None, "cluster"),
        Subject::Globals => (None, "globals"),
        Subject::Unnamed => (None, "unnamed"),
    };
    Row {
        status: age.map_or(Severity::Ok, |age| backup_severity(subject, age).0),
        state: subject.state(),
        newest_complete: subject.newest_complete.clone(),
        age_seconds: time.map(|time| any_age.of(time).as_secs()),
        max_age_seconds: age.map(|age| age.max_age.as_secs()),
        newest: subject.newest.clone(),
        growing: subject.is_growing,
        exists: databases.and(datname.as_ref()).map(|_| age.is_some()),
        datname,
        scope,
    }
}

impl Row {
    fn missing(name: &str) -> Self {
        Self {
            datname: Some(name.to_owned()),
            scope: "database",
            status: Severity::Critical,
            state: None,
            newest_complete: None,
            age_seconds: None,
            max_age_seconds: None,
            newest: None,
            growing: false,
            exists: Some(true),
        }
    }
}

impl ServerBackups {
    fn new(
        server: Option<String>,
        findings: Vec<Finding>,
        report: &Report,
        backups: Vec<Row>,
        coverage: Option<Coverage>,
    ) -> Self {
        let directories = report.directories.iter();
        let directories = directories.map(|directory| Directory {
            path: directory.path.display().to_string(),
            files: directory.files,
            links: directory.links,
        });
        let worst = findings.iter().map(|finding| finding.severity).max();
        Self {
            server,
            status: worst.unwrap_or(Severity::Ok),
            directories: directories.collect(),
            findings,
            backups,
            coverage,
        }
    }
}
