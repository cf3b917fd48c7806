//! A name that cannot be looked up, and then can.

use std::fs;
use std::process::{Command, Stdio};

use super::witness::Witness;
use super::{BRISK, assert_unready, down, failures, until_up};
use crate::support::{AGENT, Agent, AgentSpec, create_agent_role, trusting};

/// Puts these two in the place of the machine's own, for one process and what it becomes.
const SCRIPT: &str = "mount --bind \"$1\" /etc/hosts && mount --bind \"$2\" /etc/resolv.conf && \
                      shift 2 && exec \"$@\"";

#[tokio::test]
async fn a_name_that_is_unknown_for_a_while_is_looked_up_again() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (hosts, resolver) = (
        folder.path().join("hosts"),
        folder.path().join("resolv.conf"),
    );
    fs::write(&hosts, "127.0.0.1 localhost\n").expect("the folder is ours");
    // Nobody answers there, and that is said at once.
    fs::write(&resolver, "nameserver 127.0.0.1\n").expect("the folder is ours");
    let paths = [&hosts, &resolver].map(|path| path.display().to_string());
    let through = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        SCRIPT,
        "sh",
    ];
    let through = [&through[..], &[&paths[0], &paths[1]]].concat();
    let probe = Command::new(through[0])
        .args(&through[1..])
        .arg("true")
        .stderr(Stdio::null())
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a file cannot be put in the place of /etc/hosts here");
        return;
    }

    let dsn = format!("postgres://{AGENT}@db.test:{}/postgres", cluster.port());
    let config = format!("{BRISK}servers: {{a: {{dsn: '{dsn}'}}}}\n");
    let spec = AgentSpec {
        config: Some(&config),
        through: &through,
        ..AgentSpec::default()
    };
    let agent = Agent::start(spec).await;
    let mut witness = Witness::of("a name that is not found", &agent);
    let page = agent
        .scrape_until("not found", |page| failures(page, "dns") > 2.0)
        .await;
    assert!(down(&page, "a"), "{}", page.text());
    assert_unready(&agent, "dns").await;
    fs::write(&hosts, "127.0.0.1 localhost db.test\n").expect("the folder is ours");
    witness.over();
    until_up(&agent).await;
    witness.report();
}
