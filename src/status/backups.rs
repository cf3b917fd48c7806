//! The backup of a database: how old the newest good one is, and what is wrong with it.

use serde::Serialize;

use crate::backups::{State, SubjectReport};
use crate::findings::Severity;
use crate::state::Server;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct BackupStatus {
    /// That of its worst finding.
    pub(crate) status: Severity,
    /// When the newest backup that is complete, or may be, was made, in seconds since the epoch; null: there is none, or it is still to
    /// be read.
    pub(crate) newest: Option<i64>,
    /// The state of the newest file: `complete`, `incomplete`, `shrunk`, `unreadable`, `unproven`; null: there is no file.
    pub(crate) state: Option<&'static str>,
    /// Whether it is known that there is no backup.
    pub(crate) missing: bool,
}

/// `worst` is of its findings about backups. None: no backups are configured, their directories cannot be listed, or what is there is not known yet.
pub(super) fn of(server: &Server, datname: &str, worst: Option<Severity>) -> Option<BackupStatus> {
    let subject = server.attached.backup_report()?.database(datname);
    let missing = server.backup_coverage();
    let missing = missing.map(|it| {
        it.databases_without_backup
            .binary_search_by(|own| (**own).cmp(datname))
            .is_ok()
    });
    if subject.is_none() && missing != Some(true) {
        return None;
    }
    Some(BackupStatus {
        status: worst.unwrap_or(Severity::Ok),
        newest: subject
            .and_then(SubjectReport::last_good)
            .and_then(|it| it.time),
        state: subject.and_then(SubjectReport::state).map(State::label),
        missing: missing.unwrap_or(false),
    })
}
