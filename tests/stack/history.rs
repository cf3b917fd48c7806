//! Samples as if Prometheus had scraped the agent for nine days. Forecasts need them, and a test cannot wait that long.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::Scrape;
use crate::{backups, providers};

const HOUR: f64 = 3_600.0;
const DAY: f64 = 24.0 * HOUR;
/// The age of the newest sample. Scraped samples follow.
const NEWEST: f64 = 30.0;

/// Metrics with constant values.
const STEADY: &[&str] = &[
    "pg_up",
    "pgcommons_build_info",
    "pgcommons_database_info",
    "pgcommons_database_connections_limit",
    "pgcommons_database_size_limit_bytes",
    "pgcommons_role_connections_limit",
    "pgcommons_server_connections_limit",
    "pgcommons_server_storage_capacity_bytes",
];
/// Connections in use, which have increased for an hour.
const RISING: &[&str] = &[
    "pgcommons_database_connections",
    "pgcommons_database_connections_peak",
    "pgcommons_role_connections",
    "pgcommons_role_connections_peak",
    "pgcommons_server_connections",
    "pgcommons_server_connections_peak",
];
/// Sizes, which have grown for a day.
const GROWING: &[&str] = &["pg_database_size_bytes"];
/// Space that is left, which has decreased for hours.
const SHRINKING: &[&str] = &["pgcommons_server_storage_available_bytes"];
/// Shares of resources, which have increased for hours.
const FILLING: &[&str] = &["pgcommons_resource_utilization_ratio"];
/// Start times, before the one on the page.
const EARLIER: &[&str] = &["process_start_time_seconds"];

/// Past samples derived from a page of the agent, in the `OpenMetrics` format.
pub(crate) fn of(page: &Scrape, agent: SocketAddr) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock after 1970").as_secs_f64();
    let ages = ages();
    let mut text = String::new();
    for (names, past) in [
        (STEADY, steady as fn(f64, f64) -> f64),
        (RISING, rising),
        (GROWING, growing),
        (SHRINKING, shrinking),
        (FILLING, filling),
        (EARLIER, earlier),
    ] {
        for name in names {
            for series in page.series(name) {
                let labels = labels(&series.labels, agent);
                // The workers have been busy all the time.
                let is_busy = series.label("resource") == Some("autovacuum_workers");
                let past = if is_busy { steady } else { past };
                for age in &ages {
                    let (value, time) = (past(series.value, *age), now - age);
                    writeln!(text, "{name}{labels} {value} {time:.3}").expect("memory");
                }
            }
        }
    }
    text += &backups::of_whole_server(now - NEWEST);
    text + &providers::samples(now - NEWEST) + "# EOF\n"
}

/// Ages of the samples in seconds, the oldest first. Recent samples are denser, because short ranges query them.
fn ages() -> Vec<f64> {
    let from = |oldest: f64, newest: f64, step: f64| {
        let steps = std::iter::successors(Some(oldest), move |age| Some(age - step));
        steps.take_while(move |age| *age > newest)
    };
    from(9.0 * DAY, DAY, HOUR / 2.0)
        .chain(from(DAY, HOUR, 240.0))
        .chain(from(HOUR, NEWEST, 30.0))
        .collect()
}

fn labels(labels: &BTreeMap<String, String>, agent: SocketAddr) -> String {
    let mut text = format!("{{job=\"pgcommons\",instance=\"{agent}\"");
    for (name, value) in labels {
        assert!(!value.contains(['"', '\\', '\n']), "{name}: {value}");
        write!(text, ",{name}=\"{value}\"").expect("memory");
    }
    text + "}"
}

fn steady(now: f64, _age: f64) -> f64 {
    now
}

fn rising(now: f64, age: f64) -> f64 {
    (now * (1.0 - 0.9 * (age / HOUR).min(1.0))).round()
}

/// Grows slowly in the first days and fast in the last one.
fn growing(now: f64, age: f64) -> f64 {
    (now * (1.0 - 0.3 * (age / DAY).min(1.0) - 0.01 * (age / DAY))).round()
}

fn shrinking(now: f64, age: f64) -> f64 {
    (now * (1.0 + 0.3 * (age / (6.0 * HOUR)).min(1.0))).round()
}

fn filling(now: f64, age: f64) -> f64 {
    now * (1.0 - 0.9 * (age / (6.0 * HOUR)).min(1.0))
}

fn earlier(now: f64, _age: f64) -> f64 {
    now - DAY
}
