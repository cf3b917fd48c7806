//! How bad it is. Pure.

use serde::Serialize;

use crate::limits::{Limit, LimitKind};
use crate::size_schedule::UnknownSize;
use crate::snapshot::{ConnectionStatus, DatabaseView};

/// In the order in which the worst is chosen: what is critical is known, what is unknown may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl Severity {
    /// What monitors of Nagios' kind expect.
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

/// Shares of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Thresholds {
    pub(crate) warning: f64,
    pub(crate) critical: f64,
}

impl Thresholds {
    fn share(self, used: f64, limit: f64) -> Severity {
        let share = used / limit;
        if share >= self.critical {
            Severity::Critical
        } else if share >= self.warning {
            Severity::Warning
        } else {
            Severity::Ok
        }
    }

    /// The worst of the limit of the server and the one that is set for this database or role alone.
    pub(crate) fn connections(self, judged: Option<&ConnectionStatus>) -> Severity {
        let Some(judged) = judged else {
            return Severity::Unknown;
        };
        let limits = [judged.limits.limit(LimitKind::Server), own_limit(judged)];
        let levels = limits.into_iter().flatten().map(|limit| self.limit(limit));
        levels.max().unwrap_or(Severity::Ok)
    }

    /// No connection left is critical, whatever the shares.
    pub(crate) fn limit(self, limit: Limit) -> Severity {
        if limit.free() == 0 {
            Severity::Critical
        } else {
            self.share(f64::from(limit.used), f64::from(limit.connections))
        }
    }

    /// A quota that cannot be judged is not kept. Without a quota, a size that could not be read is not passed over either.
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
            (Some(quota), Ok(size)) => self.share(size as f64, quota as f64),
        }
    }
}

/// The smallest limit that is set for the database or role alone, in the catalogue or as its budget. A limit of 0 closes it
/// on purpose and is none to reach. The rules of `alerts/pgcommons.yml` judge by the same one
/// (`pgcommons:database_connections_limit:own`).
pub(crate) fn own_limit(judged: &ConnectionStatus) -> Option<Limit> {
    let own = judged.limits.all();
    let own = own.filter(|limit| limit.kind != LimitKind::Server && limit.connections > 0);
    own.min_by_key(|limit| limit.connections)
}
