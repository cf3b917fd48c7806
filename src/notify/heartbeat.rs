//! A notification that says that the agent runs, for a service that tells when it stops. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::alert::{Alert, AlertKey, Level};
use super::batch::{Batch, BatchAlert};
use super::origin::Origin;
use super::tracker::AlertSet;
use crate::findings::{Concern, Scope};

#[derive(Debug)]
pub(super) struct Heartbeat {
    /// None: none is sent.
    interval: Option<Duration>,
    last: Option<Duration>,
}

impl Heartbeat {
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            last: None,
        }
    }

    /// The first one is due at once. `now`: since the start; `wall`: since the epoch.
    pub(super) fn due(
        &self,
        now: Duration,
        wall: f64,
        set: &AlertSet,
        origin: &Origin,
    ) -> Option<Batch> {
        let interval = self.interval?;
        if self.last.is_some_and(|last| now < last + interval) {
            return None;
        }
        let text = format!("the agent runs, {} alerts last", set.active.len());
        Some(of_agent("PgcommonsHeartbeat", text, origin, wall))
    }

    pub(super) fn delivered(&mut self, batch: &Batch, now: Duration) {
        if batch.server.is_none() {
            self.last = Some(now);
        }
    }
}

/// A notification about the agent itself, which never ends.
pub(super) fn of_agent(alertname: &str, text: String, origin: &Origin, wall: f64) -> Batch {
    let mut labels: BTreeMap<String, String> = origin.labels();
    let own = [
        ("alertname", alertname),
        ("scope", "agent"),
        ("concern", "agent"),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut alert = Alert {
        // It belongs to no server; only its labels and its text are used.
        key: AlertKey {
            server: String::new(),
            scope: Scope::Server,
            subject: None,
            concern: Concern::Unreachable,
            part: None,
        },
        level: Level::Info,
        labels,
        text,
        remedy: None,
        min_wait: Duration::ZERO,
        is_unknown: false,
    };
    alert.set_level(Level::Info);
    let alert = BatchAlert {
        alert: Arc::new(alert),
        starts_at: wall,
        ends_at: None,
    };
    Batch::of(None, vec![alert])
}
