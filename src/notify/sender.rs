//! Sends what is due to one receiver, one notification at a time, and again after a failure. The alerts are followed meanwhile.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::batch::Batch;
use super::delivery::Delivery;
use super::heartbeat::Heartbeat;
use super::origin::Origin;
use super::receiver::{Destination, Receiver};
use super::request::request;
use super::tracker::AlertSet;
use crate::blocking::OneAtATime;
use crate::clock::wall_clock;
use crate::health::ReceiverHealth;
use crate::logging::chain;
use crate::names::escape_start_for_terminal;
use crate::outcome::NotificationFailure;
use crate::web_client::{Limits, WebClient, WebError, WebRequest, WebResponse};

/// What one attempt may take. The answer only has to say whether it succeeded.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(10),
    bytes: 64 * 1024,
};
/// After a failure the next attempt comes after a second, and later after twice the time before.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_mins(1);
/// A receiver that refuses a notification will most likely refuse the next one: until a person repairs the configuration.
const MAX_REFUSED_DELAY: Duration = Duration::from_mins(5);
/// The longest `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// How much of the reason that a receiver gives is shown, in characters.
const SHOWN: usize = 200;

/// Why a notification was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceiverFailure {
    pub(crate) reason: NotificationFailure,
    /// One line without a secret.
    pub(crate) message: String,
    retry_after: Duration,
}

/// Counts in the health of one receiver.
pub(super) type HealthWriter = Box<dyn Fn(&dyn Fn(&mut ReceiverHealth)) + Send + Sync>;

/// Makes the requests of one receiver.
pub(super) struct Sender {
    receiver: Arc<Receiver>,
    origin: Arc<Origin>,
    client: WebClient,
    reading: OneAtATime<Result<WebRequest, WebError>>,
}

impl Sender {
    pub(super) fn new(receiver: Arc<Receiver>, origin: Arc<Origin>) -> Self {
        Self {
            client: WebClient::new(receiver.ca_file.clone()),
            receiver,
            origin,
            reading: OneAtATime::default(),
        }
    }

    /// Ends within twice the deadline: once for the files, once for the request.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), ReceiverFailure> {
        let (receiver, origin) = (Arc::clone(&self.receiver), Arc::clone(&self.origin));
        let (batch, wall) = (batch.clone(), wall_clock());
        let read = move || request(&receiver, &batch, &origin, wall);
        let Ok(request) = timeout(LIMITS.deadline, self.reading.run(read)).await else {
            let problem = "the files with secrets cannot be read in time".to_owned();
            return Err(ReceiverFailure::of(&WebError::Credentials { problem }));
        };
        let request = request.map_err(|error| ReceiverFailure::of(&error))?;
        let answer = self.client.post(request, LIMITS).await;
        let answer = answer.map_err(|error| ReceiverFailure::of(&error))?;
        if answer.is_success() {
            Ok(())
        } else {
            Err(ReceiverFailure::refused(
                &answer,
                &self.receiver.destination,
            ))
        }
    }
}

impl ReceiverFailure {
    fn of(error: &WebError) -> Self {
        let reason = match error {
            WebError::Credentials { .. } => NotificationFailure::Credentials,
            WebError::Connect { .. } => NotificationFailure::Connect,
            WebError::Certificates { .. } | WebError::Tls { .. } => NotificationFailure::Tls,
            WebError::Http { .. } | WebError::TooLarge { .. } => NotificationFailure::Protocol,
            WebError::Timeout { .. } => NotificationFailure::Timeout,
        };
        Self {
            reason,
            message: chain(error),
            retry_after: Duration::ZERO,
        }
    }

    fn refused(answer: &WebResponse, by: &Destination) -> Self {
        let reason = match answer.status {
            429 => NotificationFailure::RateLimit,
            500.. => NotificationFailure::ServerError,
            _ => NotificationFailure::ClientError,
        };
        let what = match answer.status {
            300..=399 => " (a redirect; set the final address)",
            401 | 403 => " (it refuses the login)",
            404 => " (there is no such address)",
            _ => "",
        };
        let why = reason_of(by, &answer.body);
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let retry_after = answer.retry_after.unwrap_or_default();
        Self {
            reason,
            message: format!("it answers with status {}{what}{why}", answer.status),
            retry_after: retry_after.min(MAX_RETRY_AFTER),
        }
    }

