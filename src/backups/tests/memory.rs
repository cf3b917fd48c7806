//! The memory of a scan does not depend on the size of the files.

use std::fs::File;
use std::io::{BufWriter, Write};

use flate2::write::GzEncoder;

use super::{directory, pace};
use crate::backups::{Cache, Look, Scanner, State};

/// Writes a plain dump of this many MiB that compresses to about half.
fn write_dump(output: impl Write, mebibytes: usize) {
    let mut random = fastrand::Rng::with_seed(1);
    let block: Vec<u8> = (0..1 << 20)
        .map(|_| b"0123456789abcdef"[random.usize(..16)])
        .collect();
    let mut output = output;
    let mut write = |text: &[u8]| output.write_all(text).expect("it can be written");
    write(b"--\n-- PostgreSQL database dump\n--\n\n");
    for _ in 0..mebibytes {
        write(&block);
        write(b"\n");
    }
    write(b"--\n-- PostgreSQL database dump complete\n--\n\n");
}

#[test]
fn two_hundred_megabytes_of_gzip_take_constant_memory() {
    const LIMIT: u64 = 512 << 10;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = File::create(folder.path().join("shop.sql.gz")).expect("a file can be made");
    write_dump(
        GzEncoder::new(BufWriter::new(file), flate2::Compression::fast()),
        400,
    );
    let size = std::fs::metadata(folder.path().join("shop.sql.gz"))
        .expect("it exists")
        .len();
    assert!(size > 200_000_000, "{size} bytes");
    let (directories, pace) = ([directory(folder.path(), "{database}.sql.gz")], pace());
    let scanner = Scanner {
        directories: &directories,
        pace: &pace,
        look: Look::Once,
    };
    let mut report = None;
    let spent = allocation_counter::measure(|| {
        report = Some(scanner.scan(&mut Cache::default(), i64::MAX / 2));
    });
    let report = report.expect("it was made");
    assert_eq!(report.subjects[0].state(), Some(State::Complete));
    assert!(spent.bytes_max < LIMIT, "{} bytes", spent.bytes_max);
}

#[test]
fn many_files_of_one_name_take_constant_memory() {
    const LIMIT: u64 = 256 << 10;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for n in 0..5000 {
        File::create(
            folder
                .path()
                .join(format!("shop-{}.sql", 1_700_000_000 + n)),
        )
        .expect("a file can be made");
    }
    let (directories, pace) = (
        [directory(folder.path(), "{database}-{unixtime}.sql")],
        pace(),
    );
    let scanner = Scanner {
        directories: &directories,
        pace: &pace,
        look: Look::Once,
    };
    let spent =
        allocation_counter::measure(|| drop(scanner.scan(&mut Cache::default(), 1_800_000_000)));
    assert!(spent.bytes_max < LIMIT, "{} bytes", spent.bytes_max);
}

#[test]
fn a_directory_with_too_many_names_is_not_judged() {
    const LIMIT: u64 = 6 << 20;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for n in 0..8000 {
        File::create(folder.path().join(format!("shop{n}.sql"))).expect("a file can be made");
    }
    let (directories, pace) = ([directory(folder.path(), "{database}.sql")], pace());
    let scanner = Scanner {
        directories: &directories,
        pace: &pace,
        look: Look::Repeated,
    };
    let mut report = None;
    let spent = allocation_counter::measure(|| {
        report = Some(scanner.scan(&mut Cache::default(), i64::MAX / 2));
    });
    let report = report.expect("it was made");
    assert!(report.subjects.is_empty() && report.unreadable_directories() == 1);
    assert!(spent.bytes_max < LIMIT, "{} bytes", spent.bytes_max);
}
