//! The status in words, for the page and for a terminal. Names are not escaped here.

use std::time::{Duration, UNIX_EPOCH};

use super::{Connections, ServerStatus, Status};
use crate::findings::Severity;

impl Status {
    /// Such as `1 critical, 2 warning`; empty without findings.
    pub(crate) fn counts(&self) -> String {
        let findings = || self.servers.iter().flat_map(|server| &server.findings);
        let counts = [Severity::Critical, Severity::Unknown, Severity::Warning].map(|level| {
            let count = findings().filter(|it| it.severity == level).count();
            (count > 0).then(|| format!("{count} {}", level.label()))
        });
        let counts: Vec<_> = counts.into_iter().flatten().collect();
        counts.join(", ")
    }
}

impl ServerStatus {
    /// `PostgreSQL 15.18: 43 of 57 connections used, 14 free; polled at 13:05:07 UTC`
    pub(crate) fn summary(&self, now: f64) -> String {
        let polled = self.polled.map(|at| time(at, now));
        let Some(version) = &self.version else {
            let why = self.down.unwrap_or_default().replace('_', " ");
            let last = polled.map_or_else(String::new, |at| format!("; last polled at {at}"));
            return format!("down: {why}{last}");
        };
        let standby = self.standby.filter(|standby| *standby);
        let standby = standby.map_or("", |_| ", standby");
        let connections = self.connections.as_ref().map(|it| slots(&it.now));
        let connections = connections.unwrap_or_else(|| "connections unknown".to_owned());
        let active = self
            .active
            .map(|count| format!(", {count} sessions active"));
        let polled = polled.map(|at| format!("; polled at {at}"));
        let [active, polled] = [active, polled].map(Option::unwrap_or_default);
        format!("PostgreSQL {version}{standby}: {connections}{active}{polled}")
    }
}

fn slots(server: &Connections) -> String {
    let [used, limit, free] = [server.used, server.limit, server.headroom].map(optional);
    format!("{used} of {limit} connections used, {free} free")
}

/// Such as `12 s`, `3 min 20 s`, `1 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let Ok(duration) = Duration::try_from_secs_f64(seconds) else {
        return "-".to_owned();
    };
    match duration.as_secs() {
        0 if duration.is_zero() => "0 s".to_owned(),
        0 => "under 1 s".to_owned(),
        s @ ..60 => format!("{s} s"),
        s @ ..3600 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// Such as `13:05:07 UTC`; with the date if it is another day than `now`. Both in seconds since the epoch.
pub(crate) fn time(at: f64, now: f64) -> String {
    let Ok(since) = Duration::try_from_secs_f64(at) else {
        return "-".to_owned();
    };
    if since > Duration::from_hours(70_389_528) {
        return "-".to_owned(); // after the year 9999
    }
    let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string();
    let (date, rest) = text.split_once('T').unwrap_or_default();
    let clock = rest.trim_end_matches('Z');
    if (at / 86_400.0).floor().to_bits() == (now / 86_400.0).floor().to_bits() {
        format!("{clock} UTC")
    } else {
        format!("{date} {clock} UTC")
    }
}

/// Such as `85 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent > 0.0 && percent < 1.0 {
        "<1 %".to_owned()
    } else {
        format!("{percent:.0} %")
    }
}

pub(crate) fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_no_value_is_a_panic() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.25, "under 1 s"),
            (59.9, "59 s"),
            (200.0, "3 min 20 s"),
            (3900.0, "1 h 5 min"),
            (f64::NAN, "-"),
            (-1.0, "-"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        let noon = 1_795_953_907.0;
        assert_eq!(time(noon, noon), "12:05:07 UTC");
        assert_eq!(time(noon - 86_400.0, noon), "2026-11-28 12:05:07 UTC");
        for odd in [f64::NAN, f64::INFINITY, 1e19, -5.0] {
            assert_eq!(time(odd, noon), "-");
        }
        assert_eq!(percent(0.001), "<1 %");
        assert_eq!(percent(0.995), "100 %");
    }
}
