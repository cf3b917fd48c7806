//! The files of the Debian package, as Cargo.toml lists them: every listed file exists, and no file is missing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn package() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--no-deps", "--format-version=1"])
        .current_dir(ROOT)
        .output()
        .expect("Cargo can be run");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"][0]["metadata"]["deb"].clone()
}

fn strings(value: &Value) -> Vec<&str> {
    let values = value.as_array().expect("a list").iter();
    values.map(|value| value.as_str().expect("text")).collect()
}

/// The files that match a source. `*` matches a part of the file name.
fn matches(source: &str) -> Vec<PathBuf> {
    let path = Path::new(ROOT).join(source);
    let name = path.file_name().and_then(|name| name.to_str());
    let pattern = wildmatch::WildMatch::new(name.expect("a name"));
    let entries = path.parent().and_then(|folder| folder.read_dir().ok());
    let entries = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| pattern.matches(name))
        })
        .map(|entry| entry.path())
        .collect()
}

#[test]
fn every_file_of_the_package_exists_and_none_is_missing() {
    let package = package();
    let assets = package["assets"].as_array().expect("assets").iter();
    let mut sources: Vec<_> = assets.map(|asset| strings(asset)[0]).collect();
    sources.retain(|source| !source.starts_with("target/"));
    sources.push(strings(&package["license-file"])[0]);
    sources.push(package["extended-description-file"].as_str().expect("text"));
    sources.extend(["deploy/systemd/pgcommons.service", "deploy/debian/postinst"]);
    for source in &sources {
        assert!(!matches(source).is_empty(), "{source} does not exist");
    }
    let packed: BTreeSet<_> = sources.iter().flat_map(|source| matches(source)).collect();
    for kind in [
        "docs/*.md",
        "docs/deploy/*.md",
        "docs/man/*",
        "completions/*",
        "alerts/*.yml",
    ] {
        for file in matches(kind) {
            assert!(packed.contains(&file), "{} is not packaged", file.display());
        }
    }
}

#[test]
fn the_configuration_is_kept_when_the_package_is_upgraded() {
    let package = package();
    for file in strings(&package["conf-files"]) {
        let (folder, name) = file.rsplit_once('/').expect("a path");
        let assets = package["assets"].as_array().expect("assets").iter();
        let is_asset = assets.map(strings).any(|asset| {
            format!("/{}", asset[1].trim_end_matches('/')) == folder && asset[0].ends_with(name)
        });
        assert!(is_asset, "{file}");
    }
}
