//! The severity of findings. Pure.

use serde::Serialize;

use crate::limits::{Limit, LimitKind};
use crate::size_schedule::UnknownSize;
use crate::snapshot::{ConnectionStatus, DatabaseView};

/// Ordered by urgency: critical is above unknown, because critical is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl Severity {
    /// The exit codes of monitoring plugins (Nagios).
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }
}

/// Fractions of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Thresholds {
    pub(crate) warning: f64,
    pub(crate) critical: f64,
}

/// The defaults of `check`.
impl Default for Thresholds {
    fn default() -> Self {
        Self {
            warning: 0.8,
            critical: 0.95,
        }
    }
}

impl Thresholds {
    fn fraction(self, used: f64, limit: f64) -> Severity {
        self.share(used / limit)
    }

    pub(super) fn share(self, fraction: f64) -> Severity {
        if fraction >= self.critical {
            Severity::Critical
        } else if fraction >= self.warning {
            Severity::Warning
        } else {
            Severity::Ok
        }
    }

    /// The worst of the limit of the server, the own limit of this database or role, and its budget.
    pub(crate) fn connections(self, status: Option<&ConnectionStatus>) -> Severity {
        let Some(status) = status else {
            return Severity::Unknown;
        };
        let limits = [status.limits.limit(LimitKind::Server), own_limit(status)];
        let limits = limits.into_iter().flatten().map(|limit| self.limit(limit));
        let budget = status.limits.budget.map(budget);
        limits.chain(budget).max().unwrap_or(Severity::Ok)
    }

    /// Without a free connection it is critical, whatever the thresholds are.
    pub(crate) fn limit(self, limit: Limit) -> Severity {
        if limit.free() == 0 {
            Severity::Critical
        } else {
            self.fraction(f64::from(limit.used), f64::from(limit.connections))
        }
    }

    /// The part of a capacity that is not available. With nothing available it is critical, whatever the thresholds are.
    pub(crate) fn available(self, available: u64, capacity: u64) -> Severity {
        if available == 0 {
            Severity::Critical
        } else {
            let unavailable = capacity.saturating_sub(available);
            self.fraction(unavailable as f64, capacity as f64)
        }
    }

    /// With a quota, every unknown size is `Unknown`. Without one, only a failed measurement is.
    pub(crate) fn size(self, view: &DatabaseView) -> Severity {
        match (view.size_limit(), view.size) {
            (Some(_), Err(_))
            | (None, Err(UnknownSize::Unreadable | UnknownSize::Timeout | UnknownSize::Error)) => {
                Severity::Unknown
            }
            (
                None,
                Ok(_) | Err(UnknownSize::Pending | UnknownSize::Forbidden | UnknownSize::Invalid),
            ) => Severity::Ok,
            (Some(quota), Ok(size)) => self.fraction(size as f64, quota as f64),
        }
    }
}

/// A budget is no limit: more connections than it allots are worth a warning, because PostgreSQL refuses nothing.
pub(crate) fn budget(budget: Limit) -> Severity {
    if budget.excess() > 0 {
        Severity::Warning
    } else {
        Severity::Ok
    }
}

/// The connection limit of the database or role in the catalogue. A limit of 0 closes it on purpose and is ignored. The
/// alerting rules use the same limit (`pgcommons:database_connections_limit:own`).
pub(crate) fn own_limit(status: &ConnectionStatus) -> Option<Limit> {
    status.limits.own().filter(|limit| limit.connections > 0)
}
