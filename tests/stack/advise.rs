//! `pgcommons advise` with a real Prometheus, and with `VictoriaMetrics`, that have two weeks of nine servers.

mod made_up;

use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::prometheus::{Prometheus, Setup, text};
use crate::support::{AgentSpec, eventually, run};
use crate::victoria::import;

/// The six servers whose peaks fall at different hours.
const SIX: &str = "s0,s1,s2,s3,s4,s5";

async fn prometheus(history: &str) -> Prometheus {
    Prometheus::start(Setup {
        agents: &[],
        alertmanager: None,
        rules: "groups: []",
        history: Some(history),
        remote: None,
    })
    .await
}

async fn advise(address: SocketAddr, args: &[&str]) -> Output {
    let url = format!("http://{address}");
    let all = [&["advise", "--prometheus", &url][..], args].concat();
    run(AgentSpec {
        args: &all,
        ..AgentSpec::default()
    })
    .await
}

async fn json(address: SocketAddr, args: &[&str]) -> (Option<i32>, Value) {
    let output = advise(address, &[&["--json"][..], args].concat()).await;
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), report)
}

fn tenant<'a>(report: &'a Value, server: &str, datname: &str) -> &'a Value {
    let tenants = report["tenants"].as_array().expect("tenants").iter();
    let mut found = tenants.filter(|it| it["server"] == server && it["datname"] == datname);
    found
        .next()
        .unwrap_or_else(|| panic!("{server} {datname}: {report:#}"))
}

/// Verdict, peak, present and recommended limit.
fn figures(tenant: &Value) -> (&str, Option<u64>, Option<u64>, Option<u64>) {
    let number = |name: &str| tenant[name].as_u64();
    let verdict = text(&tenant["verdict"]);
    (
        verdict,
        number("peak"),
        number("limit"),
        number("recommended_limit"),
    )
}

fn has_reason(tenant: &Value, part: &str) -> bool {
    let reasons = tenant["reasons"].as_array().expect("reasons").iter();
    reasons
        .into_iter()
        .any(|reason| text(reason).contains(part))
}

/// The same answers are expected of both programs.
async fn check_all(address: SocketAddr) {
    tenants_get_their_verdicts(address).await;
    nothing_to_do(address).await;
    six_servers_together(address).await;
    what_is_not_known_is_not_advised(address).await;
    a_partial_sum_is_none(address).await;
}

async fn tenants_get_their_verdicts(address: SocketAddr) {
    let (code, report) = json(address, &["--server", "s0", "--without", "greedy"]).await;
    assert_eq!((code, &report["version"]), (Some(1), &Value::from(1)));
    let shop = tenant(&report, "s0", "shop");
    assert_eq!(figures(shop), ("set_limit", Some(7), Some(50), Some(10)));
    assert_eq!(shop["sql"], "alter database \"shop\" connection limit 10;");
    let keys: Vec<_> = shop.as_object().expect("an object").keys().collect();
    let mut wanted = [
        "server",
        "datname",
        "peak",
        "limit",
        "recommended_limit",
        "verdict",
        "reasons",
        "sql",
    ];
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    let greedy = tenant(&report, "s0", "greedy");
    assert_eq!(greedy["verdict"], "move_out", "{greedy:#}");
    assert!(has_reason(greedy, "it took 70 % of the load"), "{greedy:#}");
    assert_eq!(tenant(&report, "s0", "victim")["verdict"], "stay");
    let without = &report["without"][0];
    assert_eq!(
        (&without["peak"], &without["datname"]),
        (&Value::from(30), &Value::from("greedy"))
    );
    assert!(
        without["saturated_hours"].as_f64() > Some(20.0),
        "{without:#}"
    );
    assert_eq!(without["saturated_hours_of_others"], 0.0);
    let hostile = tenant(
        &json(address, &["--server", "s5"]).await.1,
        "s5",
        made_up::HOSTILE,
    )
    .clone();
    assert_eq!(
        hostile["sql"],
        r#"alter database U&"a""b\+00000Ac\+00001B" connection limit 10;"#
    );
}

async fn nothing_to_do(address: SocketAddr) {
    let (code, report) = json(address, &["--server", "s1"]).await;
    assert_eq!(code, Some(0), "{report:#}");
    let stays = |it: &Value| it["verdict"] == "stay" && it["sql"].is_null();
    let tenants = report["tenants"].as_array().expect("tenants");
    assert!(
        tenants.len() == 2 && tenants.iter().all(stays),
        "{report:#}"
    );
}

async fn six_servers_together(address: SocketAddr) {
    let (code, report) = json(address, &["--together", SIX]).await;
    let together = &report["together"];
    assert_eq!(code, Some(1), "{together:#} {}", report["together_details"]);
    // At its hour the last one has 35, and the others 10 each.
    assert_eq!(
        (&together["peak_together"], &together["sum_of_peaks"]),
        (&Value::from(85), &Value::from(195))
    );
    assert_eq!(
        together["max_connections"], 113,
        "85, a quarter more, and three reserved"
    );
    assert_eq!(
        together["storage_bytes"].as_f64().map(|it| it > 6e9),
        Some(true),
        "{together:#}"
    );
    let memory = 6.0 * 128.0 + 113.0 * 9.0;
    assert_eq!(
        together["memory_bytes"].as_f64(),
        Some(memory * 1_048_576.0)
    );
    let conflicts = together["conflicts"].as_array().expect("conflicts");
    assert!(
        conflicts
            .iter()
            .any(|it| text(it) == "database twin is on s1, s2"),
        "{conflicts:?}"
    );
    assert_eq!(report["together_details"]["saved_connections"], 600 - 113);
}

