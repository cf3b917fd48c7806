//! The CPU time and private memory of the processes that PostgreSQL lists. The agent's own backend leads to the postmaster; a
//! listed process counts only if it is a child of that postmaster and is not younger than the list.

use std::sync::Arc;

use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::HostError;
use super::stat::{Stat, private_bytes};
use crate::sample::{Backend, ListedProcess, ProcessTable, ProcessUsage, ServerProcesses};

/// `backend_start` is taken by the new process itself, so it is a little later than the start that the kernel counts, and later
/// still while the machine is busy. Seconds.
const LATE: std::ops::Range<f64> = -0.2..3.0;

/// What to look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostQuestion {
    /// What an earlier look found.
    pub(crate) known: Option<ServerProcesses>,
    /// Whether to read all processes, or only to find the postmaster.
    pub(crate) all: bool,
    /// What the last look read.
    pub(crate) last: Option<Arc<ProcessTable>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostReading {
    pub(crate) server: ServerProcesses,
    /// None: not asked for.
    pub(crate) table: Option<Arc<ProcessTable>>,
}

impl HostQuestion {
    /// The private memory that the last look read, if it is the same now.
    fn private_before(&self, stat: &Stat) -> Option<u64> {
        let processes = &self.last.as_ref()?.processes;
        let found = processes.binary_search_by_key(&stat.id.pid, |process| process.id.pid);
        let before = &processes[found.ok()?];
        let is_same = before.id == stat.id && before.pages == stat.pages;
        before.private_bytes.filter(|_| is_same)
    }
}

/// Seconds since the boot of the machine, by the clock that start times are counted with.
pub(crate) fn boot_clock() -> f64 {
    seconds(clock_gettime(ClockId::Boottime))
}

