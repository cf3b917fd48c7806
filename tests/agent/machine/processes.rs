//! CPU time and memory of processes, by database.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{configuration, watch};
use crate::support::{
    AgentSpec, Cluster, Scrape, TestSession, create_agent_role, create_tenant, run, sessions,
    trusting,
};

const BUSY: &str = "DO $$ BEGIN LOOP END LOOP; END $$";
const PROCESSES: &str = "{processes: true}";

fn cpu(page: &Scrape, datname: &str) -> Option<f64> {
    page.value(
        "pgcommons_database_cpu_seconds_total",
        &[("datname", datname)],
    )
}

fn of_server(page: &Scrape, name: &str) -> Option<f64> {
    page.value(name, &[])
}

fn ended(page: &Scrape) -> f64 {
    of_server(page, "pgcommons_server_ended_cpu_seconds_total").unwrap_or_default()
}

fn memory(page: &Scrape, datname: &str) -> Option<f64> {
    page.value(
        "pgcommons_database_private_memory_bytes",
        &[("datname", datname)],
    )
}

fn looks(page: &Scrape, outcome: &str) -> f64 {
    page.sum(
        "pgcommons_polls_total",
        &[("poll", "processes"), ("outcome", outcome)],
    )
}

/// User and system time in seconds: of the process itself, and of its children that ended.
fn kernel(pid: u32) -> [f64; 2] {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, fields) = text.rsplit_once(')').expect("a name");
    let fields: Vec<f64> = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|it| it.parse().expect("a number"))
        .collect();
    [fields[0] + fields[1], fields[2] + fields[3]].map(|ticks| ticks / 100.0)
}

/// Starts a statement that goes on until the server stops.
fn start(session: TestSession, sql: &'static str) {
    tokio::spawn(async move { drop(session.batch_execute(sql).await) });
}

async fn tenants() -> Cluster {
    let cluster = trusting(&[]).await;
    for name in ["greedy", "calm"] {
        create_tenant(&cluster, name, -1).await;
    }
    cluster
}

#[tokio::test]
async fn the_cpu_time_of_a_database_is_that_of_its_processes() {
    let cluster = tenants().await;
    let _idle = sessions(&cluster, "calm", 3).await;
    let session = sessions(&cluster, "greedy", 1).await.remove(0);
    let pid = session.backend_pid();
    start(session, BUSY);
    let agent = watch(&cluster, PROCESSES, &[]).await;
    let first = agent
        .scrape_until("it is seen", |page| cpu(page, "greedy") > Some(0.0))
        .await;
    let at_first = kernel(pid)[0];
    let last = agent
        .scrape_until("three seconds of CPU", |page| {
            cpu(page, "greedy") >= cpu(&first, "greedy").map(|seconds| seconds + 3.0)
        })
        .await;
    let kernel = kernel(pid)[0] - at_first;
    let agent_says =
        cpu(&last, "greedy").unwrap_or_default() - cpu(&first, "greedy").unwrap_or_default();
    // Each page may be older than the kernel's figure by the interval of the looks.
    assert!(
        (agent_says - kernel).abs() < 1.5,
        "{agent_says} s, {kernel} s"
    );
    assert!(cpu(&last, "calm") < Some(0.5), "{:?}", cpu(&last, "calm"));
    let server = of_server(&last, "pgcommons_server_cpu_seconds_total").unwrap_or_default();
    let sum = last.sum("pgcommons_database_cpu_seconds_total", &[]);
    assert!(
        server >= sum - 0.001 && server < sum + 3.0,
        "{server} s, {sum} s"
    );
}

