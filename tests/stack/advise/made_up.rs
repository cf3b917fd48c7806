//! Two weeks of nine servers, one sample of each peak in five minutes, in the `OpenMetrics` format. `s0` to `s5` have a peak of 30 to 35 connections, each at
//! another hour of the day, and 10 otherwise.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

const STEP: u32 = 300;
const DAY: u32 = 86_400;
const DAYS: u32 = 14;

/// A name with a quote, a newline and an escape sequence.
pub(super) const HOSTILE: &str = "a\"b\nc\u{1b}";

/// A value for the time since the start of the two weeks, in seconds.
type Values = Box<dyn Fn(u32) -> Option<f64>>;

/// Series by metric and labels: the format wants the samples of a metric together.
#[derive(Default)]
struct History(BTreeMap<String, Vec<(String, Values)>>);

impl History {
    fn add(&mut self, metric: &str, labels: &str, values: impl Fn(u32) -> Option<f64> + 'static) {
        let series = self.0.entry(metric.to_owned()).or_default();
        series.push((labels.to_owned(), Box::new(values)));
    }
}

pub(super) fn history() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = u32::try_from(now.expect("a clock after 1970").as_secs()).expect("before 2106");
    let end = now / STEP * STEP;
    let start = end - DAYS * DAY + STEP;
    let mut all = History::default();
    for n in 0..6 {
        let name = format!("s{n}");
        let hour = n * 4;
        let is_peak = move |time: u32| time / 3600 % 24 == hour && time % 3600 == 900;
        let peak = f64::from(30 + n);
        server(
            &mut all,
            &name,
            |_| true,
            move |time| if is_peak(time) { peak } else { 10.0 },
        );
    }
    tenants_of_six(&mut all);
    load(&mut all);
    for (name, is_known) in [
        // every fifth hour is missing
        ("gaps", (|time| time / 3600 % 5 != 2) as fn(u32) -> bool),
        ("down", |time| !(5 * DAY..6 * DAY).contains(&time)),
        ("young", |time| time >= 10 * DAY),
    ] {
        server(&mut all, name, is_known, |_| 10.0);
        tenant(&mut all, (name, "shop", 7), 50.0, is_known, |_| 7.0);
        tenant(&mut all, (name, "more", 8), 10.0, is_known, |_| 7.0);
    }
    all.add("pg_up", r#"server="down""#, |time| {
        Some(if (5 * DAY..6 * DAY).contains(&time) {
            0.0
        } else {
            1.0
        })
    });
    written(&all, start, end)
}

fn server(
    all: &mut History,
    name: &str,
    is_known: fn(u32) -> bool,
    peak: impl Fn(u32) -> f64 + 'static,
) {
    let of = format!("server=\"{name}\"");
    let known = move |value: f64| move |time| is_known(time).then_some(value);
    all.add("pgcommons_server_connections_peak", &of, move |time| {
        is_known(time).then(|| peak(time))
    });
    all.add("pgcommons_server_connections_limit", &of, known(97.0));
    all.add("pg_settings_max_connections", &of, known(100.0));
    all.add(
        "pg_settings_shared_buffers_bytes",
        &of,
        known(128.0 * 1_048_576.0),
    );
    all.add("pg_settings_work_mem_bytes", &of, known(4.0 * 1_048_576.0));
    all.add("pgcommons_server_cores", &of, known(4.0));
    // The counter of s3 begins again after a week, because the agent was restarted.
    let is_restarted = name == "s3";
    all.add(
        "pgcommons_polls_total",
        &format!("{of},poll=\"activity\""),
        move |time| {
            let since = if is_restarted { time % (7 * DAY) } else { time };
            is_known(time).then(|| f64::from(since))
        },
    );
}

/// The server, the database and its OID.
fn tenant(
    all: &mut History,
    (server, datname, oid): (&str, &str, u32),
    limit: f64,
    is_known: fn(u32) -> bool,
    peak: impl Fn(u32) -> f64 + 'static,
) {
    let escaped = datname
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    let of = format!("server=\"{server}\",datname=\"{escaped}\"");
    let known = move |value: f64| move |time| is_known(time).then_some(value);
    all.add("pgcommons_database_connections_peak", &of, move |time| {
        is_known(time).then(|| peak(time))
    });
    all.add(
        "pgcommons_database_connections_limit",
        &format!("{of},kind=\"database\""),
        known(limit),
    );
    all.add(
        "pg_stat_database_numbackends",
        &format!("{of},datid=\"{oid}\""),
        known(3.0),
    );
    all.add("pg_database_size_bytes", &of, move |time| {
        is_known(time).then(|| 1e9 + f64::from(time))
    });
}

