//! Tells the binary which revision it was built from; a build outside a checkout says `unknown`.

use std::process::Command;

fn main() {
    for path in ["build.rs", ".git/HEAD", ".git/refs/heads"] {
        if std::path::Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-env-changed=PGCOMMONS_REVISION");
    let given = std::env::var("PGCOMMONS_REVISION").ok();
    let revision = given
        .or_else(from_git)
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=PGCOMMONS_REVISION={revision}");
}

fn from_git() -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let revision = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| revision.trim().to_owned())
}
