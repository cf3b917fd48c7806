//! The tables of `docs/compatibility.md`: which rules and boards of `postgres_exporter` have data. Every series is evaluated by
//! Prometheus, which scrapes the agent as it would scrape that exporter.

use std::fs;
use std::time::Duration;

use crate::project_file;
use crate::prometheus::{Prometheus, Setup};
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, create_agent_role, create_tenant, eventually, sessions,
    trusting,
};

const PAGE: &str = "docs/compatibility.md";
const LIMIT: Duration = Duration::from_mins(2);

/// A row of a table.
struct Row {
    place: String,
    function: String,
    series: Vec<String>,
    works: String,
}

impl Row {
    /// The function of each series, without the condition of an alert.
    fn expressions(&self) -> impl Iterator<Item = String> {
        let expression = |series: &String| match &*self.function {
            "value" => series.clone(),
            "changes" => format!("changes({series}[1m])"),
            "irate" => format!("irate({series}[1m])"),
            "rate" => format!("rate({series}[5m])"),
            other => panic!("{}: {other}", self.place),
        };
        self.series.iter().map(expression)
    }

    fn works_on(&self, major: i64) -> bool {
        match &*self.works {
            "yes" => true,
            "13 to 16" => major <= 16,
            reason => {
                assert!(reason.starts_with("no: "), "{}: {reason}", self.place);
                false
            }
        }
    }
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut section = String::new();
    for line in project_file(PAGE).lines() {
        if let Some(title) = line.strip_prefix("### ") {
            title.clone_into(&mut section);
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", name, function, series, works, ""] = cells[..] else {
            continue;
        };
        if function == "function" || function.starts_with("---") {
            continue;
        }
        let names = series.split(", ").map(|name| name.trim_matches('`'));
        rows.push(Row {
            place: format!("{section}: {name}"),
            function: function.to_owned(),
            series: names.map(str::to_owned).collect(),
            works: works.to_owned(),
        });
    }
    rows
}

/// A primary with a standby, a slot, a tenant with a session, and an agent that was configured for the exporter.
async fn scene() -> (Vec<Cluster>, Vec<crate::support::TestSession>, Agent) {
    let mut main = trusting(&[]).await;
    create_agent_role(&main).await;
    create_tenant(&main, "shop", 10).await;
    let standby = main.start_standby();
    main.sql("SELECT pg_create_physical_replication_slot('spare')")
        .await;
    let open = sessions(&main, "shop", 2).await;
    open[0]
        .batch_execute("BEGIN; CREATE TABLE t ()")
        .await
        .expect("a transaction");
    let source = |cluster: &Cluster| {
        format!(
            "host={} port={} user={AGENT} dbname=postgres sslmode=disable",
            cluster.host(),
            cluster.port()
        )
    };
    let sources = [source(&main), source(&standby)].join(",");
    let agent = Agent::start(AgentSpec {
        env: &[("DATA_SOURCE_NAME", &sources)],
        ..AgentSpec::default()
    })
    .await;
    (vec![main, standby], open, agent)
}

#[tokio::test]
async fn rules_and_boards_of_the_exporter_have_data_as_documented() {
    let (clusters, _open, agent) = scene().await;
    let major = clusters[0].major_version().await;
    let prometheus = Prometheus::start(Setup {
        agents: &[agent.address()],
        alertmanager: None,
        rules: "groups: []",
        history: None,
        remote: None,
    })
    .await;
    let rows = rows();
    assert!(rows.len() > 70, "{}", rows.len());
    let has_value = async |expression: &str| {
        let answer = prometheus.instant(expression).await;
        answer.iter().any(|series| !series.value.is_nan())
    };
    for row in rows.iter().filter(|row| row.works_on(major)) {
        for expression in row.expressions() {
            let what = format!("{}: {expression}\n{}", row.place, agent.log());
            eventually(LIMIT, &what, async || {
                has_value(&expression).await.then_some(())
            })
            .await;
        }
    }
    for row in rows.iter().filter(|row| !row.works_on(major)) {
        let mut answered = 0;
        for expression in row.expressions() {
            answered += usize::from(has_value(&expression).await);
        }
        assert!(answered < row.series.len(), "{}: it works", row.place);
    }
}

/// The names of the page are those of the table of contents of the documentation, so that a reader finds it.
#[test]
fn the_page_is_linked() {
    let name = PAGE
        .strip_prefix("docs/")
        .expect("a page of the documentation");
    let readme = fs::read_to_string("README.md").expect("a file");
    assert!(readme.contains(name), "README.md does not link {name}");
}
