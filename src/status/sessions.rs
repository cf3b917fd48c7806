//! The sessions of one database: who has them open, what they do, and what those that work wait for.

use crate::snapshot::Snapshot;

/// Sessions of one role and application in one state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SessionRow {
    pub(crate) usename: String,
    pub(crate) application_name: String,
    /// Empty: a process without a state.
    pub(crate) state: &'static str,
    pub(crate) backend_type: &'static str,
    pub(crate) count: u32,
    /// In seconds.
    pub(crate) oldest_transaction: Option<f64>,
    /// What those that work wait for, with their number; the most first.
    pub(crate) waits: Vec<(&'static str, u32)>,
}

/// The most first. None: the agent's role does not see all sessions.
pub(crate) fn sessions_of(snapshot: &Snapshot, datname: &str) -> Option<Vec<SessionRow>> {
    if !snapshot.sees_all_sessions() {
        return None;
    }
    let sessions = snapshot.sessions.iter();
    let own = sessions.filter(|(key, _)| key.datname == datname);
    let mut rows: Vec<_> = own
        .map(|(key, total)| SessionRow {
            usename: key.usename.clone(),
            application_name: key.application_name.clone(),
            state: key.state,
            backend_type: key.backend_type,
            count: total.count,
            oldest_transaction: total.oldest_transaction,
            waits: super::waits(&total.working),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    Some(rows)
}
