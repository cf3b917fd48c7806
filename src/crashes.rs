//! Crashes of a server: one of its processes died, and the postmaster ended all sessions and started everything else again.
//! The start time of the postmaster stays the same. Pure: the time is an argument.
//!
//! There are two witnesses. The server ends each session with SQLSTATE 57P02. If that message is lost, the next session finds
//! the same postmaster with another checkpointer: only a crash replaces it.

use crate::sample::ServerInfo;

/// The crashes of one server that are known. They are kept across sessions and restarts of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Crashes {
    /// Those that the agent saw since it started.
    pub(crate) total: u64,
    /// The time of the last one, in seconds since the epoch; also of one before the agent started, if the server tells.
    pub(crate) last: Option<f64>,
}

/// How a crash was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// SQLSTATE 57P02 ended the session.
    Message,
    /// The postmaster is the same, its checkpointer is not.
    Checkpointer,
}

impl Evidence {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Message => "57P02",
            Self::Checkpointer => "checkpointer",
        }
    }
}

/// Counts each crash once, whichever witness sees it.
#[derive(Debug, Default)]
pub(crate) struct CrashWitness {
    crashes: Crashes,
    /// None: there was no session yet.
    last_session: Option<LastSession>,
}

#[derive(Debug, Clone, Copy)]
struct LastSession {
    start_time: f64,
    checkpointer_start: Option<f64>,
    end: End,
}

/// What is known about the end of the last session.
#[derive(Debug, Clone, Copy)]
enum End {
    /// It is open, or was lost without a message about a crash.
    Unknown,
    /// It was ended at this time by a crash or by an immediate shutdown, in seconds since the epoch.
    CrashOrShutdown(f64),
    /// It was ended by a crash that is counted.
    Counted,
}

impl CrashWitness {
    pub(crate) fn crashes(&self) -> Crashes {
        self.crashes
    }

    /// `told`: the server's last message was 57P02. From 14 on this is a crash, also if the server stays down
    /// (`restart_after_crash=off`). On 13 it may be an immediate shutdown: the next session tells. Returns the evidence if this
    /// counts a crash. `now` is in seconds since the epoch.
    pub(crate) fn session_lost(
        &mut self,
        info: &ServerInfo,
        told: bool,
        now: f64,
    ) -> Option<Evidence> {
        let session = self.last_session.as_mut().filter(|_| told)?;
        if info.major() < 14 {
            session.end = End::CrashOrShutdown(now);
            return None;
        }
        session.end = End::Counted;
        Some(self.count(Evidence::Message, now))
    }

    /// Returns the evidence if this counts a crash. Another start time is a restart or another server. Timestamps of one
    /// process are always equal, so that setting the clock of the server does not matter.
    pub(crate) fn session_opened(&mut self, info: &ServerInfo) -> Option<Evidence> {
        let mut session = LastSession {
            start_time: info.start_time,
            checkpointer_start: info.checkpointer_start,
            end: End::Unknown,
        };
        let same_server = self.last_session.filter(|before| before.is_of(info));
        let evidence = match same_server.map(|before| before.end) {
            None => {
                self.crashes.last = latest(self.crashes.last, info.last_crash());
                None
            }
            Some(End::Counted) => None,
            Some(End::CrashOrShutdown(at)) => Some(self.count(Evidence::Message, at)),
            Some(End::Unknown) => {
                let before = same_server.and_then(|before| before.checkpointer_start);
                // Shortly after a crash, 13 and 14 admit sessions before the checkpointer shows: then the next session tells.
                session.checkpointer_start = info.checkpointer_start.or(before);
                let is_replaced = before.is_some() && before != session.checkpointer_start;
                let replaced = session.checkpointer_start.filter(|_| is_replaced);
                replaced.map(|at| self.count(Evidence::Checkpointer, at))
            }
        };
        // The role may have got pg_monitor since the last session.
        self.crashes.last = self.crashes.last.or(info.last_crash());
        self.last_session = Some(session);
        evidence
    }

    fn count(&mut self, evidence: Evidence, at: f64) -> Evidence {
        self.crashes.total += 1;
        self.crashes.last = Some(at);
        evidence
    }
}

impl LastSession {
    fn is_of(&self, info: &ServerInfo) -> bool {
        Some(self.start_time) == Some(info.start_time)
    }
}

fn latest(known: Option<f64>, told: Option<f64>) -> Option<f64> {
    known.into_iter().chain(told).reduce(f64::max)
}

#[cfg(test)]
mod tests;
