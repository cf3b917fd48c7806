//! The paths of the `PostgreSQL` programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const INSTALLATIONS: &str = "/usr/lib/postgresql";

/// The folder of `initdb` and `postgres`: `PG_BIN`, else the newest packaged one, else on `PATH`.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        std::env::var_os("PG_BIN")
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from)
            .or_else(newest_packaged)
            .or_else(on_path)
            .expect("PostgreSQL is installed, or PG_BIN names the folder of initdb and postgres")
    })
}

fn newest_packaged() -> Option<PathBuf> {
    let mut found: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(INSTALLATIONS)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            let version = name.to_str()?.split('.').map(str::parse);
            Some((
                version.collect::<Result<_, _>>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, folder)| is_complete(folder))
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| is_complete(folder))
}

/// A package with only the clients has a folder without the server.
fn is_complete(folder: &Path) -> bool {
    folder.join("initdb").exists() && folder.join("postgres").exists()
}

/// The output of `postgres --version`.
pub(crate) fn version() -> String {
    let postgres = folder().join("postgres");
    let output = Command::new(&postgres)
        .arg("--version")
        .output()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", postgres.display()));
    assert!(output.status.success(), "postgres --version: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
