//! What one notification says: the alerts of one server. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alert::{Alert, Level};

/// One notification.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    /// The server; None: it is about the agent.
    pub(super) server: Option<String>,
    /// The worst first; those that have ended last.
    pub(super) alerts: Vec<BatchAlert>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct BatchAlert {
    pub(super) alert: Arc<Alert>,
    /// Seconds since the epoch.
    pub(super) starts_at: f64,
    /// None: it lasts.
    pub(super) ends_at: Option<f64>,
}

impl Batch {
    pub(super) fn of(server: Option<String>, mut alerts: Vec<BatchAlert>) -> Self {
        alerts.sort_by_key(|it| (it.ends_at.is_some(), std::cmp::Reverse(it.alert.level)));
        Self { server, alerts }
    }

    pub(super) fn is_resolved(&self) -> bool {
        self.alerts.iter().all(|it| it.ends_at.is_some())
    }

    pub(super) fn firing(&self) -> usize {
        self.alerts.iter().filter(|it| it.ends_at.is_none()).count()
    }

    /// The worst of those that last; if none lasts, of those that have ended.
    pub(super) fn level(&self) -> Level {
        let first = self.alerts.first();
        first.map_or(Level::Info, |it| it.alert.level)
    }

    /// The labels that all of the alerts have.
    pub(super) fn common_labels(&self) -> BTreeMap<&str, &str> {
        let mut all = self.alerts.iter().map(|it| &it.alert.labels);
        let Some(first) = all.next() else {
            return BTreeMap::new();
        };
        let pairs = first.iter().map(|(name, value)| (&**name, &**value));
        let mut common: BTreeMap<_, _> = pairs.collect();
        for labels in all {
            common.retain(|name, value| labels.get(*name).is_some_and(|it| it == value));
        }
        common
    }
}
