//! The number of crates has a limit.

use std::collections::BTreeSet;
use std::process::Command;

/// The limit, including the package itself. Users have to trust the code of every crate.
const CRATES: usize = 150;

#[test]
fn the_program_needs_few_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges=normal"])
        .args(["--prefix=none", "--format={p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{output:?}");
    let listed = String::from_utf8(output.stdout).expect("UTF-8");
    let crates: BTreeSet<_> = listed
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    assert!(crates.len() <= CRATES, "{} crates", crates.len());
}
