//! Compares the page of a fixed state with a golden file, which promtool checks too, and the reference with the catalogue.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect_file;

mod backups;
mod cost;
mod encoding;
mod escaping;
mod fixture;
mod machine;
mod poolers;
mod probes;
mod server_wide;
mod shared;
mod volumes;

use fixture::{
    activity, databases, down, info, policy, roles, sessions, showing, snapshot, stats, up,
};

use super::{AgentState, family, reference};
use crate::collect::JOBS;
use crate::crashes::Crashes;
use crate::health::{Health, ListenerHealth};
use crate::outcome::{ConnectFailure, Outcome};
use crate::policy::{Budget, Policy, Pool, SeriesLimits};
use crate::sample::settings::Setting;
use crate::sample::{
    Activity, Catalogue, Database, DatabaseStats, Inodes, Oid, Readings, Role, ServerInfo,
    SessionCounts, Sessions, Size, SizeMeasurement, Space, Stats,
};
use crate::size_schedule::{SizeSchedule, SizeTiming};
use crate::snapshot::{SlowReadings, Snapshot};
use crate::state::{Attached, Attachment, Down, LazySnapshot, Reload, Server};
use crate::tracker::{PollContext, PollTracker, PolledState};

const AGENT: AgentState = AgentState {
    reload: Reload {
        successful: true,
        last_success: 1_700_000_000.0,
    },
    listener: ListenerHealth {
        unread_bytes: 65_536,
        closed: [1, 2, 3],
    },
    receivers: Vec::new(),
};

fn page(servers: &[&Server]) -> String {
    let mut page = Vec::new();
    family::families(servers, &AGENT, &mut page).expect("writing to memory cannot fail");
    let page = String::from_utf8(page).expect("UTF-8");
    page.replace(crate::build_info::REVISION, "REVISION")
        .replace(crate::build_info::VERSION, "VERSION")
}

#[test]
fn the_page_of_a_fixed_state_is_the_golden_one() {
    let (up, down) = (up(true), down());
    expect_file!["../../tests/golden/metrics.prom"].assert_eq(&page(&[&up, &down]));
}

#[test]
fn what_a_role_without_privilege_cannot_see_is_left_out() {
    expect_file!["../../tests/golden/unprivileged.prom"].assert_eq(&page(&[&up(false)]));
}

fn of_settings(name: &str, settings: &[(&str, f64)]) -> Server {
    let mut snapshot = snapshot(true);
    snapshot.readings.settings = Some(server_wide::settings(settings));
    showing(name, snapshot, Health::of(&JOBS))
}

/// Prometheus refuses a family that is on a page twice.
#[test]
fn servers_with_other_settings_share_the_families_that_both_have() {
    let old = of_settings(
        "a",
        &[("fsync", 1.0), ("ssl", 0.0), ("work_mem_bytes", 1.0)],
    );
    let new = of_settings("b", &[("fsync", 0.0), ("io_workers", 3.0), ("ssl", 1.0)]);
    let page = page(&[&old, &down(), &new]);
    let lines = page.lines().filter(|line| line.contains("pg_settings_"));
    let lines: Vec<_> = lines.filter(|line| !line.contains("connections")).collect();
    assert_eq!(
        lines,
        [
            "# TYPE pg_settings_fsync gauge",
            "pg_settings_fsync{server=\"a\"} 1",
            "pg_settings_fsync{server=\"b\"} 0",
            "# TYPE pg_settings_io_workers gauge",
            "pg_settings_io_workers{server=\"b\"} 3",
            "# TYPE pg_settings_ssl gauge",
            "pg_settings_ssl{server=\"a\"} 0",
            "pg_settings_ssl{server=\"b\"} 1",
            "# TYPE pg_settings_work_mem_bytes gauge",
            "pg_settings_work_mem_bytes{server=\"a\"} 1",
        ]
    );
}

/// The golden page is of PostgreSQL 16.
#[test]
fn the_columns_of_17_replace_those_of_16() {
    let mut snapshot = snapshot(true);
    let stats = snapshot.readings.server.as_mut().expect("of the fixture");
    stats.bgwriter.until_16 = None;
    stats.checkpointer = Some(server_wide::checkpointer());
    let page = page(&[&showing("main", snapshot, Health::of(&JOBS))]);
    let value = |name: &str| {
        let series = format!("pg_stat_{name}_total{{server=\"main\"}} ");
        page.lines().find_map(|line| line.strip_prefix(&*series))
    };
    assert_eq!(value("bgwriter_checkpoints_timed"), None);
    assert_eq!(value("bgwriter_buffers_clean"), Some("5"));
    let columns = [
        "num_timed",
        "num_requested",
        "restartpoints_timed",
        "restartpoints_req",
        "restartpoints_done",
        "write_time",
        "sync_time",
        "buffers_written",
        "stats_reset",
    ];
    let values = columns.map(|column| value(&format!("checkpointer_{column}")));
    let numbers = ["1", "2", "3", "4", "5", "6.5", "7.5", "8"].map(Some);
    assert_eq!(values[..8], numbers);
    assert_eq!(values[8], None);
}

#[test]
fn the_reference_is_that_of_the_catalogue() {
    expect_file!["../../docs/metrics.md"].assert_eq(&reference::reference());
}

/// With a metric that does not exist, an alert never fires and a panel stays empty.
#[test]
fn rules_and_boards_name_only_what_the_catalogue_has() {
    let known: Vec<_> = super::catalog::all().map(|metric| metric.name).collect();
    for folder in ["alerts", "dashboards"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            }; // a folder
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for name in words.filter(|word| word.starts_with("pgcommons_")) {
                assert!(known.contains(&name), "{name} in {}", path.display());
            }
        }
    }
}
