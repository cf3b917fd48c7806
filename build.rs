//! Sets the source revision of the binary: from `PGCOMMONS_REVISION`, else from the package of crates.io, else from the git
//! checkout, else `unknown`.

use std::path::Path;
use std::process::Command;

/// A file in packages that `cargo package` creates.
const PACKAGED: &str = ".cargo_vcs_info.json";

fn main() {
    for path in ["build.rs", PACKAGED, ".git/HEAD", ".git/refs/heads"] {
        if Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-env-changed=PGCOMMONS_REVISION");
    let given = std::env::var("PGCOMMONS_REVISION");
    let revision = given
        .ok()
        .filter(|revision| !revision.is_empty())
        .or_else(from_package)
        .or_else(from_git)
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=PGCOMMONS_REVISION={revision}");
}

fn from_package() -> Option<String> {
    let text = std::fs::read_to_string(PACKAGED).ok()?;
    let (_, rest) = text.split_once(r#""sha1": ""#)?;
    rest.get(..12).map(str::to_owned)
}

/// Only from a checkout of this project, not from another repository around this folder.
fn from_git() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let revision = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| revision.trim().to_owned())
}
