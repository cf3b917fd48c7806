//! Programs that print the password of a login, and what can go wrong with them. Nothing of what they print may be in the log, which
//! has the most detailed level here.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::{
    FREQUENT, LIMIT, PASSWORD, ROLE, backend, down, failures, logins, polls, terminate, until_up,
    up, watched_cluster,
};
use crate::support::{Agent, AgentSpec, Cluster, Scrape, eventually, run};

/// The beginning of everything that the programs print.
const MARK: &str = "printed-by-the-program-";

/// A program, and the files that it uses.
struct Program(TempDir);

impl Program {
    fn new(script: &str) -> Self {
        let program = Self(tempfile::tempdir().expect("a temporary folder can be made"));
        program.replace(script);
        program
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program that runs keeps its old text.
    fn replace(&self, script: &str) {
        let folder = self.0.path().display();
        let text = format!("#!/bin/sh\ncd '{folder}'\n{script}\n");
        fs::write(self.path("new"), text).expect("a temporary folder can be written");
        fs::set_permissions(self.path("new"), Permissions::from_mode(0o755)).expect("it is ours");
        fs::rename(self.path("new"), self.path("program")).expect("it is ours");
    }

    fn number(&self, name: &str) -> Option<u32> {
        let text = fs::read_to_string(self.path(name)).ok()?;
        text.trim().parse().ok()
    }

    /// The entry of a server that uses it.
    fn server(&self, cluster: &Cluster) -> String {
        let (port, program) = (cluster.port(), self.path("program"));
        format!(
            "{{host: 127.0.0.1, port: {port}, user: {ROLE}, password_command: ['{}', argument], password_command_timeout: 1s}}",
            program.display()
        )
    }
}

/// An agent that also polls `b`, whose password is in the configuration.
async fn start(program: &Program, cluster: &Cluster) -> Agent {
    let other = cluster.url(ROLE, PASSWORD, "postgres");
    let server = program.server(cluster);
    let config = format!("{FREQUENT}servers: {{a: {server}, b: {{dsn: '{other}'}}}}\n");
    let spec = AgentSpec {
        args: &["--log.level", "debug"],
        config: Some(&config),
        ..AgentSpec::default()
    };
    Agent::start(spec).await
}

/// The text that a shell prints as the password of login `n`, with so many digits.
fn token(n: u32, digits: usize) -> String {
    format!("{MARK}{n:0digits$}")
}

fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| stat.contains(") Z "))
}

/// How many processes have this parent, with those that were not waited for.
fn children(parent: u32) -> usize {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    let stats = entries.filter_map(|it| fs::read_to_string(it.ok()?.path().join("stat")).ok());
    let parents = stats.filter_map(|stat| {
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(1)?.parse::<u32>().ok()
    });
    parents.filter(|it| *it == parent).count()
}

/// How much memory the agent holds, in kB.
fn resident(agent: &Agent) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.expect("a number of kilobytes")
}

