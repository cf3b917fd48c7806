//! Runs the receivers: one task finds out which alerts last, and one task for each receiver sends. Applies changes of the configuration; a
//! receiver that is in the old and the new one keeps what it was told.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::alert::{AlertKey, is_known, of_server};
use super::heartbeat::of_agent;
use super::origin::Origin;
use super::receiver::Receiver;
use super::sender::{self, HealthWriter, ReceiverFailure, Sender};
use super::tracker::{AlertSet, Observed, Tracker};
use crate::clock::wall_clock;
use crate::findings::{Thresholds, of_published};
use crate::health::ReceiverHealth;
use crate::process;
use crate::state::{Published, State};

/// How often the findings are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// The health of each receiver, in the order of the configuration.
pub(crate) type ReceiversHealth = watch::Receiver<Arc<Vec<ReceiverHealth>>>;

pub(crate) struct Notifier {
    published: Published,
    origin: Arc<Origin>,
    health: watch::Sender<Arc<Vec<ReceiverHealth>>>,
    alerts: watch::Sender<Arc<AlertSet>>,
    running: Vec<(Arc<Receiver>, AbortHandle)>,
    tracking: Option<AbortHandle>,
    tasks: JoinSet<Infallible>,
}

impl Notifier {
    /// Nothing runs before the first receivers are applied.
    pub(crate) fn new(published: Published, origin: Origin) -> Self {
        Self {
            published,
            origin: Arc::new(origin),
            health: watch::Sender::default(),
            alerts: watch::Sender::default(),
            running: Vec::new(),
            tracking: None,
            tasks: JoinSet::new(),
        }
    }

    pub(crate) fn health(&self) -> ReceiversHealth {
        self.health.subscribe()
    }

    /// Starts and stops tasks, so that exactly these receivers are notified.
    pub(crate) fn apply(&mut self, receivers: &[Receiver]) {
        let known = |name: &str| {
            self.health
                .borrow()
                .iter()
                .find(|it| it.name == name)
                .cloned()
        };
        let health = receivers.iter().map(|receiver| {
            let new = || ReceiverHealth::new(&receiver.name, receiver.destination.kind());
            known(&receiver.name).unwrap_or_else(new)
        });
        let health = Arc::new(health.collect());
        self.health.send_replace(health);
        self.running.retain(|(receiver, task)| {
            let stays = receivers.contains(receiver);
            if !stays {
                task.abort();
            }
            stays
        });
        for receiver in receivers {
            if !self
                .running
                .iter()
                .any(|(running, _)| **running == *receiver)
            {
                self.start(Arc::new(receiver.clone()));
            }
        }
        self.track(!receivers.is_empty());
    }

    fn start(&mut self, receiver: Arc<Receiver>) {
        let health = writer(self.health.clone(), receiver.name.clone());
        let (origin, alerts) = (Arc::clone(&self.origin), self.alerts.subscribe());
        let task = sender::run(Arc::clone(&receiver), origin, alerts, health);
        self.running.push((receiver, self.tasks.spawn(task)));
    }

    /// Without receivers, nothing looks at the findings.
    fn track(&mut self, is_needed: bool) {
        match (&self.tracking, is_needed) {
            (None, true) => {
                let (published, origin) = (self.published.clone(), Arc::clone(&self.origin));
                let task = track(published, origin, self.alerts.clone());
                self.tracking = Some(self.tasks.spawn(task));
            }
            (Some(task), false) => {
                task.abort();
                self.tracking = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Waits for a task that ends by itself, which is a bug. Pending while all run.
    pub(crate) async fn failure(&mut self) -> JoinError {
        process::task_failure(&mut self.tasks).await
    }
}

fn writer(health: watch::Sender<Arc<Vec<ReceiverHealth>>>, name: String) -> HealthWriter {
    Box::new(move |change| {
        health.send_if_modified(|all| {
            let Some(at) = all.iter().position(|it| it.name == name) else {
                return false; // it is no longer configured
            };
            let mut changed = all[at].clone();
            change(&mut changed);
            let is_new = changed != all[at];
            if is_new {
                Arc::make_mut(all)[at] = changed;
            }
            is_new
        });
    })
}

/// Publishes the alerts each second.
async fn track(
    published: Published,
    origin: Arc<Origin>,
    alerts: watch::Sender<Arc<AlertSet>>,
) -> Infallible {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (start, mut tracker) = (Instant::now(), Tracker::default());
    loop {
        ticks.tick().await;
        let state = Arc::clone(&published.borrow()).as_of(Instant::now());
        observe(&mut tracker, &state, &origin, start.elapsed());
        alerts.send_replace(Arc::new(tracker.alerts()));
    }
}

fn observe(tracker: &mut Tracker, state: &State, origin: &Origin, now: Duration) {
    let (labels, wall) = (origin.labels(), wall_clock());
    let known: Vec<_> = state
        .servers
        .iter()
        .map(|server| |key: &AlertKey| is_known(server, key))
        .collect();
    let servers = state.servers.iter().zip(&known);
    let observed = servers.map(|(server, is_known)| {
        let findings = of_published(server, Thresholds::default(), wall);
        Observed {
            server: &server.name,
            alerts: of_server(server, &findings, &labels),
            is_known,
        }
    });
    tracker.observe(observed.collect(), now, wall);
}

/// Sends one notification that says that it is a test.
pub(crate) async fn send_test(receiver: &Receiver, origin: &Origin) -> Result<(), ReceiverFailure> {
    let text = "this is a test of the notifications; nothing is wrong".to_owned();
    let batch = of_agent("PgcommonsTest", text, origin, wall_clock());
    let receiver = Arc::new(receiver.clone());
    Sender::new(receiver, Arc::new(origin.clone()))
        .send(&batch)
        .await
}
