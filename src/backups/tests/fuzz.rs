//! Content of any bytes, and real dumps with changed bytes: reading them ends, and does not panic. `make fuzz` tries a million of each.

use std::fs::File;
use std::io::Write as _;

use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::sample::Index;

use super::pace;
use crate::backups::file::Identity;
use crate::backups::file::open_root;
use crate::backups::inspect::{Inspection, Proof, inspect};
use crate::backups::listing::Candidate;
use crate::backups::pattern::Named;

/// Dumps of a database with a table and a large object, by `pg_dump` 15 and 18.
const DUMPS: [&[u8]; 5] = [
    include_bytes!("../../../tests/golden/backups/custom-15.dump"),
    include_bytes!("../../../tests/golden/backups/custom-18.dump"),
    include_bytes!("../../../tests/golden/backups/tar-18.tar"),
    include_bytes!("../../../tests/golden/backups/plain-18.sql"),
    include_bytes!("../../../tests/golden/backups/all-15.sql"),
];

fn inspected(content: &[u8]) -> Inspection {
    let directory = tempfile::tempdir().expect("a temporary folder can be made");
    let path = directory.path().join("file");
    let mut file = File::create(&path).expect("a file can be made");
    file.write_all(content).expect("it can be written");
    let stat = rustix::fs::fstat(&file).expect("it is open");
    let candidate = Candidate {
        path: b"file".to_vec(),
        identity: Identity::of(&stat),
        is_folder: false,
        named: Named::default(),
        pattern: 0,
    };
    let root = open_root(directory.path()).expect("it exists");
    inspect(&root, &candidate, &pace()).expect("nothing changes it")
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder
        .write_all(content)
        .expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}

fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn the_dumps_are_complete_and_every_part_of_them_is_not() {
    for dump in DUMPS {
        assert_eq!(inspected(dump).proof, Proof::Complete);
        let step = (dump.len() / 300).max(1);
        for length in (0..dump.len() - 4).step_by(step) {
            let proof = inspected(&dump[..length]).proof;
            assert!(
                matches!(proof, Proof::Incomplete(_)),
                "{length} bytes: {proof:?}"
            );
        }
    }
}

/// Blocks of zstd that repeat one byte: 8 GiB in 256 kB, after the start of a dump.
fn zstd_bomb() -> Vec<u8> {
    const RAW: u32 = 0;
    const REPEATED: u32 = 1 << 1;
    let block = |kind: u32, size: u32| (size << 3 | kind).to_le_bytes();
    let start = b"--\n-- PostgreSQL database dump\n--\n";
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]; // a window of 2 MiB
    frame.extend_from_slice(&block(RAW, 34)[..3]);
    frame.extend_from_slice(&start[..34]);
    for _ in 0..1 << 16 {
        frame.extend_from_slice(&block(REPEATED, 128 << 10)[..3]);
        frame.push(b' ');
    }
    frame
}

#[test]
fn a_file_that_expands_too_much_is_not_read_to_its_end() {
    let large_window = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70][..], &[0; 100]].concat();
    let mut text = b"--\n-- PostgreSQL database dump\n--\n".to_vec();
    text.resize(64 << 20, b' ');
    for (bomb, why) in [
        (zstd_bomb(), "it expands too much"),
        (gzip(&text).repeat(30), "it expands too much"),
        (large_window, "its zstd window is above 8 MiB"),
    ] {
        let size = bomb.len();
        assert_eq!(inspected(&bomb).proof, Proof::Unproven(why), "{size} bytes");
    }
}

fn packed(content: &[u8], how: u8) -> Vec<u8> {
    match how {
        0 => content.to_vec(),
        1 => gzip(content),
        _ => zstd(content),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(content in prop::collection::vec(any::<u8>(), 0..600), start in 0..6_usize) {
        let starts: [&[u8]; 6] = [b"", b"PGDMP\x01", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"toc.dat\0", b"-- PostgreSQL database cluster dump\n"];
        inspected(&[starts[start], &content].concat());
    }

    #[test]
    fn a_dump_with_changed_bytes_is_read(
        dump in 0..DUMPS.len(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..5),
        inner in 0..3_u8,
        is_outer in any::<bool>(),
    ) {
        let mut content = if is_outer { packed(DUMPS[dump], inner) } else { DUMPS[dump].to_vec() };
        for (at, byte) in changes {
            let length = content.len().min(6000);
            content[at.index(length)] = byte;
        }
        inspected(&if is_outer { content } else { packed(&content, inner) });
    }
}
