//! What the source of a server keeps of `/proc`: the totals of its processes, and which one is the postmaster.

use super::ServerSource;
use super::questions::Question;
use crate::host::{HostQuestion, HostReading};
use crate::outcome::Outcome;

impl ServerSource {
    /// None: nothing of the machine is configured, or the agent's role does not see which process belongs to which database.
    pub(super) fn processes_question(&mut self) -> Option<Question> {
        let config = &self.config.host;
        if !config.is_used() || !self.sees_all_sessions() {
            self.processes = None;
            return None;
        }
        Some(Question::Processes(HostQuestion {
            known: self.own_processes,
            all: config.processes,
            last: self.process_table.clone(),
        }))
    }

    pub(super) fn looked(&mut self, reading: HostReading) {
        self.own_processes = Some(reading.server);
        self.process_table = reading.table;
        let table = self.process_table.as_ref();
        self.processes = table.map(|table| self.tracker.processes(table));
    }

    /// After an error the processes are not visible, or not those of this server.
    pub(super) fn look_failed(&mut self, why: Outcome) {
        self.processes = None;
        if why == Outcome::Error {
            self.own_processes = None;
        }
    }
}
