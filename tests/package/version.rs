//! `scripts/check-version`, which checks a release, and the form of the changelog.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const CHANGELOG: &str = "# Changelog\n\n## [Unreleased]\n\n* later\n\n## [1.2.3] - 2026-01-31\n\n* now\n\n\
                         ## [1.2.2] - 2026-01-01\n\n* before\n\n## [1.2.1] - 2025-12-31\n";

/// A project with this version and this changelog.
fn project(version: &str, changelog: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path();
    let script = Path::new(ROOT).join("scripts/check-version");
    fs::create_dir(path.join("scripts")).expect("it can be written");
    fs::copy(script, path.join("scripts/check-version")).expect("it can be written");
    let cargo = format!(
        "[package]\nname = \"x\"\nversion = \"{version}\"\n[dependencies]\ny = {{ version = \"9\" }}\n"
    );
    fs::write(path.join("Cargo.toml"), cargo).expect("it can be written");
    fs::write(path.join("CHANGELOG.md"), changelog).expect("it can be written");
    folder
}

fn check(project: &TempDir, args: &[&str]) -> Output {
    // Bash reads the script. Executing it directly could fail (ETXTBSY) while a child that another test has just forked still has
    // the written file open.
    Command::new("bash")
        .arg(project.path().join("scripts/check-version"))
        .args(args)
        .output()
        .expect("bash can be run")
}

#[test]
fn a_release_needs_the_version_of_the_package_and_an_entry_in_the_changelog() {
    let this = project("1.2.3", CHANGELOG);
    let output = check(&this, &["--notes", "1.2.3"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "* now");
    for (version, wanted) in [
        ("1.2.3", "1.2.2"), // the version in Cargo.toml was not updated
        ("1.2.1", "1.2.1"), // an empty section
        ("1.2.4", "1.2.4"), // no such section
    ] {
        let output = check(&project(version, CHANGELOG), &[wanted]);
        assert_eq!(output.status.code(), Some(1), "{wanted}: {output:?}");
        assert!(!output.stderr.is_empty(), "{wanted}");
    }
}

/// The form of Keep a Changelog: first the unreleased changes, then versions with their dates.
#[test]
fn the_changelog_follows_keep_a_changelog() {
    let changelog = fs::read_to_string(Path::new(ROOT).join("CHANGELOG.md")).expect("it is there");
    let mut parts = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    assert_eq!(parts.next(), Some("[Unreleased]"));
    for part in parts {
        let (version, date) = part.split_once(" - ").expect(part);
        assert!(version.starts_with('[') && version.ends_with(']'), "{part}");
        assert!(date.len() == 10 && date.split('-').count() == 3, "{part}");
    }
    let kinds = [
        "Added",
        "Breaking",
        "Changed",
        "Deprecated",
        "Fixed",
        "Removed",
        "Security",
    ];
    for kind in changelog
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
    {
        assert!(kinds.contains(&kind), "{kind}");
    }
}