/// The server accepts each token once.
#[tokio::test]
async fn each_login_has_the_token_that_was_printed_for_it() {
    let cluster = watched_cluster().await;
    // As many as an access token has. PostgreSQL 13 takes passwords of up to 1024 bytes.
    let is_new = cluster.major_version().await >= 14;
    let digits = if is_new { 4000 } else { 900 };
    let program = Program::new(&format!(
        "test \"$1\" = argument || exit 9\n\
         n=$(($(cat count 2>/dev/null || echo 0) + 1)); echo $n >count; printf '{MARK}%0{digits}d\\n' $n"
    ));
    let set = async |n: u32| {
        let sql = format!("ALTER ROLE {ROLE} PASSWORD '{}'", token(n, digits));
        cluster.sql(&sql).await;
    };
    set(1).await;
    let server = program.server(&cluster);
    let config = format!("{FREQUENT}servers: {{a: {server}}}\n");
    let agent = Agent::start(AgentSpec {
        args: &["--log.level", "debug"],
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    until_up(&agent).await;
    for n in 2..=4 {
        set(n).await;
        let admin = cluster.admin().await;
        let old = backend(&admin).await;
        terminate(&admin, &old).await;
        let login = eventually(LIMIT, "the next login", async || {
            (logins(&cluster) == n as usize).then_some(())
        });
        login.await;
        until_up(&agent).await;
    }
    assert_eq!(program.number("count"), Some(4), "one run for each login");
    let page = until_up(&agent).await;
    assert!(failures(&page, "auth") < 1.0, "{}", agent.log());
    assert!(!agent.log().contains(MARK), "{}", agent.log());
    assert!(!page.text().contains(MARK));
}

/// How many logins to `a` have failed because of its program.
fn failed(page: &Scrape) -> f64 {
    let labels = [("server", "a"), ("reason", "credentials")];
    let count = page.value("pgcommons_connect_failures_total", &labels);
    count.expect("every reason has a series from the start")
}

/// Asserts that no login succeeds, why, and that the other server is polled.
async fn assert_fails(agent: &Agent, message: &str) {
    let is_wanted = |page: &Scrape| failed(page) > 1.0 && up(page, "b");
    let page = agent.scrape_until(message, is_wanted).await;
    assert!(down(&page, "a"), "{}", page.text());
    assert!(agent.log().contains(message), "{}", agent.log());
    let polled = polls(&page, "b", "ok");
    let next = |page: &Scrape| polls(page, "b", "ok") > polled + 5.0;
    agent.scrape_until("b is polled", next).await;
}

#[tokio::test]
async fn a_program_that_fails_stops_no_other_poll_and_its_output_is_nowhere() {
    let cluster = watched_cluster().await;
    for (script, message) in [
        ("echo MARK; echo MARK >&2; exit 3", "exit status: 3"),
        ("echo MARK; echo MARK", "one line of text"),
        ("true", "one line of text"),
        ("yes MARK", "more than 65535 bytes"),
    ] {
        let program = Program::new(&script.replace("MARK", MARK));
        let agent = start(&program, &cluster).await;
        let before = agent.scrape_until("b", |page| up(page, "b")).await;
        let before = (failed(&before), resident(&agent));
        assert_fails(&agent, message).await;
        let again = |page: &Scrape| failed(page) > before.0 + 2.0;
        let page = agent.scrape_until("two more logins", again).await;
        let more = resident(&agent).saturating_sub(before.1);
        assert!(more < 4096, "{message}: {more} kB more than before");
        assert!(!agent.log().contains(MARK) && !page.text().contains(MARK));
        let none = async || (children(agent.pid()) == 0).then_some(());
        eventually(LIMIT, "no program and no zombie", none).await;
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_its_children_and_stops_no_other_poll() {
    let cluster = watched_cluster().await;
    let program = Program::new(&format!(
        "echo $$ >own; sh -c 'echo $$ >child; sleep 1000' & echo {MARK}; wait; echo {MARK}"
    ));
    let agent = start(&program, &cluster).await;
    assert_fails(&agent, "no password within 1s").await;
    let [own, child] = ["own", "child"].map(|it| program.number(it).expect("it wrote it"));
    program.replace(&format!("echo '{PASSWORD}'"));
    agent.scrape_until("up", |page| up(page, "a")).await;
    for pid in [own, child] {
        eventually(LIMIT, "it ends", async || has_ended(pid).then_some(())).await;
    }
    let none = async || (children(agent.pid()) == 0).then_some(());
    eventually(LIMIT, "no program and no zombie", none).await;
    assert!(!agent.log().contains(MARK), "{}", agent.log());
}

#[tokio::test]
async fn a_process_that_the_program_leaves_behind_is_killed() {
    let cluster = watched_cluster().await;
    let program = Program::new(&format!("sleep 1000 & echo $! >child; echo '{PASSWORD}'"));
    let agent = start(&program, &cluster).await;
    until_up(&agent).await;
    let child = program.number("child").expect("the program wrote it");
    eventually(LIMIT, "the child ends", async || {
        has_ended(child).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_agent_ends_the_program() {
    let cluster = watched_cluster().await;
    let program = Program::new("echo $$ >own; exec sleep 1000");
    let server = program.server(&cluster).replace("1s", "60s");
    let config = format!("servers: {{a: {server}}}\n");
    let mut agent = Agent::start(AgentSpec {
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    let pid = eventually(LIMIT, "it runs", async || program.number("own")).await;
    assert!(!has_ended(pid));
    agent.signal("TERM");
    assert!(agent.wait(super::STOP_LIMIT).await.is_some(), "it hangs");
    eventually(Duration::from_secs(5), "it ends", async || {
        has_ended(pid).then_some(())
    })
    .await;
}

/// Secrets of the agent are not for the program; all else is.
#[tokio::test]
async fn commands_log_in_with_it_and_it_gets_no_secret_of_the_agent() {
    let cluster = watched_cluster().await;
    let program = Program::new(&format!("env >environment; echo '{PASSWORD}'"));
    let config = format!("servers: {{a: {}}}\n", program.server(&cluster));
    let env = [
        ("PGPASSWORD", "wrong"),
        ("PGCOMMONS__SERVERS__A__CORES", "4"),
        ("AZURE_CLIENT_ID", "kept"),
    ];
    for args in [
        &["check"] as &[&str],
        &["check", "--sessions"],
        &["audit"],
        &["plan", "--live"],
        &["role-sql"],
    ] {
        let output = run(AgentSpec {
            args,
            config: Some(&config),
            env: &env,
            ..AgentSpec::default()
        })
        .await;
        assert!(output.stderr.is_empty(), "{args:?}: {output:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(!text.contains(PASSWORD), "{args:?}: {text}");
    }
    assert!(logins(&cluster) >= 5);
    let environment = fs::read_to_string(program.path("environment")).expect("it was run");
    assert!(
        environment.contains("AZURE_CLIENT_ID=kept"),
        "{environment}"
    );
    assert!(environment.contains("PATH="), "{environment}");
    for secret in ["PGPASSWORD", "PGCOMMONS__"] {
        assert!(!environment.contains(secret), "{environment}");
    }
}
