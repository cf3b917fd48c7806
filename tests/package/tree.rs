//! What the program is made of has a budget.

use std::collections::BTreeSet;
use std::process::Command;

/// With the package itself. Each is code that somebody has to trust.
const CRATES: usize = 150;

#[test]
fn the_program_is_made_of_few_crates() {
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