    /// How long to wait before the next attempt, after so many failures without a success.
    pub(super) fn delay(&self, failures: u32) -> Duration {
        let most = match self.reason {
            NotificationFailure::ClientError | NotificationFailure::Credentials => {
                MAX_REFUSED_DELAY
            }
            NotificationFailure::Connect
            | NotificationFailure::Tls
            | NotificationFailure::Timeout
            | NotificationFailure::Protocol
            | NotificationFailure::RateLimit
            | NotificationFailure::ServerError => MAX_DELAY,
        };
        let doubled = FIRST_DELAY * 2_u32.pow(failures.clamp(1, 12) - 1);
        doubled.min(most).max(self.retry_after)
    }
}

/// What ntfy (`error`) and Telegram (`description`) say about a request that they refuse. Other services may send back what they got,
/// and with it a secret.
fn reason_of(by: &Destination, answer: &[u8]) -> Option<String> {
    let key = match by {
        Destination::Ntfy(_) => "error",
        Destination::Telegram { .. } => "description",
        Destination::Webhook(_) | Destination::Alertmanager(_) => return None,
    };
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let text = answer.get(key)?.as_str()?;
    Some(escape_start_for_terminal(text, SHOWN))
}

/// What was found out about the receiver.
struct Attempts {
    name: String,
    failures: u32,
    not_before: Instant,
    health: HealthWriter,
}

impl Attempts {
    fn ended(&mut self, result: &Result<(), ReceiverFailure>) {
        let (receiver, wall) = (&self.name, wall_clock());
        match result {
            Ok(()) => {
                if std::mem::take(&mut self.failures) > 0 {
                    tracing::info!(receiver, "notifications are delivered again");
                }
                (self.health)(&|health| health.delivered(wall));
            }
            Err(failure) => {
                if self.failures == 0 {
                    let error = &failure.message;
                    tracing::warn!(receiver, error, "notifications are not delivered");
                }
                self.failures = self.failures.saturating_add(1);
                self.not_before = Instant::now() + failure.delay(self.failures);
                (self.health)(&|health| health.failed(failure.reason, wall));
            }
        }
    }
}

/// Runs until it is dropped. `alerts` changes each second.
pub(super) async fn run(
    receiver: Arc<Receiver>,
    origin: Arc<Origin>,
    mut alerts: watch::Receiver<Arc<AlertSet>>,
    health: HealthWriter,
) -> Infallible {
    let start = Instant::now();
    let mut delivery = Delivery::new(Arc::clone(&receiver));
    let mut heartbeat = Heartbeat::new(receiver.heartbeat);
    let mut attempts = Attempts {
        name: receiver.name.clone(),
        failures: 0,
        not_before: start,
        health,
    };
    let mut sender = Sender::new(receiver, Arc::clone(&origin));
    loop {
        follow(&mut alerts, &mut delivery, start).await;
        (attempts.health)(&|health| health.dropped = delivery.dropped());
        if Instant::now() < attempts.not_before {
            continue;
        }
        let set = Arc::clone(&alerts.borrow());
        let now = start.elapsed();
        let beat = || heartbeat.due(now, wall_clock(), &set, &origin);
        let Some(batch) = delivery.due(now).or_else(beat) else {
            continue;
        };
        let result = {
            let mut sending = pin!(sender.send(&batch));
            loop {
                tokio::select! {
                    result = &mut sending => break result,
                    () = follow(&mut alerts, &mut delivery, start) => {}
                }
            }
        };
        attempts.ended(&result);
        if result.is_ok() {
            delivery.delivered(&batch, start.elapsed());
            heartbeat.delivered(&batch, start.elapsed());
        }
    }
}

/// Waits for the next look at the alerts.
async fn follow(
    alerts: &mut watch::Receiver<Arc<AlertSet>>,
    delivery: &mut Delivery,
    start: Instant,
) {
    if alerts.changed().await.is_err() {
        return std::future::pending().await; // the notifier ends, and drops this task
    }
    let set = Arc::clone(&alerts.borrow_and_update());
    delivery.observe(&set, start.elapsed());
}
