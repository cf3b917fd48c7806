//! `pgcommons check` and sizes that do not come: what is missing is said, and the exit code is 3.

use std::fs;
use std::time::Duration;

use super::check::{ROLE, check, shared_server};
use crate::sizes::create_endless;
use crate::support::{Cluster, eventually};

const LIMIT: Duration = Duration::from_mins(1);
/// Time to find the statement before the server gives up on it, which is after 8 s.
const PATIENT: &str = "poll: {timeout: 10s}\n";

/// The backend of the check, once it has been measuring for 2 s. The server shows the text of the statement when it is
/// prepared too, which does not take that long.
async fn measuring(cluster: &Cluster) -> u32 {
    let admin = cluster.admin().await;
    let found = format!(
        "SELECT pid FROM pg_stat_activity WHERE usename = '{ROLE}' AND state = 'active' \
         AND query LIKE '%pg_database_size%' AND query_start < clock_timestamp() - interval '2 s'"
    );
    let pid = eventually(LIMIT, "sizes are read", async || admin.value(&found).await).await;
    pid.parse().expect("a process")
}

/// A table that says why it is unknown; which part was lost is in its first line.
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
    let (looked, ()) = tokio::join!(check(&cluster, &[], PATIENT), freeze);
    assert_unknown(&looked, &["no answer within 10s"]);
    assert!(
        looked.1.contains("the sizes of 3 databases are not known"),
        "{}",
        looked.1
    );
    // The connections were read before.
    assert!(looked.1.contains("connections used"), "{}", looked.1);
}

#[tokio::test]
async fn a_session_that_is_lost_while_sizes_are_read_is_3() {
    let cluster = shared_server(&[]).await;
    create_endless(&cluster).await;
    let lose = async {
        let pid = measuring(&cluster).await;
        cluster.signal_process("TERM", pid);
    };
    let (looked, ()) = tokio::join!(check(&cluster, &[], PATIENT), lose);
    assert_unknown(&looked, &["sizes"]);
}

#[tokio::test]
async fn sizes_that_take_longer_than_a_statement_may_are_3() {
    let cluster = shared_server(&[]).await;
    create_endless(&cluster).await;
    let hasty = "poll: {timeout: 5s}\n";
    // With time to try each by itself, and without.
    let flags = ["10s", "1ms"].map(|patience| ["--timeout", patience]);
    let (full, none) = tokio::join!(
        check(&cluster, &flags[0], hasty),
        check(&cluster, &flags[1], hasty)
    );
    for looked in [full, none] {
        let why = [
            "the size of database endless is not known (timeout)",
            "statement timeout",
        ];
        assert_unknown(&looked, &why);
    }
}

#[tokio::test]
async fn a_size_that_cannot_be_read_is_3() {
    let cluster = shared_server(&[]).await;
    let oid = "SELECT oid FROM pg_database WHERE datname = 'shop'";
    let oid = cluster.query_one_i64(oid).await;
    let folder = cluster.data_dir().join(format!("base/{oid}"));
    // A page that is still to be written would be missed.
    cluster.sql("CHECKPOINT").await;
    fs::rename(&folder, cluster.data_dir().join("away")).expect("a folder can be moved");
    let looked = check(&cluster, &[], "").await;
    assert_unknown(
        &looked,
        &["the size of database shop is not known (unreadable)"],
    );
}
