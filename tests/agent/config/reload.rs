//! SIGHUP: the agent reads the file again. Servers that did not change keep their sessions.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::support::{Agent, AgentSpec, Cluster, Scrape, TestSession, eventually, must_run};

const LIMIT: Duration = Duration::from_secs(20);
const FAST: &str = "poll: {interval: 100ms}\n";

/// An agent and its configuration file, which a test can rewrite.
pub(super) struct Reloadable {
    pub(super) agent: Agent,
    file: NamedTempFile,
}

impl Reloadable {
    pub(super) async fn start(config: &str) -> Self {
        let file = NamedTempFile::new().expect("a temporary file can be made");
        fs::write(&file, config).expect("a temporary file can be written");
        let path = file.path().to_str().expect("a UTF-8 path");
        let spec = AgentSpec {
            args: &["--config.file", path],
            ..AgentSpec::default()
        };
        Self {
            agent: Agent::start(spec).await,
            file,
        }
    }

    pub(super) fn reload(&self, config: &str) {
        fs::write(&self.file, config).expect("a temporary file can be written");
        self.agent.signal("HUP");
    }
}

fn servers(entries: &[(&str, &str)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(name, dsn)| format!("{name}: {{dsn: '{dsn}'}}"))
        .collect();
    format!("servers: {{{}}}\n", entries.join(", "))
}

fn up(page: &Scrape, server: &str) -> bool {
    page.value("pg_up", &[("server", server)]) == Some(1.0)
}

fn polls(page: &Scrape) -> f64 {
    page.sum(
        "pgcommons_polls_total",
        &[("poll", "activity"), ("outcome", "ok")],
    )
}

/// PID and role of each of the agent's sessions, separated by blanks.
pub(super) async fn backends(admin: &TestSession) -> String {
    let query = "SELECT coalesce(string_agg(pid || ':' || usename, ' '), '') \
                 FROM pg_stat_activity WHERE application_name = 'pgcommons'";
    admin.value(query).await.expect("text")
}

fn budget(page: &Scrape) -> Option<f64> {
    page.value(
        "pgcommons_database_connections_limit",
        &[("datname", "postgres"), ("kind", "budget")],
    )
}

#[tokio::test]
async fn a_changed_budget_or_interval_applies_in_the_same_session() {
    let cluster = Cluster::start(&[]);
    let one = servers(&[("a", &cluster.superuser_url())]);
    let slow = "poll: {interval: 1h, window: 1h}\n";
    let reloadable = Reloadable::start(&format!(
        "{slow}budgets: {{postgres: {{connections: 7}}}}\n{one}"
    ))
    .await;
    reloadable
        .agent
        .scrape_until("up", |page| up(page, "a") && budget(page) == Some(7.0))
        .await;
    let admin = cluster.admin().await;
    let before = backends(&admin).await;
    reloadable.reload(&format!(
        "{FAST}budgets: {{postgres: {{connections: 9}}}}\n{one}"
    ));
    reloadable
        .agent
        .scrape_until("the new budget", |page| budget(page) == Some(9.0))
        .await;
    reloadable
        .agent
        .scrape_until("many polls", |page| polls(page) > 5.0)
        .await;
    assert_eq!(backends(&admin).await, before);
}

#[tokio::test]
async fn added_and_removed_servers_get_and_lose_their_sessions() {
    let (a, b) = (Cluster::start(&[]), Cluster::start(&[]));
    let (a_url, b_url) = (a.superuser_url(), b.superuser_url());
    let reloadable = Reloadable::start(&format!("{FAST}{}", servers(&[("a", &a_url)]))).await;
    reloadable
        .agent
        .scrape_until("a", |page| up(page, "a"))
        .await;
    let (of_a, of_b) = (a.admin().await, b.admin().await);
    let before = backends(&of_a).await;

    reloadable.reload(&format!(
        "{FAST}{}",
        servers(&[("a", &a_url), ("b", &b_url)])
    ));
    reloadable
        .agent
        .scrape_until("both", |page| up(page, "a") && up(page, "b"))
        .await;
    assert_eq!(
        backends(&of_a).await,
        before,
        "the session of a is the same"
    );

    reloadable.reload(&format!("{FAST}{}", servers(&[("b", &b_url)])));
    let of_server_a = |page: &Scrape| page.text().contains("server=\"a\"");
    let page = reloadable
        .agent
        .scrape_until("b alone", |page| !of_server_a(page))
        .await;
    assert!(up(&page, "b"), "{}", page.text());
    assert_eq!(reloadable.agent.get("/metrics?server=a").await.status, 404);
    eventually(LIMIT, "the session of a is closed", async || {
        backends(&of_a).await.is_empty().then_some(())
    })
    .await;
    let polled = polls(&page);
    let page = reloadable
        .agent
        .scrape_until("b is polled", |page| polls(page) > polled + 3.0)
        .await;
    assert!(!of_server_a(&page), "a is back");
    assert!(!backends(&of_b).await.is_empty());
}

