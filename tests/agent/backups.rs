//! `pgcommons backups` and real dumps by the real `pg_dump` and `pg_dumpall`.

pub(crate) mod clients;
mod command;
mod coverage;
mod damage;
mod formats;
mod source;

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::support::{AgentSpec, run};

/// The exit code, and the report.
async fn backups(args: &[&str]) -> (i32, Value) {
    backups_of(args, &[], None).await
}

async fn backups_of(args: &[&str], env: &[(&str, &str)], config: Option<&str>) -> (i32, Value) {
    let args = [&["backups", "--json"], args].concat();
    let spec = AgentSpec {
        args: &args,
        env,
        config,
        ..AgentSpec::default()
    };
    let output = run(spec).await;
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().expect("an exit code"), report)
}

/// The newest backup in a directory that has backups of one database, or of all.
async fn newest(directory: &Path, pattern: &str) -> Value {
    let path = directory.to_str().expect("a UTF-8 path");
    let (_, report) = backups(&["--path", path, "--pattern", pattern]).await;
    let rows = report["servers"][0]["backups"].as_array().expect("a list");
    let is_newest = |row: &&Value| !row["newest"].is_null();
    rows.iter().find(is_newest).cloned().unwrap_or_default()
}

/// Sets the modification time of a file, or of a folder and its files: a file that changed just now may still be written.
pub(crate) fn make_old(path: &Path, age: Duration) {
    let time = SystemTime::now() - age;
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            make_old(&entry.expect("an entry").path(), age);
        }
    }
    let file = File::open(path).expect("a file");
    file.set_modified(time).expect("the file is ours");
}

pub(crate) const HOUR: Duration = Duration::from_hours(1);