/// Sampling sees nothing of sessions that live for milliseconds, and the postmaster's account has all of it.
#[tokio::test]
async fn what_short_sessions_use_is_a_sum_without_a_database() {
    let cluster = tenants().await;
    let agent = watch(&cluster, PROCESSES, &[]).await;
    let first = agent
        .scrape_until("two looks", |page| looks(page, "ok") >= 2.0)
        .await;
    let postmaster = cluster.postmaster_pid();
    let before = kernel(postmaster)[1];
    let end = Instant::now() + Duration::from_mins(1);
    while kernel(postmaster)[1] < before + 1.0 && Instant::now() < end {
        let session = sessions(&cluster, "calm", 1).await.remove(0);
        let work = "SELECT count(*) FROM generate_series(1, 50000)";
        session.batch_execute(work).await.expect("a statement");
        session.close().await;
    }
    let used = kernel(postmaster)[1] - before;
    let seen = |page: &Scrape| {
        let attributed = page.sum("pgcommons_database_cpu_seconds_total", &[]);
        (ended(page) - ended(&first), attributed)
    };
    // The account may be complete only with a later look.
    let page = agent
        .scrape_until("the account", |page| {
            let (unseen, attributed) = seen(page);
            unseen > used * 0.5 && unseen + attributed > used * 0.8
        })
        .await;
    let (unseen, _) = seen(&page);
    assert!(unseen < used + 0.5, "{unseen} s of {used} s");
}

#[tokio::test]
async fn the_private_memory_of_a_sort_belongs_to_its_database() {
    let cluster = tenants().await;
    let _idle = sessions(&cluster, "calm", 1).await;
    let session = sessions(&cluster, "greedy", 1).await.remove(0);
    let sort = "SET work_mem = '200MB'; BEGIN;
                DECLARE c CURSOR FOR SELECT n FROM generate_series(1, 600000) n ORDER BY -n; FETCH 1 FROM c";
    session.batch_execute(sort).await.expect("a sort");
    let agent = watch(&cluster, PROCESSES, &[]).await;
    let page = agent
        .scrape_until("memory", |page| memory(page, "greedy").is_some())
        .await;
    assert!(
        memory(&page, "greedy") > Some(30e6),
        "{:?}",
        memory(&page, "greedy")
    );
    assert!(
        memory(&page, "calm") < Some(15e6),
        "{:?}",
        memory(&page, "calm")
    );
    assert_eq!(memory(&page, "template1"), None);
}

/// In a namespace of its own the agent does not see the processes, as in another container.
const ALONE: [&str; 5] = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

#[tokio::test]
async fn without_the_pid_namespace_the_series_are_absent_and_check_says_what_to_add() {
    let cluster = tenants().await;
    let agent = watch(&cluster, "{processes: true, cgroup: auto}", &ALONE).await;
    let page = agent
        .scrape_until("a failed look", |page| looks(page, "error") >= 1.0)
        .await;
    for name in [
        "pgcommons_database_cpu_seconds_total",
        "pgcommons_server_cpu_seconds_total",
        "pgcommons_database_private_memory_bytes",
        "pgcommons_container_memory_used_bytes",
        "pgcommons_container_oom_kills_total",
    ] {
        assert!(page.series(name).is_empty(), "{name}");
    }
    assert!(agent.log().contains("service:postgres"), "{}", agent.log());

    let config = configuration(&cluster, PROCESSES);
    let spec = AgentSpec {
        args: &["check", "--json"],
        config: Some(&config),
        through: &ALONE,
        ..AgentSpec::default()
    };
    let text = String::from_utf8(run(spec).await.stdout).expect("text");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let note = &report["servers"][0]["not_read"][0];
    assert_eq!(note["poll"], "processes", "{text}");
    let error = note["error"].as_str().expect("a text");
    assert!(error.contains("pid: \"service:postgres\""), "{error}");
}

/// `host` is usually the name of the server, and may be this table beside `dsn`.
#[tokio::test]
async fn the_key_host_may_have_the_table() {
    let cluster = tenants().await;
    create_agent_role(&cluster).await;
    let config = configuration(&cluster, PROCESSES).replace("machine:", "host:");
    let agent = crate::support::Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    agent
        .scrape_until("CPU time", |page| cpu(page, "greedy").is_some())
        .await;
}
