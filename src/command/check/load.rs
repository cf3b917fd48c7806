//! Which database uses the server most, at the moment of the check.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::sample::{Oid, WaitClass};
use crate::snapshot::{Load, Snapshot, WorkingSessions};
use crate::status::text::duration;

/// Sessions and workers that are active, without those that wait for their clients.
#[derive(Debug, Serialize)]
pub(crate) struct LoadReport {
    pub(crate) active: u32,
    /// Null: none is active in a database that is monitored.
    pub(crate) busiest: Option<BusiestReport>,
    /// Null: no statement has run for a second in a database that is monitored.
    pub(crate) recent: Option<RecentReport>,
    /// Null: no client session runs a statement in a database that is monitored.
    pub(crate) oldest_statement: Option<OldestStatementReport>,
}

/// The statement that has run longest.
#[derive(Debug, Serialize)]
pub(crate) struct OldestStatementReport {
    pub(crate) datname: String,
    /// `other`: an application without series of its own.
    pub(crate) application_name: String,
    pub(crate) seconds: f64,
}

/// The database whose statements that run now have run most within [`RECENT`].
#[derive(Debug, Serialize)]
pub(crate) struct RecentReport {
    pub(crate) datname: String,
    /// The sum over these statements.
    pub(crate) seconds: f64,
}

/// Seconds.
pub(super) const RECENT: f64 = 300.0;

#[derive(Debug, Serialize)]
pub(crate) struct BusiestReport {
    pub(crate) datname: String,
    pub(crate) active: u32,
    /// How many wait for what; the classes of `pgcommons_database_active_seconds_total`.
    pub(crate) waits: BTreeMap<&'static str, u32>,
}

/// `running` is [`RECENT`] by database, and `time` the server's clock. None: the role of the check does not see all sessions.
pub(super) fn report(
    snapshot: &Snapshot,
    running: &HashMap<Oid, f64>,
    time: f64,
) -> Option<LoadReport> {
    let load = snapshot.load.as_ref()?;
    Some(LoadReport {
        active: load.working.active(),
        busiest: busiest(load),
        recent: recent(snapshot, running),
        oldest_statement: oldest_statement(snapshot, time),
    })
}

fn oldest_statement(snapshot: &Snapshot, time: f64) -> Option<OldestStatementReport> {
    let sessions = snapshot.sessions.iter();
    let starts = sessions.filter_map(|(key, total)| Some((key, total.oldest_statement?)));
    let (key, start) = starts.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    Some(OldestStatementReport {
        datname: key.datname.clone(),
        application_name: key.application_name.clone(),
        seconds: (time - start).max(0.0),
    })
}

fn recent(snapshot: &Snapshot, running: &HashMap<Oid, f64>) -> Option<RecentReport> {
    let databases = snapshot.databases.iter();
    let seconds = databases.filter_map(|view| Some((view, *running.get(&view.row.oid)?)));
    let (view, seconds) = seconds.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (seconds >= 1.0).then(|| RecentReport {
        datname: view.row.name.clone(),
        seconds,
    })
}

/// Among equals the first by name.
fn busiest(load: &Load) -> Option<BusiestReport> {
    let databases = load.working_in.iter().rev();
    let (datname, sessions) = databases.max_by_key(|(_, sessions)| sessions.active())?;
    let active = sessions.active();
    (active > 0).then(|| BusiestReport {
        datname: datname.clone(),
        active,
        waits: waits(*sessions),
    })
}

fn waits(sessions: WorkingSessions) -> BTreeMap<&'static str, u32> {
    let classes = WaitClass::ALL.into_iter();
    let counts = classes.map(|wait| (wait.label(), sessions.of(wait)));
    counts.filter(|(_, count)| *count > 0).collect()
}

impl LoadReport {
    /// For people.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let recent = self.recent.as_ref().map(|recent| {
            format!(
                "busiest in the last {} minutes: database {}, whose running statements took {:.0} s of them",
                RECENT / 60.0,
                recent.datname,
                recent.seconds
            )
        });
        let oldest = self.oldest_statement.as_ref();
        let oldest = oldest.filter(|it| it.seconds >= 1.0);
        self.line()
            .into_iter()
            .chain(recent)
            .chain(oldest.map(OldestStatementReport::line))
    }

    /// None if nothing is active.
    fn line(&self) -> Option<String> {
        let busiest = self.busiest.as_ref()?;
        let (datname, active) = (&busiest.datname, busiest.active);
        let mut waits: Vec<_> = busiest.waits.iter().collect();
        waits.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let waits: Vec<_> = waits
            .iter()
            .map(|(wait, n)| format!("{n} {wait}"))
            .collect();
        let all = self.active;
        Some(format!(
            "busiest now: database {datname} with {active} of {all} active sessions ({})",
            waits.join(", ")
        ))
    }
}

impl OldestStatementReport {
    fn line(&self) -> String {
        let application = match &*self.application_name {
            "" => "without a name",
            name => name,
        };
        format!(
            "oldest statement: has run for {} in database {}, application {application}",
            duration(self.seconds),
            self.datname
        )
    }
}
