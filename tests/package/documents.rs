//! Every test that the documentation names exists. Names may be cut with `...` or end in `*`, and a name without a module is
//! in the module of the name before it.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A path such as `agent::faults::outage::a_restart_is_recovered_from`.
type TestPath = Vec<String>;

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![Path::new(ROOT).join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The module of a file: its path below the project, without `src`, `tests` and `mod.rs`.
fn module(path: &Path) -> TestPath {
    let path = path.strip_prefix(ROOT).expect("a file of the project");
    let names = path.with_extension("");
    let names = names.iter().skip(1).map(|name| name.to_string_lossy());
    names.map(std::borrow::Cow::into_owned).collect()
}

/// The tests of a file, and the file itself as a module.
fn tests_of(path: &Path) -> Vec<TestPath> {
    let (mut module, mut is_test) = (module(path), false);
    let mut tests = vec![module.clone()];
    for line in read(path).lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if line == "mod tests {" {
            module.push("tests".to_owned());
            tests.push(module.clone());
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| is_test) {
            let name = name.split(['(', '<']).next().expect("a name");
            tests.push([&module[..], &[name.to_owned()]].concat());
            is_test = false;
        }
    }
    tests
}

/// Whether a name matches a pattern in which `*` stands for any text.
fn matches(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let mut ends = (0..=name.len()).filter(|at| name.is_char_boundary(*at));
            ends.any(|at| matches(&name[at..], rest))
        }),
    }
}

/// Whether a test has this name in this module: `agent::faults::outage::x` is `outage::x`.
fn exists(tests: &[TestPath], wanted: &[String]) -> bool {
    let is_wanted = |test: &[String]| {
        let mut names = test.iter().zip(wanted);
        test.len() == wanted.len() && names.all(|(name, pattern)| matches(name, pattern))
    };
    let mut ends = tests
        .iter()
        .filter_map(|test| test.len().checked_sub(wanted.len()).map(|at| &test[at..]));
    ends.any(is_wanted)
}

/// The test names in the last column of the tables that have a column `test`, and all names with `::` elsewhere.
fn documented(text: &str) -> Vec<TestPath> {
    let (mut found, mut has_tests) = (Vec::new(), false);
    for line in text.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').collect();
        let last = cells[cells.len() - 1].trim();
        has_tests = line.starts_with('|') && (has_tests || last == "test");
        let part = if has_tests { last } else { line };
        let mut module = Vec::new();
        for name in part.split('`').skip(1).step_by(2) {
            let is_name =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:.*".contains(c);
            if name.len() < 4 || !name.chars().all(is_name) || !(has_tests || name.contains("::")) {
                continue;
            }
            let name = name.replace("...", "*");
            let mut path: TestPath = name.split("::").map(str::to_owned).collect();
            if path.len() == 1 {
                path = [&module[..], &path[..]].concat();
            }
            module = path[..path.len() - 1].to_vec();
            found.push(path);
        }
    }
    found
}

#[test]
fn tests_that_the_documentation_names_exist() {
    let files = ["src", "tests"].map(sources).concat();
    let tests: Vec<_> = files.iter().flat_map(|file| tests_of(file)).collect();
    let mut missing = Vec::new();
    let mut count = 0;
    for document in ["docs/reliability.md", "SECURITY.md"] {
        for path in documented(&read(document)) {
            count += 1;
            if !exists(&tests, &path) {
                missing.push(format!("{document}: {}", path.join("::")));
            }
        }
    }
    assert!(count > 100, "{count} names found");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_name_that_is_cut_matches() {
    for (name, pattern, expected) in [
        ("a_role_is_used", "a_role_is_used", true),
        ("a_role_is_used", "a_role", false),
        ("a_role_is_used", "a_role_*", true),
        ("a_role_is_used", "*_is_used", true),
        ("a_role_is_used", "*_is_*", true),
        ("a_role_is_used", "*_was_*", false),
        ("a_role_is_used_again", "*_is_used", false),
        ("is_used_is_used", "*_is_used", true),
    ] {
        assert_eq!(matches(name, pattern), expected, "{name} {pattern}");
    }
}
