//! No rule and no panel is there in vain: each query answers once what it speaks of has happened.

use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::boards;
use crate::prometheus::{Prometheus, RULES};
use crate::scene::Scene;
use crate::{conditions, project_file};

/// How far back the queries of panels look.
const RANGE_SECONDS: u32 = 300;
const LIMIT: Duration = Duration::from_secs(150);

/// Thresholds that a short test can pass. They stand in the first group of the rules and nowhere else, which this proves too.
const LOWERED: &[(&str, &str)] = &[
    ("exhausted_seconds", "2"),
    ("growth_bytes", "1024 * 1024"),
    ("idle_in_transaction_seconds", "5"),
    ("transaction_seconds", "5"),
    ("sessions_blocked", "1"),
    ("deadlocks", "1"),
    ("transaction_id_age", "10"),
    ("transaction_id_age_critical", "10"),
    ("poll_stale_seconds", "1"),
    ("sizes_stale_seconds", "1"),
];

/// What PostgreSQL has only since 16.
const SINCE_16: &[&str] = &["agent: Privileges of the agent (D)"];

/// Alerts that need an end of what the others need.
const LAST: &[&str] = &["PgcommonsConfigReloadFailed", "PgcommonsAgentUnreachable"];

#[derive(Clone, Debug)]
struct Question {
    place: String,
    query: String,
    is_instant: bool,
}

impl Question {
    async fn is_answered(&self, prometheus: &Prometheus) -> bool {
        let answer = if self.is_instant {
            prometheus.instant(&self.query).await
        } else {
            prometheus.range(&self.query, RANGE_SECONDS).await
        };
        answer.iter().any(|series| !series.value.is_nan())
    }
}

/// The rules, with thresholds and intervals for a test of minutes.
fn quick_rules() -> String {
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

async fn questions_of_rules(prometheus: &Prometheus) -> Vec<Question> {
    let mut questions = Vec::new();
    for kind in ["alerting", "recording"] {
        let rules = prometheus.rules(kind).await.into_iter();
        questions.extend(rules.map(|rule| Question {
            place: rule.name,
            query: rule.query,
            is_instant: true,
        }));
    }
    assert!(questions.len() > 50, "only {}", questions.len());
    questions
}

fn questions_of_boards(boards: &boards::Boards) -> Vec<Question> {
    let queries = boards.queries.iter();
    let questions = queries.map(|query| Question {
        place: query.place.clone(),
        query: query.expression.clone(),
        is_instant: query.is_instant,
    });
    questions.collect()
}

/// Asks until all have answered, or the time is up; what has not is returned.
async fn unanswered(
    prometheus: &Prometheus,
    questions: Vec<Question>,
    limit: Duration,
) -> Vec<Question> {
    let end = Instant::now() + limit;
    let mut open = questions;
    loop {
        let mut left = Vec::new();
        for question in open {
            if !question.is_answered(prometheus).await {
                left.push(question);
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
async fn every_query_of_rules_and_boards_answers() {
    let mut scene = Scene::start().await;
    let prometheus = scene.watched(&quick_rules()).await;
    let boards = boards::read();
    let mut questions = questions_of_rules(&prometheus).await;
    questions.extend(questions_of_boards(&boards));
    let is_last = |question: &Question| LAST.contains(&question.place.as_str());
    let (last, mut questions): (Vec<_>, Vec<_>) = questions.into_iter().partition(is_last);
    assert_eq!(last.len(), LAST.len());
    if scene.main.major_version().await < 16 {
        questions.retain(|question| !SINCE_16.contains(&question.place.as_str()));
    }

    let (left, ()) = tokio::join!(
        unanswered(&prometheus, questions, LIMIT),
        conditions::happen(&scene.main, &mut scene.blind)
    );
    assert!(
        left.is_empty(),
        "{} without an answer: {left:#?}",
        left.len()
    );
    for variable in boards.variables {
        let values = prometheus
            .label_values(&variable.label, &variable.selector)
            .await;
        assert!(!values.is_empty(), "{} has no values", variable.place);
    }

    let [reload, unreachable] = <[Question; 2]>::try_from(last).expect("two");
    fs::write(scene.configuration(), "servers: 7").expect("a configuration can be written");
    scene.agent.signal("HUP");
    let left = unanswered(&prometheus, vec![reload], LIMIT).await;
    assert!(left.is_empty(), "{left:?}");
    drop(scene);
    let left = unanswered(&prometheus, vec![unreachable], LIMIT).await;
    assert!(left.is_empty(), "{left:?}");
}
