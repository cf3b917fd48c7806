//! A real Prometheus with the project's rules and its example configuration, queried through its API.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{Program, find};
use crate::support::{exchange_async, free_port};
use crate::{adapted, project_file};

pub(crate) const RULES: &str = "alerts/pgcommons.yml";
/// The interval of scrapes and of rule evaluations.
const INTERVAL: &str = "5s";

/// The agents, rules and samples of a Prometheus.
pub(crate) struct Setup<'a> {
    pub(crate) agents: &'a [SocketAddr],
    /// None: no notifications are sent.
    pub(crate) alertmanager: Option<SocketAddr>,
    pub(crate) rules: &'a str,
    /// Samples from before its start, in the `OpenMetrics` format.
    pub(crate) history: Option<&'a str>,
    /// The server that it writes its samples to.
    pub(crate) remote: Option<SocketAddr>,
}

/// One series of a result, with its last value.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// A rule as Prometheus has loaded it.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) query: String,
}

pub(crate) struct Prometheus(Program);

impl Prometheus {
    pub(crate) async fn start(setup: Setup<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let port = free_port();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("rules.yml"), setup.rules).expect("rules can be written");
        fs::write(path("prometheus.yml"), configuration(port, &setup))
            .expect("a configuration can be written");
        if let Some(history) = setup.history {
            fs::write(path("history"), history).expect("a history can be written");
            import(&path("history"), &path("data"));
        }
        let start = Program::start(folder, port, |address, folder| {
            let mut command = Command::new(find(&["prometheus"]));
            command
                .arg(format!("--web.listen-address={address}"))
                .arg(flag("--config.file", &folder.join("prometheus.yml")))
                .arg(flag("--storage.tsdb.path", &folder.join("data")))
                .arg("--storage.tsdb.retention.time=30d");
            command
        });
        Self(start.await)
    }

    /// A `VictoriaMetrics`, which answers the same queries.
    pub(crate) async fn victoria() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let start = Program::start(folder, free_port(), |address, folder| {
            let mut command = Command::new(find(&["victoria-metrics"]));
            command
                .arg(format!("-httpListenAddr={address}"))
                .arg(flag("-storageDataPath", &folder.join("data")))
                // By default the newest samples are not shown for half a minute.
                .args([
                    "-search.latencyOffset=1s",
                    "-search.disableCache",
                    "-retentionPeriod=1y",
                ]);
            command
        });
        Self(start.await)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Evaluates an instant query.
    pub(crate) async fn instant(&self, query: &str) -> Vec<Series> {
        let data = self.api("query", &[("query", query)]).await;
        match data["resultType"].as_str() {
            Some("vector") => series(&data["result"], |series| &series["value"][1]),
            other => panic!("{query}: {other:?}"),
        }
    }

    /// Evaluates a range query over the last `seconds`. Returns each series with its last value.
    pub(crate) async fn range(&self, query: &str, seconds: u32) -> Vec<Series> {
        let now = self.instant("vector(time())").await[0].value;
        let (start, end) = ((now - f64::from(seconds)).to_string(), now.to_string());
        let parameters = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", "5"),
        ];
        let data = self.api("query_range", &parameters).await;
        series(&data["result"], |series| {
            let values = series["values"].as_array().expect("values");
            &values.last().expect("at least one value")[1]
        })
    }

    /// The values of a label, as a dashboard variable lists them.
    pub(crate) async fn label_values(&self, label: &str, selector: &str) -> Vec<String> {
        let path = format!("label/{label}/values");
        let data = self.api(&path, &[("match[]", selector)]).await;
        let values = data.as_array().expect("a list").iter();
        values.map(|value| text(value).to_owned()).collect()
    }

    /// The loaded rules of this type (`alerting`, `recording`).
    pub(crate) async fn rules(&self, kind: &str) -> Vec<Rule> {
        let data = self.api("rules", &[]).await;
        let groups = data["groups"].as_array().expect("groups").iter();
        groups
            .flat_map(|group| group["rules"].as_array().expect("rules"))
            .filter(|rule| rule["type"] == kind)
            .map(|rule| Rule {
                name: text(&rule["name"]).to_owned(),
                query: text(&rule["query"]).to_owned(),
            })
            .collect()
    }

    async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let path = format!("/api/v1/{path}?{query}");
        let reply = exchange_async(self.address(), "GET", &path, &[]).await;
        let reply = reply.unwrap_or_else(|error| panic!("{error}\n{}", self.0.log()));
        let mut answer: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(answer["status"], "success", "{parameters:?}: {answer}");
        answer["data"].take()
    }
}

fn flag(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// The example of the project with other addresses and intervals.
fn configuration(port: u16, setup: &Setup<'_>) -> String {
    let alertmanager = setup.alertmanager.map(|address| format!("[{address}]"));
    let agents = setup.agents.iter().map(|address| format!("'{address}'"));
    let agents = agents.collect::<Vec<_>>().join(", ");
    adapted(
        &project_file("deploy/prometheus.yml"),
        &[
            (
                "scrape_interval: 15s",
                &format!("scrape_interval: {INTERVAL}"),
            ),
            (
                "evaluation_interval: 15s",
                &format!("evaluation_interval: {INTERVAL}"),
            ),
            ("../alerts/pgcommons.yml", "rules.yml"),
            ("[localhost:9093]", alertmanager.as_deref().unwrap_or("[]")),
            ("[localhost:19187]", &format!("[{agents}]")),
            ("[localhost:9090]", &format!("['127.0.0.1:{port}']")),
        ],
    ) + &setup.remote.map(remote_write).unwrap_or_default()
}

/// The section of the example for several regions, with another address.
fn remote_write(address: SocketAddr) -> String {
    let edge = project_file("deploy/prometheus-edge.yml");
    let (_, section) = edge.split_once("\nremote_write:").expect("a section");
    let url = "http://mimir.example:9009/api/v1/push";
    let section = adapted(section, &[(url, &format!("http://{address}/api/v1/write"))]);
    format!("\nremote_write:{section}")
}

/// Converts samples to blocks of Prometheus's database.
fn import(history: &Path, data: &Path) {
    let output = Command::new(find(&["promtool"]))
        .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
        .args([history, data])
        .output()
        .expect("promtool can be run");
    assert!(output.status.success(), "promtool: {output:?}");
}

fn series(result: &Value, value: impl Fn(&Value) -> &Value) -> Vec<Series> {
    let all = result.as_array().expect("series").iter();
    all.map(|series| Series {
        labels: labels(&series["metric"]),
        value: text(value(series)).parse().expect("a number"),
    })
    .collect()
}

pub(crate) fn labels(labels: &Value) -> BTreeMap<String, String> {
    let all = labels.as_object().expect("labels").iter();
    all.map(|(name, value)| (name.clone(), text(value).to_owned()))
        .collect()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}
