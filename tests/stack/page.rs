//! The live page in a real browser: with no, one, 20 and 500 databases, hostile names, a server that is down, an agent that does not answer;
//! wide and narrow, light and dark. Chromium reports violations of the policy, and axe-core what hinders people.

mod history;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::backups;
use crate::support::{
    AGENT, Agent, AgentSpec, Cluster, TestSession, create_agent_role, create_tenant, fresh, quoted,
    sessions, trusting,
};

/// The folder of the pictures, unless `PAGES_IN` is set.
const FOLDER: &str = "target/pictures/page";
const TENANTS: [&str; 13] = [
    "azure_specstory",
    "billing",
    "calibre_web",
    "ctx_eco",
    "docs",
    "forum",
    "notes",
    "reports",
    "shop",
    "telegram_bot",
    "temporal",
    "wiki",
    "zep",
];
/// In an address, a style, a script, an attribute; of 63 bytes; that turns the direction of a line.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>\"'&",
    "💥🐘👩‍🚀🏳️‍🌈👨‍👩‍👧‍👦",
    "' onmouseover='alert(1)' x=\"",
    "../../../metrics?a#b",
    "\u{202e}nimda\u{1b}[2J",
    "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
];

async fn create_tenants(cluster: &Cluster) -> Vec<TestSession> {
    let mut open = Vec::new();
    for (tenant, connections) in TENANTS
        .into_iter()
        .zip([2, 9, 1, 4, 3, 12, 1, 2, 7, 9, 5, 6, 2])
    {
        create_tenant(cluster, tenant, 12).await;
        open.extend(sessions(cluster, tenant, connections).await);
    }
    for name in HOSTILE {
        let name = quoted(name);
        for create in [
            format!("CREATE ROLE {name} LOGIN"),
            format!("CREATE DATABASE {name} OWNER {name} CONNECTION LIMIT 8"),
        ] {
            cluster.sql(&create).await;
        }
    }
    for name in &HOSTILE[..2] {
        let session = cluster.connect(name, name, name).await;
        let session = session.expect("the owner may connect");
        let application = format!(
            "SET application_name = '{}'",
            HOSTILE[0].replace('\'', "''")
        );
        session.batch_execute(&application).await.expect("a name");
        open.push(session);
    }
    open
}

/// Rows of the catalogue without files: making 500 databases would take minutes and gigabytes.
async fn create_many(cluster: &Cluster) {
    let insert = "INSERT INTO pg_database SELECT (jsonb_populate_record(d, jsonb_build_object(
        'oid', 100000 + n, 'datname', 'tenant_' || n, 'datistemplate', false, 'datconnlimit', n % 40))).*
        FROM pg_database d, generate_series(1, 500) n WHERE datname = 'template1'";
    cluster.sql(insert).await;
}

struct Pages {
    /// The server with 20 databases, and one that is down.
    full: Agent,
    none: Agent,
    one: Agent,
    many: Agent,
}

async fn agent(cluster: &Cluster, more: &str, args: &[&str]) -> Agent {
    let url = cluster.url(AGENT, AGENT, "postgres");
    let config = format!(
        "poll: {{interval: 500ms}}\nstats: {{interval: 1s}}\nsizes: {{interval: 1s, max_time_fraction: 0.5}}\nbackups: {{interval: 1s}}\n\
         servers:\n  main:\n    dsn: '{url}'\n{more}"
    );
    let agent = Agent::start(AgentSpec {
        args,
        config: Some(&config),
        ..AgentSpec::default()
    })
    .await;
    fresh(&agent).await;
    agent
}

const MAIN: &str = "    storage: {size: 2GiB}
    budgets:
      wiki: {connections: 5, size: 24MiB, owner: bob}
      shop: {size: 8MiB, owner: alice}
  spare: {host: 127.0.0.1, port: 1}
notify: [{name: ops, webhook: 'http://127.0.0.1:1/'}, {ntfy: 'http://127.0.0.1:1/t', min_severity: none, heartbeat: 1h}]
";

