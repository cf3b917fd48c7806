//! Names of every byte that PostgreSQL allows, and names that imitate others.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::values;
use crate::support::{
    AGENT, AgentSpec, Cluster, SUPERUSER, create_agent_role, failed_polls, fresh, quoted, run,
    trusting, watch,
};

/// A database with this encoding stores each character up to U+00FF as one byte.
async fn bytewise(cluster: &Cluster) {
    let latin = "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0";
    cluster.sql(latin).await;
}

/// Every byte except 0, in names of the maximum length of 63 bytes.
fn every_byte() -> Vec<String> {
    let bytes: Vec<char> = (1..=u8::MAX).map(char::from).collect();
    bytes.chunks(63).map(|name| name.iter().collect()).collect()
}

/// The label value: bytes that are not UTF-8 are escaped. No two bytes of `every_byte` form a UTF-8 character.
fn label(name: &str) -> String {
    let mut label = String::new();
    for character in name.chars() {
        if character.is_ascii() {
            label.push(character);
        } else {
            let _ = write!(label, "\\x{:02x}", u32::from(character));
        }
    }
    label
}

#[tokio::test]
async fn every_byte_may_occur_in_a_name() {
    let cluster = trusting(&[]).await;
    bytewise(&cluster).await;
    let names = every_byte();
    assert_eq!(names.concat().chars().count(), 255);
    for name in &names {
        let name = quoted(name);
        cluster
            .sql_in("latin", &format!("CREATE ROLE {name} LOGIN"))
            .await;
        cluster
            .sql_in("latin", &format!("CREATE DATABASE {name} OWNER {name}"))
            .await;
    }
    let agent = watch(&cluster, "").await;
    let page = fresh(&agent).await;
    let expected = |more: &[&str]| -> BTreeSet<String> {
        let more = more.iter().map(|name| (*name).to_owned());
        names.iter().map(|name| label(name)).chain(more).collect()
    };
    assert_eq!(values(&page, "datname"), expected(&["latin", "postgres"]));
    assert_eq!(values(&page, "rolname"), expected(&[AGENT, SUPERUSER]));
    assert_eq!(failed_polls(&page), [""; 0]);
    if let Some(path) = std::env::var_os("PAGE_OF_EVERY_BYTE") {
        std::fs::write(path, page.text()).expect("the page can be kept, for promtool");
    }
}

/// Two equal series make the whole page invalid; `Scrape` refuses it as Prometheus does.
#[tokio::test]
async fn no_name_can_duplicate_the_series_of_another() {
    let cluster = trusting(&[]).await;
    bytewise(&cluster).await;
    let alike = [r"caf\xe9", r"caf\x5cxe9", r"caf\\xe9", r"caf\xE9"];
    for name in alike {
        let create = format!("CREATE ROLE {} LOGIN", quoted(name));
        cluster.sql(&create).await;
        cluster
            .sql(&create.replace("ROLE", "DATABASE").replace("LOGIN", ""))
            .await;
    }
    for create in ["CREATE ROLE \"café\" LOGIN", "CREATE DATABASE \"café\""] {
        cluster.sql_in("latin", create).await;
    }
    // A budget applies to the database of exactly that name.
    let budget = "budgets: {'caf\\x5cxe9': {owner: literal}, 'caf\\xe9': {owner: byte}}";
    let agent = watch(&cluster, budget).await;
    let page = fresh(&agent).await;
    let shown = [
        r"caf\xe9",
        r"caf\x5cxe9",
        r"caf\x5cx5cxe9",
        r"caf\\x5cxe9",
        r"caf\xE9",
    ];
    for label in ["datname", "rolname"] {
        let mut names = values(&page, label);
        names.retain(|name| name.starts_with("caf"));
        assert_eq!(names, shown.map(str::to_owned).into());
    }
    for owner in ["literal", "byte"] {
        let info = page.value("pgcommons_database_info", &[("owner", owner)]);
        assert_eq!(info, Some(1.0), "{owner}");
    }
}

/// Names that would clear a terminal, forge a line, reverse text, or run in a browser.
const FORGED: [&str; 8] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{9b}31mred",
    "a\r\n  ok        forged",
    "\u{202e}nimda",
    "a\u{200b}dmin",
    "bell\u{7}\u{8}\u{7f}",
    "line\u{2028}break\u{85}",
    "<script>alert(1)</script>",
];

async fn forged(cluster: &Cluster) {
    for name in FORGED {
        let name = quoted(name);
        cluster
            .sql(&format!("CREATE ROLE {name} LOGIN CONNECTION LIMIT 0"))
            .await;
        cluster
            .sql(&format!("CREATE DATABASE {name} CONNECTION LIMIT 0"))
            .await;
    }
}

#[tokio::test]
async fn no_name_corrupts_the_output_of_check() {
    let cluster = trusting(&[]).await;
    forged(&cluster).await;
    create_agent_role(&cluster).await;
    let url = cluster.url(AGENT, AGENT, "postgres");
    let printed = async |args: &[&str]| {
        let env = [("DATABASE_URL", &*url)];
        let spec = AgentSpec {
            args,
            env: &env,
            config: None,
            ..AgentSpec::default()
        };
        String::from_utf8(run(spec).await.stdout).expect("UTF-8")
    };

    let text = printed(&["check"]).await;
    let harmless =
        |c: char| c == '\n' || !c.is_control() && !"\u{202e}\u{200b}\u{2028}".contains(c);
    assert!(text.chars().all(harmless), "{text:?}");
    let forged_line = |line: &str| line.starts_with("  ok        forged");
    assert!(!text.lines().any(forged_line), "{text}");
    let closed = text.lines().filter(|line| line.contains("closed"));
    assert_eq!(closed.count(), FORGED.len(), "{text}");

    let report: Value = serde_json::from_str(&printed(&["check", "--json"]).await).expect("JSON");
    let rows = report["servers"][0]["databases"].as_array().expect("rows");
    let names: BTreeSet<_> = rows
        .iter()
        .filter_map(|row| row["datname"].as_str())
        .collect();
    assert!(FORGED.iter().all(|name| names.contains(name)), "{names:?}");
}

#[tokio::test]
async fn no_name_is_markup_in_the_page_or_forges_a_log_line() {
    let cluster = trusting(&[]).await;
    forged(&cluster).await;
    let missing = "budgets: {\"gone\\r\\n2026-01-01T00:00:00Z  WARN forged\": {owner: nobody}}";
    let agent = watch(&cluster, missing).await;
    fresh(&agent).await;
    let page = agent.get("/").await.text();
    assert!(
        !page.contains("<script>") && !page.contains('\u{202e}'),
        "{page}"
    );
    let log = agent.log();
    assert!(log.contains("forged"), "{log}");
    assert!(
        log.lines()
            .all(|line| line.starts_with("20") && !line.starts_with("2026-01-01")),
        "{log}"
    );
    assert!(!log.contains('\u{1b}') && !log.contains('\r'), "{log:?}");
}
