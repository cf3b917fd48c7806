//! Whether a history is long and complete enough for advice.

use super::{DAY, HOUR, Steps, text};

/// Less proves nothing of a week.
pub(super) const DAYS_NEEDED: u32 = 7;
/// The largest part of the time that may be unknown.
pub(super) const GAPS_ALLOWED: f64 = 0.1;
/// A server without data for longer is no longer there, or not scraped.
pub(super) const HOURS_OF_SILENCE: u32 = 48;

/// What a history is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Evidence {
    /// Long and complete enough.
    Enough {
        days: f64,
        gaps: f64,
    },
    /// Less than seven days.
    Short {
        days: f64,
    },
    /// More than a tenth of the time is unknown.
    Gaps {
        days: f64,
        gaps: f64,
    },
    /// Nothing was measured lately.
    Silent {
        hours: f64,
    },
    None,
}

impl Evidence {
    pub(crate) fn is_enough(self) -> bool {
        matches!(self, Self::Enough { .. })
    }

    /// Days from the first to the last value.
    pub(crate) fn days(self) -> Option<f64> {
        match self {
            Self::Enough { days, .. } | Self::Short { days } | Self::Gaps { days, .. } => {
                Some(days)
            }
            Self::Silent { .. } | Self::None => None,
        }
    }

    /// Why there is no advice. None: there is.
    pub(crate) fn reason(self) -> Option<String> {
        let percent = |share: f64| (share * 100.0).round();
        match self {
            Self::Enough { .. } => None,
            Self::Short { days } => Some(format!(
                "{} of data are less than {DAYS_NEEDED} days: a limit may be raised, and nothing else is told",
                text::days(days)
            )),
            Self::Gaps { gaps, .. } => Some(format!(
                "{} % of the time is unknown, more than {} %: a peak may be missing",
                percent(gaps),
                percent(GAPS_ALLOWED)
            )),
            Self::Silent { hours } => Some(format!("no data for the last {hours:.0} hours")),
            Self::None => Some("no data".to_owned()),
        }
    }

    /// What is known of a database: `hours` has a value for each hour in which it was seen, `known` the part of each hour in which anything was. `end` is
    /// the end of the window, in seconds since the epoch.
    pub(super) fn of(hours: &Steps, known: &Steps, end: f64) -> Self {
        let (Some(first), Some(last)) = (hours.first(), known.last().max(hours.last())) else {
            return Self::None;
        };
        let silent = hours.step_of(end).saturating_sub(hours.last().unwrap_or(0));
        if silent > HOURS_OF_SILENCE {
            return Self::Silent {
                hours: f64::from(silent),
            };
        }
        // The last hour has not ended.
        let span = first..last.max(first + 1);
        let seen = span.clone().filter(|hour| hours.at(*hour).is_some());
        let seen: f64 = seen.map(|hour| known.at(hour).unwrap_or(1.0)).sum();
        let all = f64::from(span.end - span.start);
        let (days, gaps) = (all * f64::from(HOUR) / f64::from(DAY), 1.0 - seen / all);
        // The window may begin and end within an hour.
        if all + 1.0 < f64::from(DAYS_NEEDED * DAY / HOUR) {
            Self::Short { days }
        } else if gaps > GAPS_ALLOWED {
            Self::Gaps { days, gaps }
        } else {
            Self::Enough { days, gaps }
        }
    }
}