/// Gaps, a server that was down, a restart of the agent, four days of data.
async fn what_is_not_known_is_not_advised(address: SocketAddr) {
    let (_, report) = json(address, &[]).await;
    let gaps = tenant(&report, "gaps", "shop");
    assert_eq!(figures(gaps), ("watch", Some(7), Some(50), None));
    assert!(has_reason(gaps, "20 % of the time is unknown"), "{gaps:#}");
    let down = tenant(&report, "down", "shop");
    assert_eq!(figures(down), ("set_limit", Some(7), Some(50), Some(10)));
    let young = tenant(&report, "young", "shop");
    assert_eq!(figures(young), ("watch", Some(7), Some(50), None));
    for (name, note) in [
        ("down", "the server was down for 24.0 hours"),
        ("s3", "the agent was restarted once"),
    ] {
        let mut servers = report["servers"].as_array().expect("servers").iter();
        let server = servers.find(|it| it["server"] == name);
        let notes = server.expect("it is there")["notes"].to_string();
        assert!(notes.contains(note), "{notes}");
    }
    names_that_changed(&report);
}

fn names_that_changed(report: &Value) {
    let renamed = tenant(report, "s4", "new_name");
    assert_eq!(figures(renamed), ("watch", Some(7), Some(50), None));
    let reason = "it was named old_name before";
    assert!(has_reason(renamed, reason), "{renamed:#}");
    let reused = tenant(report, "s4", "reused");
    assert_eq!(figures(reused), ("set_limit", Some(7), Some(50), Some(10)));
    let mut tenants = report["tenants"].as_array().expect("tenants").iter();
    assert!(tenants.all(|it| it["datname"] != "old_name"), "it is gone");
}

async fn a_partial_sum_is_none(address: SocketAddr) {
    let (code, report) = json(address, &["--together", "s0,down"]).await;
    let needed = &report["together"]["max_connections"];
    assert_eq!((code, needed.is_u64()), (Some(1), true), "{report:#}");
    assert_eq!(report["together_details"]["partial_steps"], 288);
    for with in ["s0,gaps", "s0,young"] {
        let (code, report) = json(address, &["--together", with]).await;
        let needed = &report["together"]["max_connections"];
        assert_eq!((code, needed), (Some(3), &Value::Null), "{with}");
    }
}

#[tokio::test]
async fn two_weeks_of_nine_servers_are_advice() {
    let prometheus = prometheus(&made_up::history()).await;
    check_all(prometheus.address()).await;
    // Every number can be traced, and no name leaves its line.
    let output = advise(prometheus.address(), &["--explain", "--together", SIX]).await;
    let page = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{page}");
    for part in [
        "alter database \"shop\" connection limit 10;",
        "85 connections at the same time; the sum of their peaks is 195",
        "max by (server) (max_over_time(pgcommons_server_connections_peak{server=\"s0\"}[299999ms]))",
        " points, 10 to 30 (first at ",
        "max_over_time(pgcommons_database_connections_peak{server=\"s1\"}[3599999ms])",
        "max_over_time(pgcommons:database_connections:peak_5m{server=\"s2\"}[3599999ms])",
        r#"U&"a""b\+00000Ac\+00001B""#,
    ] {
        assert!(page.contains(part), "{part}:\n{page}");
    }
    assert!(!page.contains('\u{1b}'), "{page}");
    for (args, problem) in [
        (&["--together", "s0,nobody"], "no data of a server nobody"),
        (&["--without", "nobody"], "no server has a database nobody"),
        (&["--server", "nobody"], "no data of a server nobody"),
    ] {
        let output = advise(prometheus.address(), args).await;
        let message = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(
            (output.status.code(), message.lines().count()),
            (Some(3), 1),
            "{message}"
        );
        assert!(message.contains(problem), "{message}");
    }
}

#[tokio::test]
async fn a_prometheus_without_the_agent_cannot_tell() {
    let prometheus = prometheus("up{job=\"x\"} 1 1795910400\n# EOF\n").await;
    let output = advise(prometheus.address(), &[]).await;
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("is the agent scraped?"), "{message}");
}

#[tokio::test]
#[ignore = "needs VictoriaMetrics: make victoria"]
async fn victoria_metrics_gives_the_same_advice() {
    let victoria = Prometheus::victoria().await;
    import(victoria.address(), &made_up::history());
    // What was imported is found a second later.
    eventually(Duration::from_secs(30), "all samples", async || {
        let last = "count(count_over_time(pgcommons_server_cores[14d]) > 150)";
        let servers = victoria.instant(last).await.first()?.value;
        (servers > 8.5).then_some(())
    })
    .await;
    check_all(victoria.address()).await;
}
