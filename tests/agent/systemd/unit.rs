//! Compares the sandbox of `deploy/systemd/pgcommons.service` with the system calls of the agent from start to stop. strace
//! records them, because the tests have no systemd that enforces the sandbox.

use std::collections::BTreeSet;
use std::process::Command;

use super::{LIMIT, Systemd};
use crate::support::{Agent, AgentSpec, Cluster, SUPERUSER, SUPERUSER_PASSWORD, WebFolder};

const UNIT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/deploy/systemd/pgcommons.service"
);

/// The C library uses netlink to sort the addresses of a name, and works without it.
const OPTIONAL_FAMILY: &str = "AF_NETLINK";

/// The values of a key, which may be set more than once; values after `~` are returned separately.
fn words<'a>(unit: &'a str, key: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    let values = unit.lines().filter_map(|line| line.strip_prefix(key));
    for value in values.filter_map(|value| value.strip_prefix('=')) {
        match value.strip_prefix('~') {
            Some(value) => refused.extend(value.split_whitespace()),
            None => allowed.extend(value.split_whitespace()),
        }
    }
    (allowed, refused)
}

/// The system calls of a set, from the systemd of this machine.
fn members(set: &str, found: &mut BTreeSet<String>) {
    let output = Command::new("systemd-analyze")
        .args(["syscall-filter", "--no-pager", set])
        .output()
        .expect("systemd-analyze is installed");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let words = text.lines().skip(1).map(str::trim);
    for word in words.filter(|word| !word.is_empty() && !word.starts_with('#')) {
        if word.starts_with('@') {
            members(word, found);
        } else {
            found.insert(word.to_owned());
        }
    }
}

fn all_members(sets: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for set in sets {
        members(set, &mut found);
    }
    found
}

/// The system calls that the unit allows. systemd always allows `@default`.
fn allowed_calls(unit: &str) -> BTreeSet<String> {
    let (allowed, refused) = words(unit, "SystemCallFilter");
    assert!(!allowed.is_empty() && !refused.is_empty(), "{unit}");
    let allowed = &all_members(&allowed) - &all_members(&refused);
    &allowed | &all_members(&["@default"])
}

/// The name and the arguments of the call in a line of strace: PID, call, result.
fn call(line: &str) -> Option<(&str, &str)> {
    let (_, call) = line.trim_start().split_once(char::is_whitespace)?;
    let (name, rest) = call.trim_start().split_once('(')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_name).then_some((name, rest))
}

fn write_web_file(web: &WebFolder) -> String {
    // The password "secret", cost 4.
    let hash = bcrypt::hash("secret", 4).expect("a hash");
    web.write(&format!(
        "tls_server_config: {{cert_file: web.crt, key_file: web.key}}\nbasic_auth_users: {{scraper: {hash}}}\n"
    ))
}

/// Runs an agent with TLS on both sides, users, servers over TCP and over a socket, a program that prints a password, systemd, and a
/// reload.
async fn run_traced(trace: &str) {
    let cluster = Cluster::start_tls(&[], "hostnossl all all all reject\n");
    let (systemd, web) = (Systemd::listen(false), WebFolder::new());
    let web_file = write_web_file(&web);
    let (port, ca, socket) = (cluster.port(), &cluster.tls().ca, cluster.socket_dir());
    let config = format!(
        "poll: {{interval: 100ms}}\nstats: {{interval: 1s}}\nsizes: {{interval: 1s}}\nservers:\n  \
         tls: {{host: localhost, port: {port}, user: {SUPERUSER}, password: {SUPERUSER_PASSWORD}, \
         sslmode: verify-full, sslrootcert: {}}}\n  \
         command: {{host: localhost, port: {port}, user: {SUPERUSER}, sslmode: require, \
         password_command: [/bin/sh, -c, 'sleep 0.1; echo {SUPERUSER_PASSWORD}']}}\n  \
         socket: {{host: {}, port: {port}, user: {SUPERUSER}, password: {SUPERUSER_PASSWORD}, storage: {{path: /dev/shm}}}}\n",
        ca.display(),
        socket.display()
    );
    let mut agent = Agent::start(AgentSpec {
        args: &["--web.config.file", &web_file],
        env: &[
            ("NOTIFY_SOCKET", &systemd.name),
            ("WATCHDOG_USEC", "400000"),
        ],
        config: Some(&config),
        // With -D the started process is the agent, and strace runs as its grandchild.
        through: &["strace", "-D", "-f", "-qq", "-s", "0", "-o", trace],
    })
    .await;
    systemd.until("STATUS=3 of 3 servers up").await;
    let scraper = [("Authorization", "Basic c2NyYXBlcjpzZWNyZXQ=")];
    let page = web
        .client()
        .request(agent.address(), "GET", "/metrics", &scraper);
    assert_eq!(page.expect("an answer").status, 200);
    systemd.until("WATCHDOG=1").await;
    agent.signal("HUP");
    systemd.until("READY=1").await;
    agent.signal("TERM");
    let ended = agent.wait(LIMIT).await.expect("it ends");
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn the_unit_allows_all_system_calls_of_the_agent() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("trace");
    run_traced(path.to_str().expect("a UTF-8 path")).await;
    let trace = std::fs::read_to_string(&path).expect("strace has written it");
    let calls: Vec<_> = trace.lines().filter_map(call).collect();

    let unit = std::fs::read_to_string(UNIT).expect("the unit can be read");
    let allowed = allowed_calls(&unit);
    let names: BTreeSet<_> = calls.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(names.len() > 30 && names.contains("statfs"), "{names:?}");
    assert!(
        names.contains("waitid") && names.contains("kill"),
        "{names:?}"
    );
    let refused = &names - &allowed;
    assert!(refused.is_empty(), "{refused:?}");

    let families = words(&unit, "RestrictAddressFamilies").0;
    for (name, arguments) in calls {
        let family = arguments.split([',', ')']).next().unwrap_or_default();
        let known = families.contains(&family) || family == OPTIONAL_FAMILY;
        assert!(name != "socket" || known, "{name}({arguments}");
        // MemoryDenyWriteExecute refuses writable and executable mappings, and later PROT_EXEC.
        let runs = arguments.contains("PROT_EXEC");
        let is_refused = name == "mmap" && arguments.contains("PROT_WRITE") || name == "mprotect";
        assert!(!(runs && is_refused), "{name}({arguments}");
    }
}