fn seconds(time: Timespec) -> f64 {
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Reads a small file of each process, and another if its memory may have changed. `own` is the agent's own backend. `listed` is what PostgreSQL answered to a question that was sent at `asked`, by
/// [`boot_clock`]. A process that has ended since is left out: its time is in the account of the postmaster.
pub(crate) fn look(
    own: Backend,
    question: &HostQuestion,
    listed: &[ListedProcess],
    asked: f64,
) -> Result<HostReading, HostError> {
    let backend = Stat::read(own.pid)?;
    let postmaster = Stat::read(backend.parent)?;
    let server = ServerProcesses {
        backend: backend.id,
        postmaster: postmaster.id,
    };
    let before = |stat: &Stat| stat.id.start as f64 / clock_ticks_per_second() as f64 <= asked;
    let is_ours = |stat: &Stat| stat.parent == postmaster.id.pid && before(stat);
    let is_known = question.known == Some(server);
    let needed = if question.all || !is_known {
        listed
    } else {
        &[]
    };
    let stats = needed.iter().filter_map(|process| {
        let stat = Stat::read(process.pid).ok().filter(is_ours)?;
        Some((process, stat))
    });
    let stats: Vec<_> = stats.collect();
    let has_siblings = stats.len() * 2 > listed.len();
    let is_server = is_known || has_siblings && began_with_session(&backend, own);
    if !is_server {
        return Err(HostError::OtherProcess { pid: own.pid });
    }
    let usage = |(process, stat): &(&ListedProcess, Stat)| ProcessUsage {
        id: stat.id,
        database: process.database,
        cpu_seconds: stat.own_seconds + stat.ended_seconds,
        pages: stat.pages,
        private_bytes: question
            .private_before(stat)
            .or_else(|| private_bytes(stat.id.pid)),
    };
    let table = question.all.then(|| {
        let mut processes: Vec<_> = stats.iter().map(usage).collect();
        processes.sort_by_key(|process| process.id.pid);
        Arc::new(ProcessTable {
            postmaster: postmaster.id,
            postmaster_seconds: postmaster.own_seconds,
            ended_seconds: postmaster.ended_seconds,
            processes,
        })
    });
    Ok(HostReading { server, table })
}

/// Whether the process began when PostgreSQL says that the backend did. Only checked once for each session, because the clock
/// may be set meanwhile.
fn began_with_session(process: &Stat, backend: Backend) -> bool {
    let booted = seconds(clock_gettime(ClockId::Realtime)) - boot_clock();
    let began = booted + process.id.start as f64 / clock_ticks_per_second() as f64;
    LATE.contains(&(backend.start_time - began))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::wall_clock;
    use crate::sample::ProcessId;

    const ALL: &HostQuestion = &HostQuestion {
        known: None,
        all: true,
        last: None,
    };

    fn own() -> i32 {
        i32::try_from(std::process::id()).expect("small")
    }

    /// This process in the place of a backend, with a start time that is wrong by so much.
    fn backend(late: f64) -> Backend {
        let stat = Stat::read(own()).expect("readable");
        let began = stat.id.start as f64 / clock_ticks_per_second() as f64;
        Backend {
            pid: own(),
            start_time: wall_clock() - boot_clock() + began + late,
        }
    }

    fn listed(pid: i32) -> ListedProcess {
        ListedProcess {
            pid,
            database: Some(7),
        }
    }

    #[test]
    fn a_backend_leads_to_its_parent_and_to_what_it_uses() {
        let reading = look(backend(0.01), ALL, &[listed(own())], boot_clock());
        let reading = reading.expect("visible");
        let table = reading.table.expect("asked for");
        assert_eq!(reading.server.postmaster, table.postmaster);
        let [process] = &table.processes[..] else {
            panic!("one process: {table:?}");
        };
        assert_eq!((process.id.pid, process.database), (own(), Some(7)));
        assert!(process.private_bytes > Some(0));
    }

    /// In another PID namespace the PID is that of any process.
    #[test]
    fn a_process_that_began_at_another_time_is_not_the_backend() {
        for late in [-1000.0, -1.0, 5.0, 1e9, f64::NAN] {
            let error = look(backend(late), ALL, &[listed(own())], boot_clock());
            let error = error.expect_err("another process");
            assert!(
                matches!(error, HostError::OtherProcess { .. }),
                "{late}: {error}"
            );
        }
    }

    #[test]
    fn a_backend_without_its_siblings_is_a_coincidence() {
        let pids = [own(), 1, i32::MAX];
        let error = look(backend(0.0), ALL, &pids.map(listed), boot_clock());
        assert!(
            matches!(error, Err(HostError::OtherProcess { .. })),
            "{error:?}"
        );
    }

    /// The clock was set after the first look.
    #[test]
    fn what_was_found_once_needs_no_clock() {
        let first = look(backend(0.0), ALL, &[listed(own())], boot_clock()).expect("visible");
        let known = HostQuestion {
            known: Some(first.server),
            all: false,
            last: None,
        };
        let again = look(backend(-1e6), &known, &[], boot_clock()).expect("known");
        assert_eq!((again.server, again.table), (first.server, None));
    }

    /// Its PID was given to another process after the list was made.
    #[test]
    fn a_process_that_is_younger_than_the_list_is_left_out() {
        let known = look(backend(0.0), ALL, &[listed(own())], boot_clock()).expect("visible");
        let question = HostQuestion {
            known: Some(known.server),
            all: true,
            last: None,
        };
        let reading = look(backend(0.0), &question, &[listed(own())], 0.0).expect("known");
        assert_eq!(reading.table.map(|table| table.processes.len()), Some(0));
    }

    /// The second file is read again only if the memory may have changed.
    #[test]
    fn memory_is_read_again_when_pages_have_changed() {
        let ask = |last| HostQuestion {
            last,
            ..ALL.clone()
        };
        let list = [listed(own())];
        let first = look(backend(0.0), ALL, &list, boot_clock()).expect("visible");
        let mut table = ProcessTable::clone(&first.table.expect("asked for"));
        let stat = Stat::read(own()).expect("readable");
        table.processes[0].pages = stat.pages;
        table.processes[0].private_bytes = Some(7);
        let same = ask(Some(Arc::new(table.clone())));
        assert_eq!(same.private_before(&stat), Some(7));
        let id = ProcessId {
            start: 1,
            ..stat.id
        };
        assert_eq!(same.private_before(&Stat { id, ..stat }), None, "another");
        table.processes[0].pages.faults += 1;
        assert_eq!(ask(Some(Arc::new(table))).private_before(&stat), None);
        assert_eq!(ALL.private_before(&stat), None);
    }
}
