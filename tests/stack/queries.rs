//! Every query of rules and dashboards returns a value after the event that it describes.

use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::boards;
use crate::prometheus::{Prometheus, RULES};
use crate::scene::Scene;
use crate::{conditions, project_file};

/// The time range of panel queries.
const RANGE_SECONDS: u32 = 300;
const LIMIT: Duration = Duration::from_secs(150);

/// Thresholds that a short test can reach, and those of a volume that is not nearly full. Replacing them also proves that each is defined once, in the first group of the rules.
const LOWERED: &[(&str, &str)] = &[
    ("exhausted_seconds", "2"),
    ("growth_bytes", "1024 * 1024"),
    ("idle_in_transaction_seconds", "5"),
    ("transaction_seconds", "5"),
    ("statement_seconds", "5"),
    ("sessions_blocked", "1"),
    ("deadlocks", "1"),
    ("transaction_id_age", "10"),
    ("transaction_id_age_critical", "10"),
    ("storage_low", "2"),
    ("storage_low_bytes", "1e18"),
    ("storage_critical", "2"),
    ("storage_critical_bytes", "1e18"),
    ("storage_prediction_floor", "2"),
    ("slot_wal_bytes", "1024 * 1024"),
    ("temporary_bytes", "1024 * 1024"),
    ("lock_table_critical", "0.0001"),
    ("wal_archive_wait_seconds", "1"),
    ("load_of_others", "-1"),
    ("pooler_clients_waiting", "0.1"),
    ("resource_nearly_exhausted", "0.3"),
    ("poll_stale_seconds", "1"),
    ("sizes_stale_seconds", "1"),
];

/// Queries that need PostgreSQL 16.
const SINCE_16: &[&str] = &["agent: Privileges of the agent (D)"];

/// Alerts that need a state in which the other queries return nothing.
pub(crate) const LAST: &[&str] = &["PgcommonsConfigReloadFailed", "PgcommonsAgentUnreachable"];

#[derive(Clone, Debug)]
pub(crate) struct PlacedQuery {
    pub(crate) place: String,
    query: String,
    is_instant: bool,
}

impl PlacedQuery {
    pub(crate) async fn has_value(&self, prometheus: &Prometheus) -> bool {
        let answer = if self.is_instant {
            prometheus.instant(&self.query).await
        } else {
            prometheus.range(&self.query, RANGE_SECONDS).await
        };
        answer.iter().any(|series| !series.value.is_nan())
    }
}

/// The rules with lower thresholds and shorter intervals.
pub(crate) fn quick_rules() -> String {
    let mut rules = project_file(RULES);
    for (name, value) in LOWERED {
        let before = format!("pgcommons:threshold:{name}\", expr: \"vector(");
        let (head, tail) = rules
            .split_once(&before)
            .unwrap_or_else(|| panic!("no threshold {name}"));
        let (_, tail) = tail.split_once(")\"}").expect("the end of a threshold");
        rules = format!("{head}{before}{value})\"}}{tail}");
    }
    rules
        .replace("interval: 4m", "interval: 5s")
        .replace("interval: 1m", "interval: 5s")
}

pub(crate) async fn queries_of_rules(prometheus: &Prometheus) -> Vec<PlacedQuery> {
    let mut queries = Vec::new();
    for kind in ["alerting", "recording"] {
        let rules = prometheus.rules(kind).await.into_iter();
        queries.extend(rules.map(|rule| PlacedQuery {
            place: rule.name,
            query: rule.query,
            is_instant: true,
        }));
    }
    assert!(queries.len() > 50, "only {}", queries.len());
    queries
}

pub(crate) fn queries_of_boards(boards: &boards::Boards) -> Vec<PlacedQuery> {
    let queries = boards.queries.iter();
    let queries = queries.map(|query| PlacedQuery {
        place: query.place.clone(),
        query: query.expression.clone(),
        is_instant: query.is_instant,
    });
    queries.collect()
}

/// Repeats the queries until all have returned a value or the time is up. Returns those without a value.
async fn without_value(
    prometheus: &Prometheus,
    queries: Vec<PlacedQuery>,
    limit: Duration,
) -> Vec<PlacedQuery> {
    let end = Instant::now() + limit;
    let mut open = queries;
    loop {
        let mut left = Vec::new();
        for query in open {
            if !query.has_value(prometheus).await {
                left.push(query);
            }
        }
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        open = left;
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn every_query_of_rules_and_boards_returns_a_value() {
    let mut scene = Scene::start().await;
    let prometheus = scene.start_prometheus(&quick_rules()).await;
    let boards = boards::read();
    let mut queries = queries_of_rules(&prometheus).await;
    queries.extend(queries_of_boards(&boards));
    let is_last = |query: &PlacedQuery| LAST.contains(&query.place.as_str());
    let (last, mut queries): (Vec<_>, Vec<_>) = queries.into_iter().partition(is_last);
    assert_eq!(last.len(), LAST.len());
    if scene.main.major_version().await < 16 {
        queries.retain(|query| !SINCE_16.contains(&query.place.as_str()));
    }

    let (left, ()) = tokio::join!(
        without_value(&prometheus, queries, LIMIT),
        conditions::cause_events(&scene.main, &mut scene.unprivileged)
    );
    assert!(left.is_empty(), "{} without a value: {left:#?}", left.len());
    for variable in boards.variables {
        let values = prometheus
            .label_values(&variable.label, &variable.selector)
            .await;
        assert!(!values.is_empty(), "{} has no values", variable.place);
    }

    let [reload, unreachable] = <[PlacedQuery; 2]>::try_from(last).expect("two");
    fs::write(scene.configuration(), "servers: 7").expect("a configuration can be written");
    scene.agent.signal("HUP");
    let left = without_value(&prometheus, vec![reload], LIMIT).await;
    assert!(left.is_empty(), "{left:?}");
    drop(scene);
    let left = without_value(&prometheus, vec![unreachable], LIMIT).await;
    assert!(left.is_empty(), "{left:?}");
}