#[tokio::test]
async fn a_changed_target_gets_a_new_connection() {
    let cluster = Cluster::start(&[]);
    let create = |role| format!("CREATE ROLE {role} LOGIN PASSWORD 'pw' IN ROLE pg_monitor; ");
    cluster.sql(&[create("old"), create("new")].concat()).await;
    let of_role = |role| {
        format!(
            "{FAST}{}",
            servers(&[("a", &cluster.url(role, "pw", "postgres"))])
        )
    };
    let reloadable = Reloadable::start(&of_role("old")).await;
    reloadable
        .agent
        .scrape_until("up", |page| up(page, "a"))
        .await;
    reloadable.reload(&of_role("new"));
    let admin = cluster.admin().await;
    eventually(LIMIT, "one session, of the new role", async || {
        let seen = backends(&admin).await;
        (seen.ends_with(":new") && !seen.contains(' ')).then_some(())
    })
    .await;
    reloadable
        .agent
        .scrape_until("up again", |page| up(page, "a"))
        .await;
}

fn reloaded_at(page: &Scrape) -> Option<f64> {
    page.value(
        "pgcommons_config_last_reload_success_timestamp_seconds",
        &[],
    )
}

async fn until_reload_is(reloadable: &Reloadable, successful: f64) -> Scrape {
    let has_result = |page: &Scrape| {
        page.value("pgcommons_config_last_reload_successful", &[]) == Some(successful)
    };
    reloadable
        .agent
        .scrape_until("the result of the reload", has_result)
        .await
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_is_logged_once() {
    let cluster = Cluster::start(&[]);
    let good = format!("{FAST}{}", servers(&[("a", &cluster.superuser_url())]));
    let reloadable = Reloadable::start(&good).await;
    reloadable
        .agent
        .scrape_until("up", |page| up(page, "a"))
        .await;
    let before = until_reload_is(&reloadable, 1.0).await;
    let admin = cluster.admin().await;
    let session = backends(&admin).await;
    let errors = || reloadable.agent.log().matches(" ERROR ").count();
    for (n, bad) in [
        "servers: {a: {port: x}, b: {port: y}}\n",
        "servers: {a\n",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        reloadable.reload(bad);
        eventually(LIMIT, "the problem is logged", async || {
            (errors() > n).then_some(())
        })
        .await;
        let page = until_reload_is(&reloadable, 0.0).await;
        assert_eq!(reloaded_at(&page), reloaded_at(&before));
        let polled = polls(&page);
        let goes_on = |page: &Scrape| up(page, "a") && polls(page) > polled + 2.0;
        reloadable.agent.scrape_until("polls go on", goes_on).await;
        assert_eq!(errors(), n + 1, "{}", reloadable.agent.log());
    }
    reloadable.reload(&good);
    let page = until_reload_is(&reloadable, 1.0).await;
    assert!(reloaded_at(&page) > reloaded_at(&before));
    assert_eq!(backends(&admin).await, session);
}

/// A named pipe stands for a mount that hangs: opening the file blocks, and the rest of the agent must not wait.
#[tokio::test]
async fn a_file_that_hangs_does_not_stop_the_polls() {
    let cluster = Cluster::start(&[]);
    let url = cluster.superuser_url();
    let config = |budget: u32| {
        let budgets = format!("budgets: {{postgres: {{connections: {budget}}}}}\n");
        format!("{FAST}{budgets}{}", servers(&[("a", &url)]))
    };
    let agent = Reloadable::start(&config(7)).await;
    let is = |budget: f64| move |page: &Scrape| self::budget(page) == Some(budget);
    agent.agent.scrape_until("the first", is(7.0)).await;
    let pipe = agent.file.path().with_extension("pipe");
    must_run(Command::new("mkfifo").arg(&pipe));
    fs::rename(&pipe, agent.file.path()).expect("the file is ours");
    agent.agent.signal("HUP");
    let before = polls(&agent.agent.scrape().await);
    let goes_on = |page: &Scrape| polls(page) > before + 5.0;
    let page = agent.agent.scrape_until("polls go on", goes_on).await;
    assert!(is(7.0)(&page), "{}", page.text());

    // The read ends when the pipe is written. The agent then handles the second SIGHUP.
    agent.agent.signal("HUP");
    let mut writer = File::options()
        .write(true)
        .open(agent.file.path())
        .expect("the agent reads");
    fs::write(&pipe, config(9)).expect("a temporary file can be written");
    fs::rename(&pipe, agent.file.path()).expect("the file is ours");
    writer
        .write_all(config(8).as_bytes())
        .expect("the agent reads");
    drop(writer);
    agent.agent.scrape_until("the last", is(9.0)).await;
    assert_eq!(
        agent.agent.log().matches("configuration reloaded").count(),
        2
    );
}

#[tokio::test]
async fn a_listen_address_that_is_put_back_is_not_warned_of() {
    let cluster = Cluster::start(&[]);
    let one = servers(&[("a", &cluster.superuser_url())]);
    let reloadable = Reloadable::start(&one).await;
    let logged = |text: &str| reloadable.agent.log().matches(text).count();
    for (config, warnings) in [
        (format!("{one}log: {{level: debug}}\n"), 1),
        (one.clone(), 1),
        (one.clone(), 1),
    ] {
        let before = logged("configuration reloaded");
        reloadable.reload(&config);
        eventually(LIMIT, "reloaded", async || {
            (logged("configuration reloaded") > before).then_some(())
        })
        .await;
        assert_eq!(logged("take effect at the next start"), warnings);
    }
}
