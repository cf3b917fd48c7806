//! CPU time of processes since the agent began, by database. What ended between two looks, and was therefore never seen, is known
//! only as the sum that the postmaster counts: it has no database, and is never spread over them.

use std::collections::HashMap;

use super::Place;
use crate::sample::{Oid, ProcessId, ProcessTable, ProcessUsage};

/// What the processes of one database use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DatabaseProcesses {
    /// CPU seconds since the agent began.
    pub(crate) cpu_seconds: f64,
    /// At the last look. None: of one process it is not readable.
    pub(crate) private_bytes: Option<u64>,
}

const NONE: DatabaseProcesses = DatabaseProcesses {
    cpu_seconds: 0.0,
    private_bytes: Some(0),
};

/// What the processes of a server use. CPU seconds are since the agent began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProcessTotals {
    databases: HashMap<Oid, (String, DatabaseProcesses)>,
    /// The databases without series of their own.
    pub(crate) other: DatabaseProcesses,
    /// Everything, with the postmaster, processes without a database, and what ended.
    pub(crate) server_seconds: f64,
    /// What processes used between the last look at them, or their start, and their end.
    pub(crate) ended_seconds: f64,
}

impl Default for ProcessTotals {
    fn default() -> Self {
        Self {
            databases: HashMap::new(),
            other: NONE,
            server_seconds: 0.0,
            ended_seconds: 0.0,
        }
    }
}

impl ProcessTotals {
    /// 0 for a database without processes.
    pub(crate) fn of(&self, database: Oid) -> DatabaseProcesses {
        self.databases.get(&database).map_or(NONE, |(_, it)| *it)
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProcessHistory {
    /// None: nothing was read yet, so what was used before does not count.
    last: Option<LastLook>,
    totals: ProcessTotals,
    /// CPU seconds of processes that are gone, up to the last look at each: the postmaster counts them again when they end.
    seen_of_gone: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct LastLook {
    postmaster: ProcessId,
    postmaster_seconds: f64,
    /// The postmaster's account of ended children at the first look.
    ended_before: f64,
    processes: HashMap<ProcessId, f64>,
}

impl ProcessHistory {
    /// Adds what processes used since the last look.
    pub(crate) fn record<'a>(
        &mut self,
        now: &ProcessTable,
        place: impl Fn(Oid) -> Option<Place<'a>>,
    ) -> ProcessTotals {
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.postmaster != now.postmaster)
        {
            *self = Self::default(); // the server was restarted
        }
        let mut last = self.last.take();
        self.forget_memory(&place);
        let mut processes = HashMap::new();
        for process in &now.processes {
            let before = match &mut last {
                None => process.cpu_seconds,
                // It began after the last look, or PostgreSQL did not list it yet.
                Some(last) => last.processes.remove(&process.id).unwrap_or(0.0),
            };
            self.add(process, (process.cpu_seconds - before).max(0.0), &place);
            processes.insert(process.id, process.cpu_seconds);
        }
        let before = last
            .as_ref()
            .map_or(now.postmaster_seconds, |it| it.postmaster_seconds);
        self.totals.server_seconds += (now.postmaster_seconds - before).max(0.0);
        let ended_before = last
            .as_ref()
            .map_or(now.ended_seconds, |it| it.ended_before);
        // Only those that are gone are left in it.
        let gone = last
            .into_iter()
            .flat_map(|last| last.processes.into_values());
        self.seen_of_gone += gone.sum::<f64>();
        // A process that has just gone may not be in the account yet.
        let ended =
            (now.ended_seconds - ended_before - self.seen_of_gone).max(self.totals.ended_seconds);
        self.totals.server_seconds += ended - self.totals.ended_seconds;
        self.totals.ended_seconds = ended;
        self.last = Some(LastLook {
            postmaster: now.postmaster,
            postmaster_seconds: now.postmaster_seconds,
            ended_before,
            processes,
        });
        self.totals.clone()
    }

    /// Databases that are gone, or renamed, begin again.
    fn forget_memory<'a>(&mut self, place: &impl Fn(Oid) -> Option<Place<'a>>) {
        let is_shown = |oid: Oid, name: &str| place(oid) == Some(Place::Own(name));
        self.totals
            .databases
            .retain(|oid, (name, _)| is_shown(*oid, name));
        for (_, database) in self.totals.databases.values_mut() {
            database.private_bytes = Some(0);
        }
        self.totals.other.private_bytes = Some(0);
    }

