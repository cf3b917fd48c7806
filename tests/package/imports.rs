//! Compares every `crate::` path in `src/` with the table of allowed imports in `docs/architecture.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Table = BTreeMap<String, BTreeSet<String>>;

const EVERYTHING: &str = "everything";

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts between backticks.
fn names(cell: &str) -> BTreeSet<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

/// The rows below a header: the names of the first column with those of the last column.
fn table(text: &str, header: &str) -> Table {
    let rows = text.lines().skip_while(|line| !line.starts_with(header));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let mut table = Table::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let (first, last) = (cells[0], cells[cells.len() - 1]);
        let mut allowed = names(last);
        if last.trim() == EVERYTHING {
            allowed.insert(EVERYTHING.to_owned());
        }
        for name in names(first) {
            table.insert(name, allowed.clone());
        }
    }
    assert!(!table.is_empty(), "no table under {header}");
    table
}

/// The code of each room without tests and comments.
fn rooms() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let mut rooms: BTreeMap<String, Vec<(PathBuf, String)>> = BTreeMap::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        let entries = Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder);
        for entry in std::fs::read_dir(entries).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            let path = folder.join(&name);
            if path.extension().is_none() {
                folders.push(path);
            } else if !is_test(&path) {
                let room = path.iter().nth(1).expect("below src");
                let room = Path::new(room).file_stem().expect("a name");
                let code = code(&read(&path));
                let room = room.to_string_lossy().into_owned();
                rooms.entry(room).or_default().push((path, code));
            }
        }
    }
    rooms
}

/// Unit tests are in `tests.rs`, in `tests/` and in the model of `limits`.
fn is_test(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.iter().any(|part| part.starts_with("tests")) || path.ends_with("limits/model.rs")
}

fn code(text: &str) -> String {
    let mut lines = text.lines();
    let mut code = String::new();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            // A test module is either in its own file or the rest of this file.
            if lines.next().is_some_and(|item| item.ends_with(';')) {
                continue;
            }
            break;
        }
        if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// The first path segments after `start`: `a` and `b` for `crate::{a, b::c}`.
fn segments(code: &str, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split(start).skip(1) {
        let list = rest.strip_prefix('{');
        let list = list.and_then(|rest| rest.split_once('}')).map(|it| it.0);
        for path in list.unwrap_or(rest).split(',') {
            let name = path.trim_start();
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            found.insert(name[..end.unwrap_or(name.len())].to_owned());
            if list.is_none() {
                break;
            }
        }
    }
    found
}

#[test]
fn every_import_is_in_the_table() {
    let table = table(&read("docs/architecture.md"), "| room |");
    let mut forbidden = Vec::new();
    for (room, files) in rooms() {
        if ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        let allowed = table.get(&room);
        let allowed = allowed.unwrap_or_else(|| panic!("the room {room} is not in the table"));
        for (path, code) in files {
            for import in segments(&code, "crate::") {
                let is_allowed = import == room
                    || allowed.contains(&import)
                    || allowed.contains(EVERYTHING) && table.contains_key(&import);
                if !is_allowed {
                    forbidden.push(format!("{} imports {import}", path.display()));
                }
            }
        }
    }
    assert!(forbidden.is_empty(), "{forbidden:#?}");
}

#[test]
fn each_crate_is_named_only_in_its_rooms() {
    let table = table(&read("docs/architecture.md"), "| crate |");
    for (room, files) in rooms() {
        for (path, code) in files {
            for (name, allowed) in &table {
                let is_named = code.contains(&format!("{name}::"));
                let path = path.display();
                assert!(!is_named || allowed.contains(&room), "{path} names {name}");
            }
        }
    }
}

#[test]
fn paths_are_found_in_every_form() {
    let code = "use crate::{a, b::c};\nuse crate::d::e;\nlet f = crate::g::h();\nuse super::i;";
    let expected = ["a", "b", "d", "g"].map(str::to_owned);
    assert_eq!(segments(code, "crate::"), expected.into());
}
