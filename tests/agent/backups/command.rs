//! The command without a configuration: its exit codes, its table, and its arguments.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{HOUR, backups, make_old};
use crate::support::{AgentSpec, run};

/// A complete dump in plain format, of so many bytes more.
fn dump(size: usize) -> String {
    let data = "x".repeat(size);
    format!(
        "--\n-- PostgreSQL database dump\n--\n\n{data}\n--\n-- PostgreSQL database dump complete\n--\n\n"
    )
}

fn write(directory: &Path, name: &str, content: &str, age: Duration) {
    let file = directory.join(name);
    fs::write(&file, content).expect("it can be written");
    make_old(&file, age);
}

/// The exit code and the first line.
async fn summary(args: &[&str]) -> (i32, String) {
    let args = [&["backups"], args].concat();
    let spec = AgentSpec {
        args: &args,
        env: &[],
        config: None,
        ..AgentSpec::default()
    };
    let output = run(spec).await;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let first = text.lines().next().unwrap_or_default().to_owned();
    (output.status.code().expect("an exit code"), first)
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_worst_backup() {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let (path, root) = (
        directory.path().to_str().expect("a UTF-8 path"),
        directory.path(),
    );
    let assert = async |code: i32, line: &str| {
        assert_eq!(summary(&["--path", path]).await, (code, line.to_owned()));
    };
    assert(
        2,
        "CRITICAL: no file in the directories of backups has a name that the patterns match",
    )
    .await;
    write(root, "shop-20260101.sql", &dump(1000), 2 * HOUR);
    write(root, "blog_backup.sql", &dump(1), HOUR);
    // A name with a date far before the modification time is a copy of an old dump.
    write(root, "old-20260101.sql", &dump(1), HOUR);
    let (code, line) =
        summary(&["--path", path, "--exclude", "old", "--max-age", "9999days"]).await;
    assert_eq!((code, line.as_str()), (0, "OK: 2 backup(s), no findings"));
    let (code, line) = summary(&["--path", path]).await;
    assert!(
        code == 2 && line.contains("the newest complete backup is"),
        "{line}"
    );
    fs::remove_file(root.join("old-20260101.sql")).expect("it is there");
    fs::remove_file(root.join("shop-20260101.sql")).expect("it is there");
    write(root, "shop_backup.sql", "", HOUR);
    assert(2, "CRITICAL: database shop: the newest file shop_backup.sql is not complete, and there is no complete one (it is empty)").await;
    write(root, "shop-a_backup.sql", &dump(1), 27 * HOUR);
    fs::remove_file(root.join("shop_backup.sql")).expect("it is there");
    assert(
        2,
        "CRITICAL: database shop-a: the newest complete backup is 27 h old, the limit is 26 h",
    )
    .await;
}

#[tokio::test]
async fn the_newest_complete_backup_is_kept_when_a_newer_one_is_incomplete_or_small() {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let (path, root) = (
        directory.path().to_str().expect("a UTF-8 path"),
        directory.path(),
    );
    for age in 2..8 {
        write(
            root,
            &format!("pg-dump-shop-{}.dmp", 1_790_000_000 - age),
            &dump(10_000),
            age * HOUR,
        );
    }
    let args = [
        "--path",
        path,
        "--preset",
        "coolify",
        "--max-age",
        "365days",
    ];
    let (code, report) = backups(&args).await;
    assert_eq!(
        (code, &report["servers"][0]["backups"][0]["state"]),
        (0, &"complete".into()),
        "{report}"
    );
    write(root, "pg-dump-shop-1790000000.dmp", "", HOUR);
    let (code, report) = backups(&args).await;
    let row = &report["servers"][0]["backups"][0];
    assert_eq!((code, &row["state"]), (1, &"incomplete".into()), "{report}");
    assert_eq!(
        row["newest_complete"]["path"], "pg-dump-shop-1789999998.dmp",
        "{report}"
    );
    write(root, "pg-dump-shop-1790000001.dmp", &dump(4000), HOUR);
    let (code, report) = backups(&args).await;
    let row = &report["servers"][0]["backups"][0];
    assert_eq!((code, &row["state"]), (1, &"shrunk".into()), "{report}");
    assert_eq!(
        row["newest_complete"]["path"], "pg-dump-shop-1790000001.dmp",
        "{report}"
    );
}

#[tokio::test]
async fn an_encrypted_backup_has_an_age_and_no_proof() {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let (path, root) = (
        directory.path().to_str().expect("a UTF-8 path"),
        directory.path(),
    );
    write(root, "shop_backup.sql.age", "age-encryption.org/v1\n", HOUR);
    let (code, report) = backups(&["--path", path]).await;
    let row = &report["servers"][0]["backups"][0];
    assert_eq!((code, &row["state"]), (0, &"unproven".into()), "{report}");
    assert!(row["newest_complete"].is_null(), "{report}");
    write(
        root,
        "shop_backup.sql.age",
        "age-encryption.org/v1\n",
        30 * HOUR,
    );
    assert_eq!(backups(&["--path", path]).await.0, 2);
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown() {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let missing = directory.path().join("missing");
    let missing = missing.to_str().expect("a UTF-8 path");
    let wanted = format!("UNKNOWN: {missing} cannot be read: entity not found");
    assert_eq!(summary(&["--path", missing]).await, (3, wanted));
    let (code, line) = summary(&["--preset", "nothing", "--path", missing]).await;
    assert_eq!((code, line.as_str()), (3, ""));
    let (code, line) = summary(&["--pattern", "{db}.sql", "--path", missing]).await;
    assert_eq!((code, line.as_str()), (3, ""));
    assert_eq!(summary(&["--preset", "plain"]).await.0, 3);
}

#[tokio::test]
async fn names_cannot_change_the_terminal() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let name = std::ffi::OsStr::from_bytes(b"a\x1b[2J|\xff\n_backup.sql");
    fs::write(directory.path().join(name), "").expect("it can be written");
    make_old(&directory.path().join(name), HOUR);
    let path = directory.path().to_str().expect("a UTF-8 path");
    let (code, line) = summary(&["--path", path]).await;
    assert!(
        code == 2 && line.starts_with(r"CRITICAL: database a\u{1b}[2J/\xff\n: the newest file"),
        "{line}"
    );
}
