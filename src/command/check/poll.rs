//! One poll of each server, without an agent: a session, what the fast poll asks, the owners, and every size once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::clock::wall_clock;
use crate::config::ServerConfig;
use crate::findings::{Finding, Severity, Thresholds};
use crate::logging::chain;
use crate::outcome::{ConnectFailure, Outcome};
use crate::postgres::{ConnectError, CredentialFiles, QueryError, Session};
use crate::sample::Oid;
use crate::size_schedule::{SizeSchedule, SizeTiming, UnknownSize};
use crate::snapshot::{SlowReadings, Snapshot};
use crate::tracker::{PollContext, PollTracker, PolledState};

use super::own_session;
use super::report::{self, Report};

/// Polls every server once, all at the same time.
pub(super) async fn all(
    servers: Vec<ServerConfig>,
    thresholds: Thresholds,
    patience: Duration,
) -> Report {
    let polls: Vec<_> = servers
        .into_iter()
        .map(|server| {
            let name = server.name.clone();
            (
                name,
                tokio::spawn(async move { poll(&server, patience).await }),
            )
        })
        .collect();
    let mut reports = Vec::new();
    for (name, poll) in polls {
        let polled = poll
            .await
            .unwrap_or_else(|error| Err(unknown(error.to_string())));
        reports.push(report::server(name, polled, thresholds));
    }
    Report::of(reports)
}

/// One poll of a server.
pub(super) struct PolledServer {
    pub(super) snapshot: Snapshot,
    /// The owner of each database.
    pub(super) owners: HashMap<Oid, String>,
    /// Why sizes were not read to the end: the session was lost, or the server fell silent.
    pub(super) sizes_failure: Option<String>,
}

/// A server of which nothing is known.
fn unknown(text: String) -> Finding {
    Finding::unreachable(Severity::Unknown, text)
}

async fn poll(server: &ServerConfig, patience: Duration) -> Result<PolledServer, Finding> {
    let deadline = server.cadence.timeout;
    let session = Session::connect(&server.target, deadline, &mut CredentialFiles::default())
        .await
        .map_err(|error| no_session(&error))?;
    let mut activity = answered(deadline, session.activity(None, None)).await?;
    let owners = answered(deadline, session.owners()).await?;
    own_session::leave_out(&mut activity, session.info().role, &server.target.dbname);
    let moment = PollContext {
        info: session.info(),
        policy: &server.policy.showing_all(),
        now: Duration::ZERO,
        window: server.cadence.window,
    };
    let seen = PollTracker::default().observe(activity, moment);
    let (sizes, sizes_failure) = measure(&session, &seen, patience, deadline).await;
    let slower = SlowReadings {
        sizes: Arc::new(sizes),
        wall_clock: wall_clock(),
        ..SlowReadings::default()
    };
    Ok(PolledServer {
        snapshot: Snapshot::of(&seen, &slower),
        owners,
        sizes_failure,
    })
}

/// An answer in time, or nothing is known.
async fn answered<T>(
    deadline: Duration,
    question: impl Future<Output = Result<T, QueryError>>,
) -> Result<T, Finding> {
    let answer = timeout(deadline, question).await;
    let answer = answer.map_err(|_| unknown(silent(deadline)))?;
    answer.map_err(|error| unknown(chain(&error)))
}

fn silent(deadline: Duration) -> String {
    format!("no answer within {}", humantime::format_duration(deadline))
}

/// A server that refuses every connection, or has no slot, says what the check wants to know. Without an answer in time, or when
/// it is the check that may not log in, applications may be served. So they may at the limit of the check's own role.
fn no_session(error: &ConnectError) -> Finding {
    let message = chain(error);
    if error.is_role_limit() {
        return unknown(format!(
            "the role of the check is at its own connection limit, so the server could not be asked: {message}"
        ));
    }
    let what = if error.reason() == ConnectFailure::TooManyConnections {
        "no connection left for the check"
    } else if error.refuses_all() {
        "the server refuses connections"
    } else {
        return unknown(message);
    };
    Finding::unreachable(Severity::Critical, format!("{what}: {message}"))
}

/// Every database once, without rest.
const ONCE: SizeTiming = SizeTiming {
    interval: Duration::from_secs(1 << 40),
    max_time_fraction: 1.0,
};

/// Begins no statement once `patience` is over; databases not asked for by then stay pending. Each statement has `deadline`
/// to be answered, also the last one: only so is a server that froze told from one that has many files. The text says why
/// the measuring ended early, if it did.
async fn measure(
    session: &Session,
    seen: &PolledState,
    patience: Duration,
    deadline: Duration,
) -> (SizeSchedule, Option<String>) {
    let (end, permitted) = (Instant::now() + patience, seen.sees_all_sessions());
    let (mut sizes, mut turn, mut failure) = (SizeSchedule::default(), Duration::ZERO, None);
    let databases = seen.tenants.databases.iter().map(|tenant| &tenant.row);
    let wanted = databases.filter(|row| !row.is_invalid());
    sizes.track(turn, wanted.map(|row| row.oid));
    loop {
        turn += Duration::from_hours(1); // past any pause
        let batch = sizes.next_batch(turn);
        if batch.is_empty() {
            return (sizes, None);
        }
        if Instant::now() >= end {
            return (sizes, failure);
        }
        match timeout(deadline, session.sizes(&batch, permitted, deadline)).await {
            Ok(Ok(answer)) => {
                sizes.measured(turn, &batch, &answer, patience, ONCE);
                failure = None;
            }
            Ok(Err(error)) => {
                failure = Some(chain(&error));
                let why = match error.outcome() {
                    Outcome::Lost => return (sizes, failure),
                    Outcome::Timeout => UnknownSize::Timeout,
                    Outcome::Ok | Outcome::Error => UnknownSize::Error,
                };
                sizes.failed(turn, &batch, Duration::ZERO, why, ONCE);
            }
            Err(_) => return (sizes, Some(silent(deadline))),
        }
    }
}
