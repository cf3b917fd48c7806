//! Polls each server once: one session, the activity query, the size of every database, and beside the session the volumes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, timeout};

use crate::clock::wall_clock;
use crate::config::ServerConfig;
use crate::findings::{Finding, Severity, Thresholds};
use crate::isolation::{self, Question, Summary};
use crate::logging::chain;
use crate::outcome::{ConnectFailure, Outcome};
use crate::postgres::view::SLOW;
use crate::postgres::{ActivityQuestion, ConnectError, CredentialFiles, QueryError, Session};
use crate::sample::{Activity, Catalogue, Container, Oid, Readings};
use crate::size_schedule::{SizeSchedule, SizeTiming, UnknownSize};
use crate::snapshot::{SlowReadings, Snapshot};
use crate::tracker::{PollContext, PollTracker, PolledState};

use super::load::RECENT;
use super::machine;
use super::own_session;
use super::report::{self, Report};
use super::{backups, poolers, probes, volumes};

/// Polls all servers concurrently.
pub(super) async fn all(
    servers: Vec<ServerConfig>,
    thresholds: Thresholds,
    time_limit: Duration,
) -> Report {
    let polls: Vec<_> = servers
        .into_iter()
        .map(|server| {
            let name = server.name.clone();
            (
                name,
                tokio::spawn(async move {
                    tokio::join!(
                        poll(&server, time_limit),
                        volumes::measure(&server),
                        poolers::poll(&server),
                        probes::probe(&server),
                        backups::read(&server, time_limit)
                    )
                }),
            )
        })
        .collect();
    let mut reports = Vec::new();
    for (name, poll) in polls {
        let (polled, volumes, poolers, probes, backups) = poll.await.unwrap_or_else(|error| {
            let polled = Err(unknown(error.to_string()));
            (polled, Vec::new(), Vec::new(), Vec::new(), None)
        });
        let catalogue = polled
            .as_ref()
            .ok()
            .map(|polled| Arc::clone(&polled.catalogue));
        let mut report = report::server(name, polled, (&volumes, &poolers), thresholds);
        report.add_probes(&probes);
        if let Some(backups) = backups {
            report.add(backups.findings(catalogue.as_deref()));
        }
        reports.push(report);
    }
    Report::of(reports)
}

/// The result of polling one server.
pub(super) struct PolledServer {
    pub(super) snapshot: Snapshot,
    /// Every database and role.
    pub(super) catalogue: Arc<Catalogue>,
    /// The clock of the server at the poll, in seconds since the epoch.
    pub(super) time: f64,
    /// Seconds that running statements of each database took within [`RECENT`].
    pub(super) running: HashMap<Oid, f64>,
    /// Why not all sizes were read: the session was lost, or the server stopped answering.
    pub(super) sizes_failure: Option<String>,
    pub(super) not_read: Vec<NotRead>,
    /// None: not configured, or not readable.
    pub(super) container: Option<Container>,
    /// The configured capacity in bytes.
    pub(super) storage_size: Option<u64>,
}

/// A slow view that the server did not answer; a managed service may refuse it. Not a finding: what it shows is absent.
#[derive(Debug, Serialize)]
pub(crate) struct NotRead {
    /// The label `poll` of the agent's metrics.
    pub(crate) poll: &'static str,
    pub(crate) error: String,
}

/// The finding for a server whose state is unknown.
fn unknown(text: String) -> Finding {
    Finding::unreachable(Severity::Unknown, text)
}

async fn poll(server: &ServerConfig, time_limit: Duration) -> Result<PolledServer, Finding> {
    let deadline = server.cadence.timeout;
    let session = Session::connect(&server.target, deadline, &mut CredentialFiles::default())
        .await
        .map_err(|error| no_session(&error))?;
    let mut activity = answer(deadline, session.activity(&ActivityQuestion::default())).await?;
    let running = answer(deadline, session.running(RECENT)).await?;
    let isolation = judged(server, &session, deadline).await;
    own_session::exclude(&mut activity, session.info().role, &server.target.dbname);
    let time = activity.time;
    let (polled, catalogue) = observed(server, &session, activity);
    let (readings, mut not_read) =
        read_slow(&session, polled.sees_all_sessions(), deadline).await?;
    let machine = machine::look(server, &session, deadline).await;
    not_read.extend(machine.not_read);
    let (sizes, sizes_failure) = measure(
        &session,
        &catalogue,
        polled.sees_all_sessions(),
        time_limit,
        deadline,
    )
    .await;
    let slower = SlowReadings {
        readings,
        isolation: isolation.map(Arc::new),
        sizes: Arc::new(sizes),
        wall_clock: wall_clock(),
        ..SlowReadings::default()
    };
    Ok(PolledServer {
        snapshot: Snapshot::of(&polled, &slower),
        catalogue,
        time,
        running,
        sizes_failure,
        not_read,
        container: machine.container,
        storage_size: server.storage.size,
    })
}

