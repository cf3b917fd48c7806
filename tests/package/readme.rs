//! What the pages say of the project is true: the version of Rust in the README, and links to files and headings of the project.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All pages: those at the top, and those in `docs`.
fn pages() -> Vec<PathBuf> {
    let (mut folders, mut pages) = (vec![Path::new(ROOT).join("docs")], Vec::new());
    let top = std::fs::read_dir(ROOT).expect("the project is there");
    pages.extend(top.map(|entry| entry.expect("an entry").path()));
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                pages.push(path);
            }
        }
    }
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
}

/// The anchors of a page, as GitHub makes them from its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// The targets of the links and pictures of a page that lead to the project itself.
fn links(page: &str) -> Vec<&str> {
    let text = page.lines().filter(|line| !line.starts_with("    "));
    let targets = text.flat_map(|line| line.split("](").skip(1));
    let targets = targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    targets.filter(|target| !target.contains("://")).collect()
}

#[test]
fn every_link_leads_to_a_file_or_a_heading() {
    let (mut broken, mut count) = (Vec::new(), 0);
    for path in pages() {
        let page = read(&path);
        for link in links(&page) {
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                _ => path.parent().expect("a folder").join(file),
            };
            let has_anchor = || anchors(&read(&target)).contains(anchor);
            if !target.exists() || !anchor.is_empty() && !has_anchor() {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(count > 50, "{count} links found");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_readme_names_the_version_of_rust() {
    let cargo = read(&Path::new(ROOT).join("Cargo.toml"));
    let (_, rest) = cargo.split_once("rust-version = \"").expect("a version");
    let (version, _) = rest.split_once('"').expect("its end");
    let readme = read(&Path::new(ROOT).join("README.md"));
    let named = readme.split("Rust ").skip(1);
    let named = named.filter_map(|rest| rest.split([' ', ',', '\n']).next());
    let versions: BTreeSet<_> = named
        .filter(|word| word.starts_with(char::is_numeric))
        .collect();
    assert_eq!(versions, BTreeSet::from([version]));
}

#[test]
fn a_heading_has_the_anchor_of_github() {
    let page = "# A b\n## `pgcommons check`\n### Beside postgres_exporter, or instead of it\n";
    let expected = [
        "a-b",
        "beside-postgres_exporter-or-instead-of-it",
        "pgcommons-check",
    ];
    assert_eq!(anchors(page), expected.map(str::to_owned).into());
}
