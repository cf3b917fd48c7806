//! Rules and dashboards on `VictoriaMetrics`, which gets its samples from Prometheus by remote write.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::program::find;
use crate::prometheus::{Prometheus, RULES, Setup};
use crate::queries::{LAST, PlacedQuery, queries_of_boards, queries_of_rules, quick_rules};
use crate::scene::Scene;
use crate::support::{create_tenant, eventually, trusting, watch};
use crate::{boards, conditions, history, print_line, project_file};

/// How long the samples may take to both databases.
const LIMIT: Duration = Duration::from_secs(150);

/// The queries that return a value from Prometheus, but not from the other.
async fn missing(
    prometheus: &Prometheus,
    victoria: &Prometheus,
    queries: Vec<PlacedQuery>,
) -> Vec<PlacedQuery> {
    let (end, mut open) = (Instant::now() + LIMIT, queries);
    let mut answered = 0;
    loop {
        let (mut left, mut differ) = (Vec::new(), Vec::new());
        for query in open {
            match (
                query.has_value(victoria).await,
                query.has_value(prometheus).await,
            ) {
                (true, _) => answered += 1,
                (false, true) => differ.push(query),
                (false, false) => left.push(query),
            }
        }
        if left.is_empty() && differ.is_empty() || Instant::now() > end {
            print_line(&format!(
                "VictoriaMetrics answers {answered} queries, neither answers {}",
                left.len()
            ));
            return differ;
        }
        left.extend(differ);
        open = left;
        sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test]
#[ignore = "needs VictoriaMetrics: make victoria"]
async fn rules_and_boards_have_the_same_data_in_victoria_metrics() {
    let mut scene = Scene::start().await;
    let victoria = Prometheus::victoria().await;
    let (page, agent) = (scene.agent.scrape().await, scene.agent.address());
    let (rules, history) = (quick_rules(), history::of(&page, agent));
    import(victoria.address(), &history);
    let prometheus = Prometheus::start(Setup {
        agents: &[agent],
        alertmanager: None,
        rules: &rules,
        history: Some(&history),
        remote: Some(victoria.address()),
    })
    .await;
    let mut queries = queries_of_rules(&prometheus).await;
    queries.extend(queries_of_boards(&boards::read()));
    queries.retain(|query| !LAST.contains(&&*query.place));
    assert!(queries.len() > 100, "{}", queries.len());
    let (differ, ()) = tokio::join!(
        missing(&prometheus, &victoria, queries),
        conditions::cause_events(&scene.main, &mut scene.unprivileged)
    );
    assert!(differ.is_empty(), "{} differ: {differ:#?}", differ.len());
}

/// Sends samples from before the start of Prometheus, which remote write does not send.
pub(crate) fn import(address: SocketAddr, history: &str) {
    // The times of OpenMetrics are seconds, those of this API are milliseconds.
    let sample = |line: &str| {
        let (series, time) = line.rsplit_once(' ')?;
        let seconds: f64 = time.parse().ok()?;
        Some(format!("{series} {:.0}\n", seconds * 1000.0))
    };
    let body: String = history.lines().filter_map(sample).collect();
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /api/v1/import/prometheus HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[test]
#[ignore = "needs VictoriaMetrics: make victoria"]
fn vmalert_accepts_the_rules() {
    // Debian 12 has version 1.79, which does not know this key.
    let rules = project_file(RULES);
    let old = rules
        .lines()
        .filter(|line| !line.contains("keep_firing_for:"));
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let text = old.collect::<Vec<_>>().join("\n");
    file.write_all(text.as_bytes()).expect("written");
    let output = Command::new(find(&["vmalert"]))
        .args(["-dryRun", "-rule"])
        .arg(file.path())
        .output()
        .expect("vmalert can be run");
    assert!(output.status.success(), "{output:?}");
}

/// What a new series begins with is no increase: a database that had deadlocks years ago must not raise an alert when the agent
/// is first scraped.
#[tokio::test]
#[ignore = "needs VictoriaMetrics: make victoria"]
async fn a_new_series_is_no_alert() {
    let cluster = trusting(&[]).await;
    create_tenant(&cluster, "shop", 5).await;
    let agent = watch(&cluster, "").await;
    let victoria = Prometheus::victoria().await;
    let _prometheus = Prometheus::start(Setup {
        agents: &[agent.address()],
        alertmanager: None,
        rules: &quick_rules(),
        history: None,
        remote: Some(victoria.address()),
    })
    .await;
    let arrived = eventually(LIMIT, "samples", async || {
        let count = "min(count_over_time(pg_stat_database_xact_commit{datname=\"shop\"}[5m]))";
        let answer = victoria.instant(count).await;
        answer.first().filter(|series| series.value >= 3.0).cloned()
    });
    arrived.await;
    let deadlocks = project_file(RULES);
    let (_, rule) = deadlocks
        .split_once("alert: PgcommonsDeadlocks")
        .expect("the rule");
    let (_, rule) = rule
        .split_once("sum by (job, instance, server, datname) (")
        .expect("a sum");
    let (sum, _) = rule.split_once(">= scalar").expect("a threshold");
    let sum = sum.trim().trim_end_matches(')').trim();
    // The same expression over a series with a small constant value, which its increase() there would count.
    let constant = "pg_settings_superuser_reserved_connections";
    let query = sum.replace("pg_stat_database_deadlocks", constant);
    let plain = victoria
        .instant(&format!("increase({constant}[10m])"))
        .await;
    assert!(
        plain.iter().all(|series| Some(series.value) == Some(3.0)),
        "{plain:?}"
    );
    let answer = victoria.instant(&query).await;
    let all_zero = answer.iter().all(|series| series.value == 0.0);
    assert!(all_zero && !answer.is_empty(), "{query}: {answer:?}");
}