    fn add<'a>(
        &mut self,
        process: &ProcessUsage,
        seconds: f64,
        place: &impl Fn(Oid) -> Option<Place<'a>>,
    ) {
        self.totals.server_seconds += seconds;
        let Some(oid) = process.database else {
            return;
        };
        let sum = match place(oid) {
            None => return,
            Some(Place::Other) => &mut self.totals.other,
            Some(Place::Own(name)) => {
                let new = || (name.to_owned(), NONE);
                &mut self.totals.databases.entry(oid).or_insert_with(new).1
            }
        };
        sum.cpu_seconds += seconds;
        let bytes = sum.private_bytes.zip(process.private_bytes);
        sum.private_bytes = bytes.map(|(sum, bytes)| sum.saturating_add(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::PageCounts;

    const SHOP: Oid = 1;
    const OTHER: Oid = 2;
    const NOT_WATCHED: Oid = 3;

    fn place(oid: Oid) -> Option<Place<'static>> {
        match oid {
            SHOP => Some(Place::Own("shop")),
            OTHER => Some(Place::Other),
            _ => None,
        }
    }

    fn table(ended: f64, processes: &[(i32, Option<Oid>, f64)]) -> ProcessTable {
        let process = |&(pid, database, cpu_seconds): &(i32, _, _)| ProcessUsage {
            id: ProcessId { pid, start: 1 },
            database,
            cpu_seconds,
            pages: PageCounts {
                faults: 0,
                resident: 0,
            },
            private_bytes: Some(10),
        };
        ProcessTable {
            postmaster: ProcessId { pid: 1, start: 1 },
            postmaster_seconds: 5.0,
            ended_seconds: ended,
            processes: processes.iter().map(process).collect(),
        }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn what_was_used_before_the_first_look_does_not_count() {
        let mut history = ProcessHistory::default();
        let first = history.record(&table(100.0, &[(7, Some(SHOP), 50.0)]), place);
        assert!(near(first.of(SHOP).cpu_seconds, 0.0), "{first:?}");
        assert_eq!((first.server_seconds, first.ended_seconds), (0.0, 0.0));
        let processes = [(7, Some(SHOP), 51.0), (8, Some(SHOP), 2.0), (9, None, 0.5)];
        let second = history.record(&table(100.0, &processes), place);
        assert!(near(second.of(SHOP).cpu_seconds, 3.0), "{second:?}");
        assert_eq!(second.of(SHOP).private_bytes, Some(20));
        assert!(near(second.server_seconds, 3.5), "{second:?}");
    }

    /// Two sessions: one that was seen, and one between two looks.
    #[test]
    fn what_ended_unseen_is_a_sum_without_a_database() {
        let mut history = ProcessHistory::default();
        history.record(&table(0.0, &[(7, Some(SHOP), 1.0)]), place);
        history.record(&table(0.0, &[(7, Some(SHOP), 4.0)]), place);
        let totals = history.record(&table(4.0 + 0.5 + 2.0, &[]), place);
        assert!(near(totals.of(SHOP).cpu_seconds, 3.0), "{totals:?}");
        assert!(near(totals.ended_seconds, 2.5), "{totals:?}");
        assert!(near(totals.server_seconds, 5.5), "{totals:?}");
        assert_eq!(totals.of(SHOP).private_bytes, Some(0));
    }

    #[test]
    fn a_process_that_is_not_in_the_account_yet_makes_no_sum_fall() {
        let mut history = ProcessHistory::default();
        history.record(&table(0.0, &[(7, Some(SHOP), 1.0), (8, None, 0.0)]), place);
        let before = history.record(&table(3.0, &[(7, Some(SHOP), 9.0), (8, None, 0.0)]), place);
        // 7 has gone, and the postmaster has not waited for it.
        let gone = history.record(&table(3.0, &[(8, None, 0.0)]), place);
        let after = history.record(&table(12.5, &[(8, None, 0.0)]), place);
        assert!(near(before.ended_seconds, 3.0) && near(gone.ended_seconds, 3.0));
        assert!(near(after.ended_seconds, 3.5), "{after:?}");
        assert!(near(after.server_seconds, 11.5), "{after:?}");
    }

    /// A PID that is used again is another process.
    #[test]
    fn a_pid_that_is_used_again_counts_from_its_start() {
        let mut history = ProcessHistory::default();
        history.record(&table(0.0, &[(7, Some(SHOP), 50.0)]), place);
        let mut reused = table(50.0, &[(7, Some(SHOP), 2.0)]);
        reused.processes[0].id.start = 9;
        let totals = history.record(&reused, place);
        assert!(near(totals.of(SHOP).cpu_seconds, 2.0), "{totals:?}");
        assert!(near(totals.ended_seconds, 0.0), "{totals:?}");
    }

    #[test]
    fn databases_without_series_are_a_sum_and_those_not_watched_count_for_the_server() {
        let mut history = ProcessHistory::default();
        history.record(&table(0.0, &[]), place);
        let processes = [(7, Some(OTHER), 1.0), (8, Some(NOT_WATCHED), 2.0)];
        let totals = history.record(&table(0.0, &processes), place);
        assert!(near(totals.other.cpu_seconds, 1.0), "{totals:?}");
        assert!(near(totals.server_seconds, 3.0), "{totals:?}");
        assert_eq!(totals.of(NOT_WATCHED), NONE);
    }

    #[test]
    fn memory_of_a_process_that_cannot_be_read_makes_the_sum_unknown() {
        let mut history = ProcessHistory::default();
        let mut table = table(0.0, &[(7, Some(SHOP), 0.0), (8, Some(SHOP), 0.0)]);
        table.processes[0].private_bytes = None;
        assert_eq!(history.record(&table, place).of(SHOP).private_bytes, None);
    }

    #[test]
    fn a_restart_and_a_new_name_begin_again() {
        let mut history = ProcessHistory::default();
        history.record(&table(0.0, &[(7, Some(SHOP), 1.0)]), place);
        history.record(&table(0.0, &[(7, Some(SHOP), 2.0)]), place);
        let renamed = |_| Some(Place::Own("store"));
        let totals = history.record(&table(0.0, &[(7, Some(SHOP), 2.5)]), renamed);
        assert!(near(totals.of(SHOP).cpu_seconds, 0.5), "{totals:?}");
        let mut restarted = table(0.0, &[(7, Some(SHOP), 9.0)]);
        restarted.postmaster.start = 2;
        let totals = history.record(&restarted, place);
        assert_eq!(
            (totals.of(SHOP).cpu_seconds, totals.server_seconds),
            (0.0, 0.0)
        );
    }
}
