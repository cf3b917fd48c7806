//! The receivers of notifications: whether they accept them.

use serde::Serialize;

use crate::health::ReceiverHealth;

#[derive(Debug, Serialize)]
pub(crate) struct ReceiverStatus {
    pub(crate) receiver: String,
    /// `webhook`, `ntfy`, `telegram` or `alertmanager`.
    pub(crate) kind: &'static str,
    /// When it last accepted a notification, in seconds since the epoch.
    pub(crate) last_success: Option<f64>,
    /// Since when attempts fail; null: the last one succeeded, or there was none.
    pub(crate) failing_since: Option<f64>,
    /// A reason of `pgcommons_notifications_failed_total`.
    pub(crate) failure: Option<&'static str>,
}

impl ReceiverStatus {
    pub(super) fn of(health: &ReceiverHealth) -> Self {
        Self {
            receiver: health.name.clone(),
            kind: health.kind,
            last_success: health.last_success,
            failing_since: health.failing.map(|(since, _)| since),
            failure: health.failing.map(|(_, why)| why.label()),
        }
    }
}
