//! `pgcommons check` without all sizes: it reports the missing ones, and the exit code is 3.

use std::fs;
use std::time::Duration;

use super::check::{ROLE, check, shared_server};
use crate::sizes::create_endless;
use crate::support::{Cluster, eventually};

const LIMIT: Duration = Duration::from_mins(1);
/// Enough time to find the statement before `statement_timeout` cancels it after 8 s.
const LONG_TIMEOUT: &str = "poll: {timeout: 10s}\n";

/// The PID of the check's backend, after it has measured for 2 s. `pg_stat_activity` also shows the statement while it is
/// prepared, which takes less time.
async fn measuring(cluster: &Cluster) -> u32 {
    let admin = cluster.admin().await;
    let found = format!(
        "SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}' AND state = 'active' \
         AND query LIKE '%pg_database_size%' AND query_start < clock_timestamp() - interval '2 s'"
    );
    let pid = eventually(LIMIT, "sizes are read", async || admin.value(&found).await).await;
    pid.parse().expect("a process")
}

/// Asserts that the check is unknown and that its first line has one of the reasons.
fn assert_unknown((code, text): &(i32, String), why: &[&str]) {
    let first = text.lines().next().unwrap_or_default();
    assert_eq!(*code, 3, "{text}");
    assert!(first.starts_with("UNKNOWN: "), "{text}");
    assert!(why.iter().any(|why| first.contains(why)), "{text}");
}

#[tokio::test]
async fn a_server_that_freezes_while_sizes_are_read_is_3() {
    let cluster = shared_server(&[]).await;
    create_endless(&cluster).await;
    let freeze = async {
        let pid = measuring(&cluster).await;
        cluster.signal_process("STOP", pid);
    };
    let (checked, ()) = tokio::join!(check(&cluster, &[], LONG_TIMEOUT), freeze);
    assert_unknown(&checked, &["no answer within 10s"]);
    assert!(
        checked.1.contains("the sizes of 3 databases are unknown"),
        "{}",
        checked.1
    );
    // The connections were read before.
    assert!(checked.1.contains("connections used"), "{}", checked.1);
}

#[tokio::test]
async fn a_session_that_is_lost_while_sizes_are_read_is_3() {
    let cluster = shared_server(&[]).await;
    create_endless(&cluster).await;
    let lose = async {
        let pid = measuring(&cluster).await;
        cluster.signal_process("TERM", pid);
    };
    let (checked, ()) = tokio::join!(check(&cluster, &[], LONG_TIMEOUT), lose);
    assert_unknown(&checked, &["sizes"]);
}

#[tokio::test]
async fn sizes_that_exceed_the_statement_timeout_are_3() {
    let cluster = shared_server(&[]).await;
    create_endless(&cluster).await;
    let short_timeout = "poll: {timeout: 5s}\n";
    // With enough time to retry each database by itself, and without.
    let flags = ["10s", "1ms"].map(|limit| ["--timeout", limit]);
    let (full, none) = tokio::join!(
        check(&cluster, &flags[0], short_timeout),
        check(&cluster, &flags[1], short_timeout)
    );
    for checked in [full, none] {
        let why = [
            "the size of database endless is unknown (timeout)",
            "statement timeout",
        ];
        assert_unknown(&checked, &why);
    }
}

#[tokio::test]
async fn a_size_that_cannot_be_read_is_3() {
    let cluster = shared_server(&[]).await;
    let oid = "SELECT oid FROM pg_database WHERE datname = 'shop'";
    let oid = cluster.query_one_i64(oid).await;
    let folder = cluster.data_dir().join(format!("base/{oid}"));
    // A later checkpoint would fail to write pages of the moved files.
    cluster.sql("CHECKPOINT").await;
    fs::rename(&folder, cluster.data_dir().join("away")).expect("a folder can be moved");
    let checked = check(&cluster, &[], "").await;
    assert_unknown(
        &checked,
        &["the size of database shop is unknown (unreadable)"],
    );
}
