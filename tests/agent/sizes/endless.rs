//! A database that takes more than a minute to measure in one statement, so that a test can act during the statement.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use crate::support::Cluster;

const FILES: usize = 20_000;
/// How often PostgreSQL reads all of them.
const ROUNDS: usize = 3_000;

/// `pg_database_size()` adds up the database's directory in each tablespace. All of these are links to the same one.
pub(crate) async fn create_endless(cluster: &Cluster) {
    cluster.sql("CREATE DATABASE endless").await;
    let oid = "SELECT oid FROM pg_database WHERE datname = 'endless'";
    let oid = cluster.query_one_i64(oid).await;
    let catalogue = "SELECT catalog_version_no FROM pg_control_system()";
    let catalogue = cluster.query_one_i64(catalogue).await;
    let version = format!("PG_{}_{catalogue}", cluster.major_version().await);

    let data = cluster.data_dir();
    let folder = data.join(format!("base/{oid}"));
    for n in 0..FILES {
        let file = File::create(folder.join(format!("x{n}")));
        drop(file.expect("a file can be made"));
    }
    let tablespace = data.join("again").join(version);
    fs::create_dir_all(&tablespace).expect("a folder can be made");
    symlink(&folder, tablespace.join(oid.to_string())).expect("a link can be made");
    for n in 0..ROUNDS {
        let link = data.join(format!("pg_tblspc/x{n}"));
        symlink("../again", link).expect("a link can be made");
    }
}
