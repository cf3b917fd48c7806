//! What one receiver knows, and what it must be told next. Pure: `now` is the time since the start.
//!
//! There is no queue of messages. What is due follows from the alerts and from what was delivered, so a receiver that was away gets one
//! message for each server with all that lasts or has ended meanwhile, and memory is limited by the number of alerts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::alert::{AlertKey, Level};
use super::batch::{Batch, BatchAlert};
use super::receiver::{Destination, Receiver};
use super::tracker::{ActiveAlert, AlertSet, MAX_ALERTS};

/// The least time between two notifications about the same server.
const GROUP_INTERVAL: Duration = Duration::from_secs(5);
/// An Alertmanager ends an alert that is not repeated, and repeats notifications by itself.
const ALERTMANAGER_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Delivery {
    receiver: Arc<Receiver>,
    records: BTreeMap<AlertKey, Record>,
    /// When each server was last notified of.
    sent: BTreeMap<String, Duration>,
    /// How many times an alert was left out, because there were too many.
    dropped: u64,
}

/// An alert that has lasted long enough.
#[derive(Debug)]
struct Record {
    active: ActiveAlert,
    /// When it was last delivered, and with which severity.
    told: Option<(Duration, Level)>,
    has_ended: bool,
}

impl Delivery {
    pub(super) fn new(receiver: Arc<Receiver>) -> Self {
        Self {
            receiver,
            records: BTreeMap::new(),
            sent: BTreeMap::new(),
            dropped: 0,
        }
    }

    /// How many times an alert was left out, because there were too many.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes the alerts that last now.
    pub(super) fn observe(&mut self, set: &AlertSet, now: Duration) {
        self.dropped += set.left_out as u64;
        let receiver = Arc::clone(&self.receiver);
        for (key, record) in &mut self.records {
            let active = set.active.get(key);
            let same =
                active.filter(|it| it.starts_at.to_bits() == record.active.starts_at.to_bits());
            match same.filter(|it| receiver.wants(&it.alert)) {
                Some(active) => record.active = active.clone(),
                None => record.has_ended = true,
            }
        }
        self.records
            .retain(|_, record| !record.has_ended || receiver.send_resolved);
        for (key, active) in &set.active {
            self.confirm(key, active, now);
        }
        self.sent.retain(|_, sent| now < *sent + GROUP_INTERVAL);
    }

    /// An alert that comes again before its end was delivered replaces the one before.
    fn confirm(&mut self, key: &AlertKey, active: &ActiveAlert, now: Duration) {
        let wait = self.receiver.wait.max(active.alert.min_wait);
        let has_lasted = active.is_present && now >= active.since + wait;
        let is_new = self.records.get(key).is_none_or(|record| record.has_ended);
        if !has_lasted || !is_new || active.is_silenced || !self.receiver.wants(&active.alert) {
            return;
        }
        if self.records.len() >= MAX_ALERTS {
            self.dropped += 1;
            return;
        }
        let record = Record {
            active: active.clone(),
            told: None,
            has_ended: false,
        };
        self.records.insert(key.clone(), record);
    }

    /// What to send now. None: nothing is due.
    pub(super) fn due(&self, now: Duration) -> Option<Batch> {
        let waits = |server: &str| {
            let sent = self.sent.get(server);
            sent.is_some_and(|sent| now < *sent + GROUP_INTERVAL)
        };
        let due = self.records.iter();
        let mut due = due.filter(|(key, record)| self.is_due(record, now) && !waits(&key.server));
        let server = &due.next()?.0.server;
        let of_server = self.records.iter().filter(|(key, _)| key.server == *server);
        let alerts = of_server.map(|(_, record)| BatchAlert {
            alert: Arc::clone(&record.active.alert),
            starts_at: record.active.starts_at,
            ends_at: record.has_ended.then_some(record.active.until),
        });
        Some(Batch::of(Some(server.clone()), alerts.collect()))
    }

    fn is_due(&self, record: &Record, now: Duration) -> bool {
        let Some((told, level)) = record.told else {
            return true;
        };
        record.has_ended
            || record.active.alert.level > level
            || now >= told + self.repeat_interval()
    }

    fn repeat_interval(&self) -> Duration {
        match self.receiver.destination {
            Destination::Alertmanager(_) => ALERTMANAGER_INTERVAL,
            Destination::Webhook(_) | Destination::Ntfy(_) | Destination::Telegram { .. } => {
                self.receiver.repeat_interval
            }
        }
    }

    /// The receiver has accepted it.
    pub(super) fn delivered(&mut self, batch: &Batch, now: Duration) {
        for it in &batch.alerts {
            let Some(record) = self.records.get_mut(&it.alert.key) else {
                continue;
            };
            if record.active.starts_at.to_bits() != it.starts_at.to_bits() {
                continue; // it came again meanwhile
            }
            if it.ends_at.is_some() {
                self.records.remove(&it.alert.key);
            } else {
                record.told = Some((now, it.alert.level));
            }
        }
        self.sent
            .extend(batch.server.clone().map(|server| (server, now)));
    }
}
