//! `pgcommons check`: one poll, for a person or for a monitor that looks at exit codes.

mod findings;
mod report;
mod table;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::clock::wall_clock;
use crate::config::ServerConfig;
use crate::health::ConnectFailure;
use crate::logging::chain;
use crate::memory::{Memory, Moment, Seen};
use crate::pg::{Files, Session};
use crate::sizes::{Cadence, Sizes, Unknown};
use crate::snapshot::{Slower, Snapshot};

pub(crate) use report::Report;
pub(crate) use table::render;
pub(crate) use verdict::{Level, Thresholds};

/// Polls every server once, all at the same time.
pub(crate) async fn run(
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
                tokio::spawn(async move { look(&server, patience).await }),
            )
        })
        .collect();
    let mut reports = Vec::new();
    for (name, poll) in polls {
        let looked = poll.await.unwrap_or_else(|error| {
            Err(Blind {
                message: error.to_string(),
                refused: false,
            })
        });
        reports.push(report::server(name, looked, thresholds));
    }
    Report::of(reports)
}

/// Why there is nothing to show.
pub(crate) struct Blind {
    pub(crate) message: String,
    /// The server had no slot for the check, which says what the check wants to know.
    pub(crate) refused: bool,
}

async fn look(server: &ServerConfig, patience: Duration) -> Result<Snapshot, Blind> {
    let deadline = server.cadence.timeout;
    let session = Session::connect(&server.target, deadline, &mut Files::default())
        .await
        .map_err(|error| Blind {
            message: chain(&error),
            refused: error.reason() == ConnectFailure::TooManyConnections,
        })?;
    let blind = |message: String| Blind {
        message,
        refused: false,
    };
    let asked = session.activity(None, None);
    let activity = tokio::time::timeout(deadline, asked).await;
    let activity = activity
        .map_err(|_| {
            blind(format!(
                "no answer within {}",
                humantime::format_duration(deadline)
            ))
        })?
        .map_err(|error| blind(chain(&error)))?;
    let moment = Moment {
        info: session.info(),
        policy: &server.policy.showing_all(),
        now: Duration::ZERO,
        window: server.cadence.window,
    };
    let seen = Memory::default().observe(activity, moment);
    let slower = Slower {
        sizes: Arc::new(measure(&session, &seen, patience).await),
        wall_clock: wall_clock(),
        ..Slower::default()
    };
    Ok(Snapshot::of(&seen, &slower))
}

/// Every database once, without rest; what is left when the patience is over stays pending.
const ONCE: Cadence = Cadence {
    interval: Duration::from_secs(1 << 40),
    share: 1.0,
};

async fn measure(session: &Session, seen: &Seen, patience: Duration) -> Sizes {
    let deadline = Instant::now() + patience;
    let permitted = seen.sees_all_sessions();
    let mut sizes = Sizes::default();
    let mut turn = Duration::ZERO;
    let databases = seen.roster.databases.iter().map(|tenant| &tenant.row);
    let wanted = databases.filter(|row| !row.is_invalid());
    sizes.track(turn, wanted.map(|row| row.oid));
    loop {
        turn += Duration::from_hours(1); // past any pause
        let batch = sizes.next_batch(turn);
        if batch.is_empty() {
            return sizes;
        }
        match timeout_at(deadline, session.sizes(&batch, permitted)).await {
            Ok(Ok(answer)) => sizes.measured(turn, &batch, &answer, patience, ONCE),
            Ok(Err(_)) => sizes.failed(turn, &batch, Duration::ZERO, Unknown::Error, ONCE),
            Err(_) => return sizes,
        }
    }
}
