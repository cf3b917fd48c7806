//! The states of the servers on the dashboard Fleet, which sorts by them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::prometheus::{Prometheus, RULES};
use crate::scene::Scene;
use crate::support::eventually;
use crate::{boards, project_file};

const LIMIT: Duration = Duration::from_mins(1);

/// What the numbers mean is in `boards/style.py`.
const STATES: [(&str, f64); 5] = [
    ("down", 0.0),
    ("full", 2.0),
    ("late", 2.0),
    ("main", 4.0),
    ("unprivileged", 3.0),
];
const NO_DATA: f64 = 1.0;

fn query() -> String {
    let mut queries = boards::read().queries.into_iter();
    let state = queries.find(|query| query.place == "fleet: States of the servers (A)");
    state.expect("the query of the column State").expression
}

async fn wait_for(prometheus: &Prometheus, query: &str, expected: &BTreeMap<String, f64>) {
    let what = format!("{expected:?}");
    eventually(LIMIT, &what, async || {
        let states = prometheus.instant(query).await.into_iter();
        let states: BTreeMap<_, _> = states
            .map(|series| (series.labels["server"].clone(), series.value))
            .collect();
        (states == *expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn each_server_has_the_state_that_the_fleet_sorts_by() {
    let scene = Scene::start().await;
    let prometheus = scene.start_prometheus(&project_file(RULES)).await;
    let query = query();
    let mut expected: BTreeMap<_, _> = STATES.map(|(name, state)| (name.to_owned(), state)).into();
    wait_for(&prometheus, &query, &expected).await;

    drop(scene);
    for state in expected.values_mut() {
        *state = NO_DATA;
    }
    wait_for(&prometheus, &query, &expected).await;
}
