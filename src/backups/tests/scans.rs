//! Repeated scans: a version of a file is read once, and a file that changes is not judged.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{directory, pace};
use crate::backups::report::DirectoryProblem;
use crate::backups::{Cache, Look, Pace, Report, Scanner, State, SubjectReport};

const NOW: i64 = 1_790_000_000;
const COMPLETE: &str =
    "--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n";

fn write(file: &Path, content: &str, age: i64) {
    fs::write(file, content).expect("it can be written");
    let modified = u64::try_from(NOW - age).expect("after 1970");
    let file = File::open(file).expect("it is there");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(modified))
        .expect("it is ours");
}

fn scan(folder: &Path, known: &mut Cache, now: i64) -> Report {
    let (directories, pace) = ([directory(folder, "{database}.sql")], pace());
    let scanner = Scanner {
        directories: &directories,
        pace: &pace,
        look: Look::Repeated,
    };
    loop {
        let report = scanner.scan(known, now);
        let unread = known.take_unread();
        if unread.is_empty() {
            return report;
        }
        for file in unread {
            known.add(file.read(&pace));
        }
    }
}

fn state(report: &Report) -> Option<State> {
    report.subjects.first().and_then(SubjectReport::state)
}

#[test]
fn a_file_is_judged_once_it_does_not_change() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (file, mut known) = (folder.path().join("shop.sql"), Cache::default());
    write(&file, COMPLETE, 1);
    let first = scan(folder.path(), &mut known, NOW);
    assert!(first.subjects[0].is_growing && state(&first).is_none());
    assert_eq!(
        state(&scan(folder.path(), &mut known, NOW + 5)),
        Some(State::Complete)
    );
    // It is overwritten by a dump that stops early: not judged for ten minutes, and then incomplete.
    write(&file, &COMPLETE[..40], -60);
    for (now, found) in [
        (NOW + 70, None),
        (NOW + 130, None),
        (NOW + 700, Some(State::Incomplete)),
    ] {
        assert_eq!(state(&scan(folder.path(), &mut known, now)), found, "{now}");
    }
}

#[test]
fn a_file_that_is_overwritten_by_a_small_one_is_shrunk() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (file, mut known) = (folder.path().join("shop.sql"), Cache::default());
    write(
        &file,
        &COMPLETE.replace("dump\n", &format!("dump\n{}", "\n".repeat(1000))),
        3600,
    );
    assert_eq!(
        state(&scan(folder.path(), &mut known, NOW)),
        Some(State::Complete)
    );
    write(&file, COMPLETE, 600);
    assert_eq!(
        state(&scan(folder.path(), &mut known, NOW)),
        Some(State::Shrunk)
    );
    fs::remove_file(&file).expect("it is there");
    assert!(scan(folder.path(), &mut known, NOW).subjects.is_empty());
}

#[test]
fn a_known_file_is_not_read_again() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (file, mut known) = (folder.path().join("shop.sql"), Cache::default());
    write(&file, COMPLETE, 3600);
    assert_eq!(
        state(&scan(folder.path(), &mut known, NOW)),
        Some(State::Complete)
    );
    // The same size, time and inode, so the change cannot be noticed.
    write(&file, &" ".repeat(COMPLETE.len()), 3600);
    assert_eq!(
        state(&scan(folder.path(), &mut known, NOW)),
        Some(State::Complete)
    );
    assert_eq!(
        state(&scan(folder.path(), &mut Cache::default(), NOW)),
        Some(State::Incomplete)
    );
}

#[test]
fn two_files_with_one_time_are_ordered_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for sub in ["b", "a"] {
        fs::create_dir(folder.path().join(sub)).expect("it can be made");
        write(&folder.path().join(sub).join("shop.sql"), COMPLETE, 3600);
    }
    let report = scan(folder.path(), &mut Cache::default(), NOW);
    let newest = report.subjects[0].newest_complete.as_ref();
    assert_eq!(
        newest.map(|backup| backup.path.as_str()),
        Some("a/shop.sql")
    );
}

#[test]
fn a_time_in_the_future_is_unknown() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    write(&folder.path().join("shop.sql"), COMPLETE, -100_000);
    let mut known = Cache::default();
    scan(folder.path(), &mut known, NOW);
    let report = scan(folder.path(), &mut known, NOW);
    let newest = report.subjects[0]
        .newest_complete
        .as_ref()
        .expect("it is complete");
    assert_eq!(newest.time, None);
}

#[test]
fn a_stopped_scan_is_not_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    write(&folder.path().join("shop.sql"), COMPLETE, 3600);
    let directories = [directory(folder.path(), "{database}.sql")];
    let pace = Pace::new(1, Arc::new(AtomicBool::new(true)));
    let scanner = Scanner {
        directories: &directories,
        pace: &pace,
        look: Look::Once,
    };
    let report = scanner.scan(&mut Cache::default(), NOW);
    assert_eq!(
        report.directories[0].problem,
        Some(DirectoryProblem::Stopped)
    );
    assert!(report.coverage(["shop"], |_| true).is_none());
}

#[test]
fn reading_keeps_its_pace() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    write(
        &folder.path().join("shop.sql"),
        &(" ".repeat(100_000) + COMPLETE),
        3600,
    );
    let directories = [directory(folder.path(), "{database}.sql")];
    let pace = Pace::new(40_000, Arc::new(AtomicBool::new(false)));
    let scanner = Scanner {
        directories: &directories,
        pace: &pace,
        look: Look::Once,
    };
    let start = SystemTime::now();
    scanner.scan(&mut Cache::default(), NOW);
    let spent = start.elapsed().expect("the clock was not set");
    assert!(spent > Duration::from_secs(1), "{spent:?}");
}
