//! `pgcommons_notifications_*`: what the agent sent to the receivers of its configuration. Absent without receivers.

use crate::metrics::AgentState;
use crate::metrics::series::{Kind, Metric, Series, Source, metric};
use crate::outcome::NotificationFailure;

pub(super) const METRICS: &[Metric] = &[
    row(
        "pgcommons_notifications_total",
        Kind::Counter,
        &["receiver"],
        "Notifications that a receiver has accepted; absent without receivers (notify).",
        |agent, series| {
            for receiver in &agent.receivers {
                series.put([&*receiver.name], receiver.delivered as f64);
            }
        },
    ),
    row(
        "pgcommons_notifications_failed_total",
        Kind::Counter,
        &["receiver", "reason"],
        "Attempts to notify a receiver that failed, by reason; a failed one is repeated. Absent without receivers.",
        |agent, series| {
            for receiver in &agent.receivers {
                for reason in NotificationFailure::ALL {
                    let failures = receiver.failures(reason) as f64;
                    series.put([&*receiver.name, reason.label()], failures);
                }
            }
        },
    ),
    row(
        "pgcommons_notifications_dropped_total",
        Kind::Counter,
        &["receiver"],
        "Times that an alert was left out of the notifications of a receiver, because more than 2000 alerts last. Absent without receivers.",
        |agent, series| {
            for receiver in &agent.receivers {
                series.put([&*receiver.name], receiver.dropped as f64);
            }
        },
    ),
    row(
        "pgcommons_notifications_last_success_timestamp_seconds",
        Kind::Gauge,
        &["receiver"],
        "When a receiver last accepted a notification, since the epoch; absent before the first one.",
        |agent, series| {
            for receiver in &agent.receivers {
                series.put_known([&*receiver.name], receiver.last_success);
            }
        },
    ),
    row(
        "pgcommons_notifications_failing_since_timestamp_seconds",
        Kind::Gauge,
        &["receiver"],
        "Since when attempts to notify a receiver fail, since the epoch; absent after a success, and while nothing had to be sent.",
        |agent, series| {
            for receiver in &agent.receivers {
                let since = receiver.failing.map(|(since, _)| since);
                series.put_known([&*receiver.name], since);
            }
        },
    ),
];

const fn row(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
    read: fn(&AgentState, &mut Series),
) -> Metric {
    metric(name, kind, labels, help, Source::Agent(read))
}