fn tenants_of_six(all: &mut History) {
    let always = |_: u32| true;
    for n in 0..6 {
        let name = format!("db{n}");
        tenant(all, (&format!("s{n}"), &name, 1), 40.0, always, |_| 32.0);
    }
    // Seven connections for five minutes of two weeks.
    let rarely = |time: u32| if time / STEP == 1000 { 7.0 } else { 3.0 };
    tenant(all, ("s0", "shop", 2), 50.0, always, rarely);
    for (name, oid) in [("greedy", 3), ("victim", 4)] {
        tenant(all, ("s0", name, oid), 10.0, always, |_| 8.0);
    }
    for server in ["s1", "s2"] {
        tenant(all, (server, "twin", 5), 10.0, always, |_| 8.0);
    }
    recorded(all);
    names_that_change(all);
}

fn names_that_change(all: &mut History) {
    // Renamed three days ago; and a name that belonged to a larger database.
    tenant(
        all,
        ("s4", "old_name", 6),
        50.0,
        |time| time < 11 * DAY,
        |_| 7.0,
    );
    tenant(
        all,
        ("s4", "new_name", 6),
        50.0,
        |time| time >= 11 * DAY,
        |_| 7.0,
    );
    tenant(
        all,
        ("s4", "reused", 7),
        50.0,
        |time| time < 4 * DAY,
        |_| 44.0,
    );
    tenant(
        all,
        ("s4", "reused", 8),
        50.0,
        |time| time >= 4 * DAY,
        |_| 7.0,
    );
    tenant(all, ("s5", HOSTILE, 9), 50.0, |_| true, |_| 7.0);
}

/// What the rules have recorded of one server.
fn recorded(all: &mut History) {
    for name in ["db2", "twin"] {
        let of = format!("server=\"s2\",datname=\"{name}\"");
        let peak = if name == "twin" { 8.0 } else { 32.0 };
        all.add("pgcommons:database_connections:peak_5m", &of, move |_| {
            Some(peak)
        });
    }
}

/// For two hours of each day greedy has 7 sessions that compute, and victim 3 that wait for the disk.
fn load(all: &mut History) {
    let busy = |time: u32| {
        let (days, rest) = (time / DAY, time % DAY);
        f64::from(days * 7200 + rest.min(7200))
    };
    let of = |name: &str, wait: &str| format!("server=\"s0\",datname=\"{name}\",wait=\"{wait}\"");
    let metric = "pgcommons_database_active_seconds_total";
    all.add(metric, &of("greedy", "cpu"), move |time| {
        Some(7.0 * busy(time))
    });
    all.add(metric, &of("victim", "io"), move |time| {
        Some(3.0 * busy(time))
    });
    all.add(metric, &of("victim", "cpu"), |_| Some(0.0));
    let metric = "pgcommons_server_active_seconds_total";
    all.add(metric, "server=\"s0\",wait=\"cpu\"", move |time| {
        Some(7.0 * busy(time))
    });
    all.add(metric, "server=\"s0\",wait=\"io\"", move |time| {
        Some(3.0 * busy(time))
    });
}

/// What seldom changes is rarer: promtool reads the whole text for each two hours.
fn interval(metric: &str) -> usize {
    let is_dense = metric.ends_with("_peak") || metric.contains("active_seconds");
    if is_dense { STEP as usize } else { 1800 }
}

fn written(all: &History, start: u32, end: u32) -> String {
    let mut text = String::new();
    for (metric, series) in &all.0 {
        for (labels, values) in series {
            for time in (start..=end).step_by(interval(metric)) {
                if let Some(value) = values(time - start) {
                    writeln!(
                        text,
                        "{metric}{{job=\"pgcommons\",instance=\"a\",{labels}}} {value} {time}"
                    )
                    .expect("memory");
                }
            }
        }
    }
    text + "# EOF\n"
}