/// The poll against the limits of the server.
fn observed(
    server: &ServerConfig,
    session: &Session,
    activity: Activity,
) -> (PolledState, Arc<Catalogue>) {
    let context = PollContext {
        info: session.info(),
        policy: &server.policy.showing_all(),
        now: Duration::ZERO,
        window: server.cadence.window,
    };
    let mut tracker = PollTracker::default();
    let polled = tracker.observe(activity, context);
    (polled, tracker.catalogue().unwrap_or_default())
}

/// Reads each slow view once.
async fn read_slow(
    session: &Session,
    sees_all_sessions: bool,
    deadline: Duration,
) -> Result<(Readings, Vec<NotRead>), Finding> {
    let (mut readings, mut not_read) = (Readings::default(), Vec::new());
    let views = SLOW.iter().enumerate();
    for (n, view) in views.filter(|(_, view)| sees_all_sessions || !view.needs_monitor) {
        match timeout(deadline, session.slow(n, deadline)).await {
            Ok(Ok(update)) => update(&mut readings),
            Ok(Err(error)) if error.outcome() == Outcome::Lost => {
                return Err(unknown(chain(&error)));
            }
            Ok(Err(error)) => not_read.push(NotRead {
                poll: view.job,
                error: chain(&error),
            }),
            Err(_) => return Err(unknown(no_answer(deadline))),
        }
    }
    Ok((readings, not_read))
}

/// The audit has its own exit code, so a failure here is none of the check.
async fn judged(server: &ServerConfig, session: &Session, deadline: Duration) -> Option<Summary> {
    let access = timeout(deadline, session.access()).await.ok()?.ok()?;
    let info = session.info();
    let judgement = isolation::judge(Question::new(
        &access,
        &server.policy,
        info,
        &server.target.dbname,
    ));
    Some(judgement.into())
}

/// Waits for an answer until the deadline. A timeout or an error gives an unknown finding.
pub(super) async fn answer<T>(
    deadline: Duration,
    question: impl Future<Output = Result<T, QueryError>>,
) -> Result<T, Finding> {
    let answer = timeout(deadline, question).await;
    let answer = answer.map_err(|_| unknown(no_answer(deadline)))?;
    answer.map_err(|error| unknown(chain(&error)))
}

pub(super) fn no_answer(deadline: Duration) -> String {
    format!("no answer within {}", humantime::format_duration(deadline))
}

/// The finding for a failed connect. Critical: the server refuses all connections or has no free slot, so applications are
/// refused too. Unknown: a timeout, a failed login, or the connection limit of the check's own role; applications may work.
pub(super) fn no_session(error: &ConnectError) -> Finding {
    let message = chain(error);
    if error.is_role_limit() {
        return unknown(format!(
            "the role of the check is at its own connection limit, so the check cannot connect: {message}"
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

/// Measures every database once, without pauses.
const ONCE: SizeTiming = SizeTiming {
    interval: Duration::from_secs(1 << 40),
    max_time_fraction: 1.0,
};

/// Measures the sizes. Starts no statement after `time_limit`; the remaining databases stay pending. Every statement, the last
/// one too, gets the full `deadline`, so that a frozen server differs from a server with many files. The text says why the
/// measuring ended early, if it did.
async fn measure(
    session: &Session,
    catalogue: &Catalogue,
    permitted: bool,
    time_limit: Duration,
    deadline: Duration,
) -> (SizeSchedule, Option<String>) {
    let end = Instant::now() + time_limit;
    let (mut sizes, mut turn, mut failure) = (SizeSchedule::default(), Duration::ZERO, None);
    let wanted = catalogue.databases.iter().filter(|row| !row.is_invalid());
    sizes.track(turn, wanted.map(|row| row.oid));
    loop {
        turn += Duration::from_hours(1); // longer than any pause
        let batch = sizes.next_batch(turn);
        if batch.is_empty() {
            return (sizes, None);
        }
        if Instant::now() >= end {
            return (sizes, failure);
        }
        match timeout(deadline, session.sizes(&batch, permitted, deadline)).await {
            Ok(Ok(answer)) => {
                sizes.measured(turn, &batch, &answer, time_limit, ONCE);
                failure = None;
            }
            Ok(Err(error)) => {
                failure = Some(chain(&error));
                let why = match error.outcome() {
                    Outcome::Lost => return (sizes, failure),
                    Outcome::Timeout => UnknownSize::Timeout,
                    Outcome::Ok | Outcome::Error | Outcome::Denied | Outcome::OutOfMemory => {
                        UnknownSize::Error
                    }
                };
                sizes.failed(turn, &batch, Duration::ZERO, why, ONCE);
            }
            Err(_) => return (sizes, Some(no_answer(deadline))),
        }
    }
}
