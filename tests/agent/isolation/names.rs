//! Names that tenants choose stay in their quotes in all SQL that `audit` prints.

use std::fmt::Write as _;

use super::{audit, audited, repair};
use crate::support::{Cluster, create_agent_role, quoted, trusting};

/// Everything that may end a quote, a comment, a line or a statement, and letters of several lengths.
const PIECES: [&str; 20] = [
    "\"",
    "'",
    "\\",
    "--",
    ";",
    "/*",
    "*/",
    "\n",
    "\r",
    "\t",
    "\u{1b}[2J",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "$$",
    "é",
    "🐘",
    " ",
    "x",
    "\\! touch FILE",
];

/// The names of a test can be repeated.
pub(super) const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// A name of random pieces, of about 40 bytes.
fn name(random: &mut u64) -> String {
    name_of(random, 40)
}

/// A name of random pieces, of at most this many bytes.
pub(super) fn name_of(random: &mut u64, bytes: usize) -> String {
    let mut name = String::from("n");
    loop {
        // xorshift64: the test needs no more than variety, and must be able to repeat it.
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        let pieces = PIECES.len() as u64;
        let piece = PIECES[usize::try_from(*random % pieces).expect("it is below 20")];
        if name.len() + piece.len() > bytes {
            return name;
        }
        name.push_str(piece);
    }
}

async fn roles(cluster: &Cluster) -> i64 {
    let count =
        "SELECT (SELECT count(*) FROM pg_authid) * 1000 + (SELECT count(*) FROM pg_database)";
    cluster.query_one_i64(count).await
}

#[tokio::test]
async fn no_name_leaves_its_quotes() {
    let cluster = trusting(&[]).await;
    create_agent_role(&cluster).await;
    let mut random = SEED;
    let mut roles_sql = String::new();
    let mut names = Vec::new();
    for n in 0..12 {
        let (role, database) = (name(&mut random), name(&mut random));
        let _ = writeln!(
            roles_sql,
            "CREATE ROLE {} LOGIN SUPERUSER CONNECTION LIMIT 3;",
            quoted(&format!("{n}{role}"))
        );
        let _ = writeln!(roles_sql, "CREATE ROLE {} LOGIN;", quoted(&role));
        names.push((role, database));
    }
    cluster.sql(&roles_sql).await;
    for (role, database) in &names {
        cluster
            .sql(&format!("CREATE DATABASE {}", quoted(database)))
            .await;
        let (role, database) = (quoted(role), quoted(database));
        cluster
            .sql(&format!("GRANT ALL ON DATABASE {database} TO {role}"))
            .await;
    }
    let before = roles(&cluster).await;
    let text = audited(&cluster, "agent", "", &["audit"]).await;
    let is_clean = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        !text.contains(|c: char| {
            (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{202e}')
        })
    };
    assert!(is_clean(&text.stdout), "{text:?}");
    let script = repair(&cluster, "agent", "").await;
    assert!(is_clean(script.as_bytes()), "{script}");
    assert_eq!(roles(&cluster).await, before, "{script}");
    let (report, _) = audit(&cluster, "agent", "").await;
    for finding in report["findings"].as_array().expect("a list") {
        let kind = finding["finding"].as_str();
        assert!(
            matches!(kind, Some("elevated_role" | "limit_not_enforced")),
            "{finding:#}"
        );
        cluster.sql(finding["sql"].as_str().expect("SQL")).await;
    }
    let (report, code) = audit(&cluster, "agent", "").await;
    assert_eq!(
        (code, roles(&cluster).await),
        (Some(0), before),
        "{report:#}"
    );
}
