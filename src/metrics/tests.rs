//! Compares the page of a fixed state with a golden file, which promtool checks too, and the reference with the catalogue.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect_file;

mod cost;
mod encoding;
mod escaping;
mod fixture;

use fixture::{
    activity, databases, down, info, policy, roles, sessions, showing, snapshot, stats, up,
};

use super::{AgentState, family, reference};
use crate::collect::JOBS;
use crate::health::{Health, ListenerHealth};
use crate::isolation::{Kind, Summary};
use crate::outcome::{ConnectFailure, Outcome};
use crate::policy::{Budget, Policy, Pool, SeriesLimits};
use crate::sample::readings::Archiver;
use crate::sample::{
    Activity, Catalogue, Database, DatabaseStats, Locks, Oid, Readings, Role, ServerInfo,
    SessionCounts, Sessions, Size, SizeMeasurement, Stats,
};
use crate::size_schedule::{SizeSchedule, SizeTiming};
use crate::snapshot::{SlowReadings, Snapshot};
use crate::state::{Down, LazySnapshot, Reload, Server};
use crate::tracker::{PollContext, PollTracker};

const AGENT: AgentState = AgentState {
    reload: Reload {
        successful: true,
        last_success: 1_700_000_000.0,
    },
    listener: ListenerHealth {
        unread_bytes: 65_536,
        closed: [1, 2, 3],
    },
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
