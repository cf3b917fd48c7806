//! How bad it is. Pure.

use serde::Serialize;

use crate::snapshot::{DatabaseView, Judged};

/// In the order in which the worst is chosen: what is critical is known, what is unknown may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl Level {
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
    fn share(self, used: f64, limit: f64) -> Level {
        let share = used / limit;
        if share >= self.critical {
            Level::Critical
        } else if share >= self.warning {
            Level::Warning
        } else {
            Level::Ok
        }
    }

    /// No connection left is critical, whatever the shares; a limit of 0 is a database that was closed on purpose.
    pub(super) fn connections(self, judged: Option<&Judged>) -> Level {
        let Some(judged) = judged else {
            return Level::Unknown;
        };
        match judged.limits.binding() {
            None => Level::Ok,
            Some(limit) if limit.connections == 0 => Level::Ok,
            Some(limit) if limit.free() == 0 => Level::Critical,
            Some(limit) => self.share(f64::from(limit.used), f64::from(limit.connections)),
        }
    }

    /// A quota that cannot be judged is not kept.
    pub(super) fn size(self, view: &DatabaseView) -> Level {
        match (view.size_limit(), view.size) {
            (None, _) => Level::Ok,
            (Some(_), Err(_)) => Level::Unknown,
            (Some(quota), Ok(size)) => self.share(size as f64, quota as f64),
        }
    }
}
