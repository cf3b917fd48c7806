//! Who uses the server: which database a session or a statement counts for.

use std::sync::Arc;

use super::PollTracker;
use crate::history::{Place, ProcessTotals, StatementTotals, Working};
use crate::sample::statements::Statements;
use crate::sample::{Oid, ProcessTable, Sessions};
use crate::series::tenants::TenantSet;

impl PollTracker {
    /// Adds what statements did since the last reading. Called after a poll of activity.
    pub(crate) fn statements(&mut self, now: Statements) -> Arc<StatementTotals> {
        let tenants = self.selected.as_ref().map(|selected| &*selected.tenants);
        Arc::new(self.statements.record(now, |oid| place(tenants?, oid)))
    }

    /// Adds what processes used since the last look. Called after a poll of activity.
    pub(crate) fn processes(&mut self, now: &ProcessTable) -> Arc<ProcessTotals> {
        let tenants = self.selected.as_ref().map(|selected| &*selected.tenants);
        Arc::new(self.processes.record(now, |oid| place(tenants?, oid)))
    }
}

/// None: the database is not watched.
fn place(tenants: &TenantSet, oid: Oid) -> Option<Place<'_>> {
    let name = tenants.datname(oid)?;
    Some(if tenants.is_sum(name) {
        Place::Other
    } else {
        Place::Own(name)
    })
}

/// The sessions that work, by database. Those of databases that are not watched count for the server only.
pub(super) fn working(tenants: &TenantSet, sessions: &[Sessions]) -> Working {
    let mut working = Working::default();
    for group in sessions {
        let Some(wait) = group.wait else {
            continue;
        };
        working.server.add(wait, group.count);
        let named = group.database.map(|oid| (oid, tenants.datname(oid)));
        match named {
            Some((_, Some(datname))) if tenants.is_sum(datname) => {
                working.other.add(wait, group.count);
            }
            Some((oid, Some(_))) => {
                let database = working.databases.entry(oid).or_default();
                database.add(wait, group.count);
            }
            Some((_, None)) | None => {}
        }
    }
    working
}
