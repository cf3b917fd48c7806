//! No dump that lacks something is complete.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::clients::{Client, clients, gzip, shop, zstd};
use super::{HOUR, make_old, newest};
use crate::support::Cluster;

const FORMATS: [&[&str]; 5] = [
    &[],
    &["--format=custom"],
    &["--format=custom", "--compress=0"],
    &["--format=tar"],
    &["--create", "--inserts"],
];

/// Asserts that a file with this content is not complete.
async fn assert_incomplete(content: &[u8], what: &str) {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let file = directory.path().join("name-backup");
    fs::write(&file, content).expect("it can be written");
    make_old(&file, HOUR);
    assert_folder_incomplete(directory.path(), what).await;
}

async fn assert_folder_incomplete(directory: &Path, what: &str) {
    let row = newest(directory, "*-backup").await;
    assert_eq!(row["newest"]["state"], "incomplete", "{what}: {row}");
    assert!(row["newest_complete"].is_null(), "{what}: {row}");
}

/// Where a content is cut off.
fn cuts(length: usize) -> [usize; 5] {
    [
        0,
        100.min(length),
        length / 2,
        length / 100 * 99,
        length - 10,
    ]
}

#[tokio::test]
async fn a_dump_that_is_cut_off_is_incomplete() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    for client in clients(&cluster).await {
        let dumps = FORMATS.map(|args| ("pg_dump", [args, &["shop"]].concat()));
        for (program, args) in dumps.into_iter().chain([("pg_dumpall", Vec::new())]) {
            let content = client.piped(program, &args, &cluster);
            for at in cuts(content.len()) {
                let what = format!(
                    "{program} {} {args:?}, {at} of {} bytes",
                    client.major,
                    content.len()
                );
                assert_incomplete(&content[..at], &what).await;
                // A valid file of gzip and zstd, as when the dump ends early in a pipe.
                assert_incomplete(&gzip(&content[..at]), &what).await;
                assert_incomplete(&zstd(&content[..at]), &what).await;
            }
            for packed in [gzip(&content), zstd(&content)] {
                for at in [packed.len() / 2, packed.len() / 100 * 99, packed.len() - 1] {
                    let what = format!("{program} {args:?}, {at} compressed bytes");
                    assert_incomplete(&packed[..at], &what).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_directory_that_lacks_a_part_is_incomplete() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    for client in clients(&cluster).await {
        for args in [
            &[] as &[&str],
            &["--compress=0"],
            &["--compress=0", "--inserts"],
        ] {
            let directory = tempfile::tempdir().expect("a temporary folder can be made");
            let folder = directory.path().join("name-backup");
            let into = format!("--file={}", folder.display());
            client.piped(
                "pg_dump",
                &[args, &["--format=directory", &into, "shop"]].concat(),
                &cluster,
            );
            for entry in fs::read_dir(&folder).expect("a folder").collect::<Vec<_>>() {
                let file = entry.expect("an entry").path();
                let content = fs::read(&file).expect("it can be read");
                let is_free =
                    args.contains(&"--compress=0") && file.to_string_lossy().contains("blob_");
                let what = format!("pg_dump {} {args:?}: {}", client.major, file.display());
                fs::remove_file(&file).expect("it is there");
                make_old(&folder, HOUR);
                assert_folder_incomplete(directory.path(), &what).await;
                // The content of a large object has no end of its own, and that of an empty table is empty.
                for at in if is_free || content.len() < 2 {
                    0..0
                } else {
                    0..2
                } {
                    let cut = content.len() / 100 * (50 + 49 * at);
                    fs::write(&file, &content[..cut]).expect("it can be written");
                    make_old(&folder, HOUR);
                    assert_folder_incomplete(directory.path(), &format!("{what}, {cut} bytes"))
                        .await;
                }
                fs::write(&file, content).expect("it can be written");
            }
        }
    }
}

/// The first megabyte of a dump of which `pg_dump` is killed then.
fn killed(client: &Client, args: &[&str], cluster: &Cluster) -> Vec<u8> {
    let mut command = client.command("pg_dump", cluster);
    let mut dump = command
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut output = dump.stdout.take().expect("a pipe");
    let mut content = vec![0; 1 << 20];
    output.read_exact(&mut content).expect("the dump is larger");
    dump.kill().expect("it runs");
    dump.wait().expect("it has ended");
    output.read_to_end(&mut content).expect("the pipe is ours");
    content
}

#[tokio::test]
async fn a_dump_that_was_killed_is_incomplete() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    cluster
        .sql_in("shop", "CREATE TABLE large AS SELECT repeat(md5(g::text), 20) FROM generate_series(1, 20000) AS g")
        .await;
    for client in clients(&cluster).await {
        for args in [
            &["shop"] as &[&str],
            &["--format=custom", "--compress=0", "shop"],
        ] {
            let content = killed(&client, args, &cluster);
            let what = format!("pg_dump {} {args:?}", client.major);
            assert_incomplete(&content, &what).await;
            assert_incomplete(&gzip(&content), &format!("{what} in gzip")).await;
        }
    }
}

/// Coolify's backup of all databases is `pg_dumpall | gzip`, whose exit code is that of gzip.
#[tokio::test]
async fn a_dump_of_all_databases_that_failed_is_incomplete() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    for client in clients(&cluster).await {
        assert_incomplete(&gzip(b""), "a server that cannot be reached").await;
        // pg_dumpall refuses such a name, after it has written the databases before it.
        cluster.sql("CREATE DATABASE \"two\nlines\"").await;
        let mut command = client.command("pg_dumpall", &cluster);
        let output = command.output().expect("it runs");
        cluster.sql("DROP DATABASE \"two\nlines\"").await;
        assert!(
            !output.status.success() && output.stdout.len() > 10_000,
            "{:?}",
            output.status
        );
        assert_incomplete(
            &gzip(&output.stdout),
            &format!("pg_dumpall {}", client.major),
        )
        .await;
    }
}

/// While it is written, and for ten minutes after its last byte, a dump is not reported as incomplete.
#[tokio::test]
async fn a_dump_that_is_being_written_is_not_judged() {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(b"--\n-- PostgreSQL database dump\n--\n\n")
        .expect("memory can be written to");
    let content = encoder.finish().expect("memory can be written to");
    let file = directory.path().join("name-backup");
    fs::write(&file, content).expect("it can be written");
    for (age, growing, state) in [
        (Duration::ZERO, true, None),
        (Duration::from_mins(5), true, None),
        (Duration::from_mins(11), false, Some("incomplete")),
    ] {
        make_old(&file, age);
        let path = directory.path().to_str().expect("a UTF-8 path");
        let (code, report) =
            super::backups(&["--path", path, "--pattern", "{database}-backup"]).await;
        let row = &report["servers"][0]["backups"][0];
        assert_eq!(
            (row["growing"].as_bool(), row["state"].as_str()),
            (Some(growing), state),
            "{report}"
        );
        assert_eq!(code, if growing { 3 } else { 2 }, "{report}");
    }
}

/// A file in place of a directory, a pipe and a link must not block the scan or lead out of the directory.
#[tokio::test]
async fn other_files_are_not_read() {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let status = Command::new("mkfifo")
        .arg(directory.path().join("a-backup"))
        .status();
    assert!(status.expect("mkfifo runs").success());
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join("b-backup"))
        .expect("a link can be made");
    let path = directory.path().to_str().expect("a UTF-8 path");
    let (code, report) = super::backups(&["--path", path, "--pattern", "{database}-backup"]).await;
    let server = &report["servers"][0];
    assert_eq!(
        (code, server["directories"][0]["links"].as_u64()),
        (2, Some(1)),
        "{report}"
    );
    assert!(
        server["backups"].as_array().is_some_and(Vec::is_empty),
        "{report}"
    );
}
