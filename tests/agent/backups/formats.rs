//! Every format that `pg_dump` and `pg_dumpall` write is recognized as complete, however it is compressed.

use std::fs;
use std::path::Path;

use super::clients::{Client, clients, gzip, shop, zstd};
use super::{HOUR, make_old, newest};
use crate::support::Cluster;

/// Arguments of `pg_dump` that write one file, and the format that is found.
const FILES: [(&[&str], &str); 8] = [
    (&[], "plain"),
    (&["--verbose"], "plain"),
    (&["--create", "--inserts"], "plain"),
    (&["--format=custom"], "custom"),
    (&["--format=custom", "--compress=0"], "custom"),
    (&["--format=custom", "--schema-only"], "custom"),
    (&["--format=tar"], "tar"),
    (&["--format=tar", "--inserts"], "tar"),
];

async fn assert_complete(directory: &Path, format: &str, compression: &str, what: &str) {
    let row = newest(directory, "{database}-backup").await;
    let newest = &row["newest"];
    let found = [&newest["state"], &newest["format"], &newest["compression"]];
    assert_eq!(found, ["complete", format, compression], "{what}: {row}");
    let is_archive = ["custom", "tar", "directory"].contains(&format);
    let name = if is_archive { "shop" } else { "name" };
    if !["pg_dumpall", "globals"].contains(&format) {
        assert_eq!(row["datname"], name, "{what}: {row}");
    }
}

/// As it is, and compressed.
async fn assert_packed_complete(content: &[u8], format: &str, what: &str) {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let file = directory.path().join("name-backup");
    for (packed, compression) in [
        (content.to_vec(), "none"),
        (gzip(content), "gzip"),
        (zstd(content), "zstd"),
    ] {
        fs::write(&file, packed).expect("it can be written");
        make_old(&file, HOUR);
        assert_complete(directory.path(), format, compression, what).await;
    }
}

#[tokio::test]
async fn every_format_is_complete() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    for client in clients(&cluster).await {
        for (args, format) in FILES {
            let what = format!("pg_dump {} {args:?}", client.major);
            let args = [args, &["shop"]].concat();
            let content = client.piped("pg_dump", &args, &cluster);
            assert_packed_complete(&content, format, &what).await;
            let directory = tempfile::tempdir().expect("a temporary folder can be made");
            let file = directory.path().join("name-backup");
            client.dump("pg_dump", &args, &cluster, &file); // into a file, which it may rewind
            make_old(&file, HOUR);
            assert_complete(directory.path(), format, "none", &what).await;
        }
        directories(&client, &cluster).await;
    }
}

async fn directories(client: &Client, cluster: &Cluster) {
    for (args, compression) in [
        (&["--compress=0"] as &[&str], "none"),
        (&["--compress=0", "--inserts", "--jobs=2"], "none"),
        (&[], "gzip"),
    ] {
        let directory = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = directory.path().join("name-backup");
        let into = format!("--file={}", folder.display());
        client.piped(
            "pg_dump",
            &[args, &["--format=directory", &into, "shop"]].concat(),
            cluster,
        );
        make_old(&folder, HOUR);
        let what = format!("pg_dump {} {args:?}", client.major);
        assert_complete(directory.path(), "directory", compression, &what).await;
    }
}

/// `docker exec -t` writes the line ends of Windows.
#[tokio::test]
async fn line_ends_of_a_terminal_are_complete() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    for client in clients(&cluster).await {
        let what = format!("pg_dump {}", client.major);
        for (program, args, format) in [
            ("pg_dump", &["shop"] as &[&str], "plain"),
            ("pg_dumpall", &[], "pg_dumpall"),
        ] {
            let content = String::from_utf8(client.piped(program, args, &cluster)).expect("UTF-8");
            let content = content.replace('\n', "\r\n");
            assert_packed_complete(content.as_bytes(), format, &what).await;
        }
    }
}

#[tokio::test]
async fn a_dump_of_all_databases_covers_each() {
    let cluster = Cluster::start(&[]);
    shop(&cluster).await;
    cluster.sql("CREATE DATABASE \"Größe \"\" x\"").await;
    for client in clients(&cluster).await {
        let all = client.piped("pg_dumpall", &[], &cluster);
        let what = format!("pg_dumpall {}", client.major);
        assert_packed_complete(&all, "pg_dumpall", &what).await;
        let globals = client.piped("pg_dumpall", &["--globals-only"], &cluster);
        assert_packed_complete(&globals, "globals", &what).await;
        // Roles first, as a restore needs them.
        let both = [globals, client.piped("pg_dump", &["shop"], &cluster)].concat();
        assert_packed_complete(&both, "plain", &what).await;

        let directory = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(directory.path().join("all.sql"), &all).expect("it can be written");
        let path = directory.path().to_str().expect("a UTF-8 path");
        let (code, report) = super::backups(&["--path", path, "--preset", "pg_dumpall"]).await;
        let rows = report["servers"][0]["backups"].as_array().expect("a list");
        let names: Vec<_> = rows
            .iter()
            .filter_map(|row| row["datname"].as_str())
            .collect();
        assert_eq!(
            (code, &names[..]),
            (0, &["Größe \" x", "postgres", "shop", "template1"][..]),
            "{report}"
        );
    }
}
