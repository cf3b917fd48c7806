//! Adds one row for each server when a minute has ended, from what is published then.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::chunk::{Figures, Row};
use super::store::Store;
use super::{Retention, Timelines, minute, resource_name};
use crate::clock::wall_clock;
use crate::resources::ResourceKind;
use crate::sample::WaitClass;
use crate::snapshot::{ActiveSeconds, DatabaseView, Snapshot};
use crate::state::{Published, Server, State};

/// How long after the end of a minute it is recorded.
const DELAY: Duration = Duration::from_millis(100);

/// Records until it is dropped. The history of `store` is the first that is published.
pub(crate) async fn run(
    retention: Retention,
    state: Published,
    publisher: watch::Sender<Arc<Timelines>>,
    mut store: Store,
) -> Infallible {
    if retention.databases == 0 {
        return std::future::pending().await;
    }
    let mut recorder = Recorder::new(retention.databases);
    loop {
        let left = Duration::from_secs_f64(60.0 - wall_clock() % 60.0) + DELAY;
        tokio::select! {
            () = sleep(left) => {}
            () = store.written() => continue,
        }
        let state = state.borrow().clone().as_of(Instant::now());
        // The minute that has just ended.
        let row = minute(wall_clock()).saturating_sub(1);
        publisher.send_modify(|timelines| recorder.record(&state, row, Arc::make_mut(timelines)));
        store.minute_ended(&publisher.borrow());
    }
}

/// Sums since a poller began, as the last row had them.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    exhausted: Duration,
    active: f64,
}

#[derive(Debug)]
pub(super) struct Recorder {
    databases: usize,
    before: HashMap<String, HashMap<String, Totals>>,
}

impl Recorder {
    pub(super) fn new(databases: usize) -> Self {
        Self {
            databases,
            before: HashMap::new(),
        }
    }

    /// Servers that are no longer configured lose their history. One that is down has a row with its volumes only.
    pub(super) fn record(&mut self, state: &State, minute: u32, timelines: &mut Timelines) {
        let mut all = BTreeMap::new();
        self.before.retain(|name, _| state.server(name).is_some());
        for server in &state.servers {
            let mut timeline = timelines.0.remove(&server.name).unwrap_or_default();
            let kept = timeline.current().iter().cloned().collect();
            let row = Row {
                minute,
                databases: self.databases(server, &kept),
                resources: resources(server),
            };
            if !row.databases.is_empty() || !row.resources.is_empty() {
                Arc::make_mut(&mut timeline).push(&row);
            }
            all.insert(server.name.clone(), timeline);
        }
        timelines.0 = all;
    }

    /// By name. A database that has a history keeps it; free places go to those with the most connections.
    fn databases(&mut self, server: &Server, kept: &BTreeSet<String>) -> Vec<(String, Figures)> {
        let Some(snapshot) = server.snapshot() else {
            return Vec::new();
        };
        let mut views: Vec<_> = snapshot.databases.iter().collect();
        let used = |view: &DatabaseView| view.connections.map_or(0, |it| it.limits.used);
        views.sort_by_cached_key(|view| {
            let name = &view.row.name;
            (
                !kept.contains(name),
                std::cmp::Reverse(used(view)),
                name.clone(),
            )
        });
        views.truncate(self.databases);
        views.sort_by(|a, b| a.row.name.cmp(&b.row.name));
        let before = self.before.entry(server.name.clone()).or_default();
        before.retain(|name, _| views.iter().any(|view| view.row.name == *name));
        let figures = views.into_iter().map(|view| {
            let before = before.entry(view.row.name.clone()).or_default();
            (view.row.name.clone(), figures(snapshot, view, before))
        });
        figures.collect()
    }
}

/// A sum that is lower than before has begun again.
fn figures(snapshot: &Snapshot, view: &DatabaseView, before: &mut Totals) -> Figures {
    let history = view.connections.map(|status| status.history);
    let exhausted = history.map(|it| it.exhausted);
    let load = snapshot.load.as_ref();
    let active = load.and_then(|load| load.databases.get(&view.row.name));
    let active = active.map(seconds);
    let since = *before;
    *before = Totals {
        exhausted: exhausted.unwrap_or(since.exhausted),
        active: active.unwrap_or(since.active),
    };
    let exhausted = exhausted.map(|now| now.checked_sub(since.exhausted).unwrap_or(now));
    let active = active.map(|now| {
        if now < since.active {
            now
        } else {
            now - since.active
        }
    });
    Figures {
        peak: history.and_then(|it| it.minute_peak),
        exhausted: exhausted.map(|it| it.as_secs_f64()),
        active: active.map(|seconds| seconds / 60.0),
        size: view.size.ok().map(|size| size as f64),
    }
}

/// Without sessions that wait for their clients.
fn seconds(active: &ActiveSeconds) -> f64 {
    let classes = WaitClass::ALL.into_iter();
    let classes = classes.filter(|wait| *wait != WaitClass::Client);
    classes.map(|wait| active.of(wait)).sum()
}

fn resources(server: &Server) -> Vec<(String, f64)> {
    let snapshot = server.snapshot();
    let shared = snapshot.into_iter().flat_map(|it| &it.resources);
    let shared = shared.map(|it| (resource_name(it.kind.label(), None), it.ratio()));
    let storage = ResourceKind::Storage.label();
    let parts = snapshot.and_then(|it| it.storage.total());
    let configured = parts.zip(server.attached.storage_size);
    let configured =
        configured.map(|(used, size)| (resource_name(storage, None), used as f64 / size as f64));
    let volumes = server.attached.spaces().map(|(volume, space)| {
        let share = space.unavailable() as f64 / space.capacity.max(1) as f64;
        (resource_name(storage, Some(volume)), share)
    });
    shared.chain(configured).chain(volumes).collect()
}
