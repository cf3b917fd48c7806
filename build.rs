//! Sets the source revision of the binary: from `PGCOMMONS_REVISION`, else from the package of crates.io, else from the git
//! checkout, else `unknown`. In release builds it also has the linker order the functions.

use std::env;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// A file in packages that `cargo package` creates.
const PACKAGED: &str = ".cargo_vcs_info.json";

/// The functions that a running agent executes, by their symbols; `make link-order` writes it. The linker puts them side by side. The
/// kernel maps 64 KiB around each page that is executed, so the agent keeps less of the program in memory. Symbols that do not
/// exist any more have no effect.
const LINK_ORDER: &str = "link-order.txt";

fn main() {
    for path in [
        "build.rs",
        LINK_ORDER,
        PACKAGED,
        ".git/HEAD",
        ".git/refs/heads",
    ] {
        if Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-env-changed=PGCOMMONS_REVISION");
    let given = env::var("PGCOMMONS_REVISION");
    let revision = given
        .ok()
        .filter(|revision| !revision.is_empty())
        .or_else(from_package)
        .or_else(from_git)
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=PGCOMMONS_REVISION={revision}");
    order_functions();
}

/// Not every linker knows these flags: rustc's own does, which is the default on x86-64.
fn order_functions() {
    let variable = |name| env::var(name).unwrap_or_default();
    let file = Path::new(&variable("CARGO_MANIFEST_DIR")).join(LINK_ORDER);
    if variable("PROFILE") != "release" || !file.exists() {
        return;
    }
    let flags = [
        format!("-Wl,--symbol-ordering-file={}", file.display()),
        "-Wl,--no-warn-symbol-ordering".to_owned(),
    ];
    if links_with(&flags).unwrap_or(false) {
        for flag in flags {
            println!("cargo::rustc-link-arg-bins={flag}");
        }
    }
}

/// Whether an empty program can be linked with these flags, for the target and with the flags and the linker of this build.
fn links_with(flags: &[String]) -> io::Result<bool> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let output = Path::new(&variable("OUT_DIR").unwrap_or_default()).join("empty");
    let mut rustc = Command::new(variable("RUSTC").unwrap_or_default());
    rustc
        .args(["--crate-name=empty", "--crate-type=bin", "-", "-o"])
        .arg(output);
    rustc.args(variable("TARGET").map(|target| format!("--target={target}")));
    rustc.args(variable("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}")));
    let given = variable("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(given.split('\x1f').filter(|flag| !flag.is_empty()));
    rustc.args(flags.iter().map(|flag| format!("-Clink-arg={flag}")));
    let mut rustc = rustc
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    io::Write::write_all(
        &mut rustc.stdin.take().expect("it is piped"),
        b"fn main() {}",
    )?;
    Ok(rustc.wait()?.success())
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
