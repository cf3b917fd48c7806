//! The report of an audit. Its fields are the keys of `audit --json`.

use serde::Serialize;

use super::Audited;
use crate::findings::Severity;
use crate::isolation::{self, Judgement, Kind};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) status: Severity,
    pub(super) findings: Vec<Finding>,
    /// Checks that could not be made; they say nothing about the server.
    pub(super) skipped: Vec<Skipped>,
    pub(super) servers: Vec<Server>,
}

#[derive(Debug, Serialize)]
pub(super) struct Server {
    #[serde(rename = "server")]
    pub(super) name: String,
    pub(super) status: Severity,
    /// Such as `15.18`; null if the audit has no session.
    pub(super) version: Option<String>,
    /// Why the server could not be audited.
    pub(super) error: Option<String>,
    /// Login roles that may connect only where PUBLIC may, at most 20.
    pub(super) homeless: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Finding {
    #[serde(rename = "finding")]
    pub(super) label: &'static str,
    pub(super) severity: Severity,
    pub(super) server: String,
    pub(super) datname: Option<String>,
    pub(super) rolname: Option<String>,
    pub(super) text: String,
    pub(super) why: &'static str,
    /// Other roles that it is about, at most 20.
    pub(super) roles: Vec<String>,
    /// How many roles there are.
    pub(super) roles_total: usize,
    /// Null if no statement repairs it.
    pub(super) sql: Option<String>,
    /// Why `--sql` does not run it, or what to do instead.
    pub(super) decide: Option<String>,
    /// Sessions of roles that lose access; null if sessions are not visible.
    pub(super) breaks: Option<Vec<Broken>>,
    #[serde(skip)]
    pub(super) kind: Kind,
}

#[derive(Debug, Serialize)]
pub(super) struct Broken {
    pub(super) rolname: String,
    pub(super) datname: String,
    pub(super) sessions: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Skipped {
    pub(super) finding: &'static str,
    pub(super) server: String,
    pub(super) why: String,
}

impl Report {
    pub(super) fn of(audited: &[Audited]) -> Self {
        let mut report = Self {
            status: Severity::Ok,
            findings: Vec::new(),
            skipped: Vec::new(),
            servers: Vec::new(),
        };
        for (name, judged) in audited {
            let mut server = Server {
                name: name.clone(),
                status: Severity::Unknown,
                version: None,
                error: judged.as_ref().err().cloned(),
                homeless: Vec::new(),
            };
            if let Ok(judged) = judged {
                server.version = Some(judged.version.clone());
                server.homeless.clone_from(&judged.judgement.homeless.first);
                server.status = report.add(name, &judged.judgement);
            }
            report.status = report.status.max(server.status);
            report.servers.push(server);
        }
        report
    }

    /// Returns the severity of the worst finding. A check that was skipped makes it at least unknown.
    fn add(&mut self, server: &str, judgement: &Judgement) -> Severity {
        let mut worst = Severity::Ok;
        for found in &judgement.findings {
            let finding = finding(server, found);
            worst = worst.max(finding.severity);
            self.findings.push(finding);
        }
        for skipped in &judgement.skipped {
            worst = worst.max(Severity::Unknown);
            self.skipped.push(Skipped {
                finding: skipped.kind.label(),
                server: server.to_owned(),
                why: skipped.why.clone(),
            });
        }
        worst
    }
}

/// Nothing limits a superuser that works in the database of a tenant; the rest is a warning.
pub(super) fn severity(kind: Kind) -> Severity {
    match kind {
        Kind::SuperuserSessions => Severity::Critical,
        Kind::PublicConnect
        | Kind::PublicTemporary
        | Kind::ForeignConnect
        | Kind::TemplateOpen
        | Kind::SharedOwner
        | Kind::SharedLogin
        | Kind::SuperuserOwner
        | Kind::ElevatedRole
        | Kind::ElevatedMembership
        | Kind::LimitNotEnforced
        | Kind::CleartextSessions
        | Kind::PublicCreate
        | Kind::PublicTables
        | Kind::UnsafeDefiner => Severity::Warning,
    }
}

fn finding(server: &str, found: &isolation::Finding) -> Finding {
    let broken = |broken: &isolation::Broken| Broken {
        rolname: broken.rolname.clone(),
        datname: broken.datname.clone(),
        sessions: broken.sessions,
    };
    Finding {
        label: found.kind.label(),
        severity: severity(found.kind),
        server: server.to_owned(),
        datname: found.datname.clone(),
        rolname: found.rolname.clone(),
        text: found.text.clone(),
        why: found.kind.why(),
        roles: found.roles.first.clone(),
        roles_total: found.roles.total,
        sql: found.repair.sql(),
        decide: found.repair.decide.clone(),
        breaks: found
            .breaks
            .as_ref()
            .map(|it| it.iter().map(broken).collect()),
        kind: found.kind,
    }
}
