//! The initialised data directory that every cluster copies.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::binaries;
use super::process::{give_to_server, must_run, own_uid, server_command};
use super::session::{SUPERUSER, SUPERUSER_PASSWORD};

/// Small WAL segments (to copy 1 MB, not 16) and no sync.
const INITDB_ARGS: &[&str] = &[
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--wal-segsize=1",
    "--no-sync",
];

/// Copies the template to `data`, which must not exist yet.
pub(crate) fn copy_to(data: &Path) {
    must_run(Command::new("cp").arg("-a").arg(template()).arg(data));
}

/// The template of this installation; created on first use, and kept for later runs.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = folder();
        let template = folder.join(key());
        if !template.exists() {
            make(&folder, &template);
        }
        template
    })
}

fn folder() -> PathBuf {
    let uid = own_uid();
    let folder = std::env::temp_dir().join(format!("pgcommons-templates-{uid}"));
    // 0711: the server's account must traverse it, and only its owner may write to it.
    if let Err(error) = fs::DirBuilder::new().mode(0o711).create(&folder) {
        assert!(folder.is_dir(), "cannot make {}: {error}", folder.display());
    }
    let owner = fs::symlink_metadata(&folder)
        .expect("the folder exists")
        .uid();
    assert_eq!(owner, uid, "{} is another user's", folder.display());
    folder
}

/// Depends on everything that affects the data directory.
fn key() -> String {
    let mut hasher = DefaultHasher::new();
    (binaries::folder(), binaries::version(), INITDB_ARGS).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// When several processes run this at the same time, the first rename wins and the others use its result.
fn make(folder: &Path, template: &Path) {
    let scratch = tempfile::Builder::new()
        .prefix("making-")
        .tempdir_in(folder)
        .expect("a scratch folder can be made");
    give_to_server(scratch.path());
    let password_file = scratch.path().join("password");
    fs::write(&password_file, SUPERUSER_PASSWORD).expect("the password file can be written");
    give_to_server(&password_file);
    let data = scratch.path().join("data");
    must_run(
        server_command(&binaries::folder().join("initdb"), scratch.path())
            .args(INITDB_ARGS)
            .arg(format!("--username={SUPERUSER}"))
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&data),
    );
    if let Err(error) = fs::rename(&data, template) {
        assert!(template.exists(), "cannot keep the template: {error}");
    }
}