impl Pages {
    async fn start(cluster: &Cluster, large: &Cluster, state: &Path) -> Self {
        let folder = state.join("backups");
        backups::make(&folder);
        let main = format!("{}{MAIN}", backups::configuration("main", &folder));
        let state = state.to_str().expect("a UTF-8 path");
        Self {
            full: agent(cluster, &main, &["--state.dir", state]).await,
            none: agent(cluster, "    databases: {exclude: ['*']}\n", &[]).await,
            one: agent(cluster, "    databases: {include: [forum]}\n", &[]).await,
            many: agent(large, "", &[]).await,
        }
    }

    fn visits(&self) -> Value {
        let page = |agent: &Agent, path: &str| format!("http://{}{path}", agent.address());
        let main = page(&self.full, "/");
        let forum = page(&self.full, "/tenant/main/forum");
        let hostile = page(
            &self.full,
            "/tenant/main/%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%26",
        );
        json!([
            {"name": "light", "url": main, "width": 1400, "scheme": "light", "check": "refresh"},
            {"name": "page", "url": main, "width": 1400, "scheme": "light"},
            {"name": "dark", "url": main, "width": 1400, "scheme": "dark", "whole": true},
            {"name": "phone-light", "url": main, "width": 360, "scheme": "light", "whole": true},
            {"name": "phone-dark", "url": main, "width": 360, "scheme": "dark", "check": "refresh"},
            {"name": "no-script", "url": main, "width": 1400, "scheme": "light", "check": "reload"},
            {"name": "tenant-light", "url": forum, "width": 1400, "scheme": "light", "whole": true},
            {"name": "tenant-phone", "url": forum, "width": 360, "scheme": "dark", "whole": true},
            {"name": "tenant-hostile", "url": hostile, "width": 1400, "scheme": "light", "whole": true},
            {"name": "tenants-0", "url": page(&self.none, "/"), "width": 1400, "scheme": "light", "whole": true},
            {"name": "tenants-1", "url": page(&self.one, "/"), "width": 1400, "scheme": "dark", "whole": true},
            {"name": "tenants-500", "url": page(&self.many, "/?databases=all"), "width": 1400, "scheme": "light"},
            {"name": "tenants-500-phone", "url": page(&self.many, "/"), "width": 360, "scheme": "light"},
            {"name": "stale", "url": main, "width": 1400, "scheme": "light", "check": "stale", "pid": self.full.pid()},
        ])
    }
}

/// Panics with the faults that the browser found.
fn visit(visits: &Value) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var("PAGES_IN").unwrap_or_else(|_| FOLDER.to_owned());
    let mut child = Command::new(project.join("tests/stack/page/visit"))
        .arg(project.join(folder))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tool can be run");
    let mut input = child.stdin.take().expect("a pipe");
    input
        .write_all(visits.to_string().as_bytes())
        .expect("the tool reads");
    drop(input);
    let output = child.wait_with_output().expect("the tool ends");
    let [out, faults] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    crate::print_line(&out);
    assert!(output.status.success(), "{out}{faults}");
}

#[tokio::test]
#[ignore = "make pictures: it fetches a browser"]
async fn a_browser_finds_no_fault_in_the_page() {
    let cluster = trusting(&[("max_connections", "100")]).await;
    create_agent_role(&cluster).await;
    let _open = create_tenants(&cluster).await;
    let large = trusting(&[("allow_system_table_mods", "on"), ("autovacuum", "off")]).await;
    create_agent_role(&large).await;
    create_many(&large).await;
    let state = tempfile::tempdir().expect("a temporary folder can be made");
    history::write(&state.path().join("history"), &TENANTS);
    let pages = Pages::start(&cluster, &large, state.path()).await;
    let log = pages.full.log();
    assert!(!log.contains("history begins again"), "{log}");
    let visits = pages.visits();
    tokio::task::spawn_blocking(move || visit(&visits))
        .await
        .expect("no fault");
}
