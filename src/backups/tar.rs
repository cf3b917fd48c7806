//! Completeness of the tar format (`src/bin/pg_dump/pg_backup_tar.c`): `toc.dat` first, a member for each file that it names,
//! `restore.sql` last, and two blocks of zeros.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};

use super::archive::{Data, Header};
use super::stream::{Stream, damaged, unsupported};

const BLOCK: usize = 512;
/// Names of files that are remembered, by their hashes.
const MAX_MEMBERS: usize = 100_000;

/// Whether the content starts with a member of a tar archive.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.first_chunk()
        .is_some_and(|block| member(block).is_some())
}

/// The header of `toc.dat`, and whether the archive is complete.
pub(super) fn verify(stream: &mut Stream<'_>) -> io::Result<(Header, io::Result<()>)> {
    let first = next(stream)?.filter(|member| member.name == b"toc.dat");
    let Some(first) = first else {
        return Err(unsupported("a tar archive that pg_dump did not write"));
    };
    let mut contents = stream.by_ref().take(first.size);
    let header = Header::read(&mut contents)?;
    let random = RandomState::new();
    let mut missing = HashSet::new();
    let read = header.entries(&mut contents, |entry| {
        if let Data::File(mut name) = entry.data {
            if entry.has_large_objects {
                name = header.large_object_list(&name);
            }
            if missing.len() >= MAX_MEMBERS {
                return Err(unsupported("too many files"));
            }
            missing.insert(random.hash_one(&name[..]));
        }
        Ok(())
    });
    let rest = contents.limit();
    let complete = read.and_then(|()| {
        stream.skip(rest)?;
        stream.skip(padding(first.size))?;
        members(stream, &random, &mut missing)
    });
    Ok((header, complete))
}

fn members(
    stream: &mut Stream<'_>,
    random: &RandomState,
    missing: &mut HashSet<u64>,
) -> io::Result<()> {
    let mut has_script = false;
    while let Some(member) = next(stream)? {
        missing.remove(&random.hash_one(&member.name[..]));
        has_script = member.name == b"restore.sql";
        stream.skip(member.size)?;
        stream.skip(padding(member.size))?;
    }
    let mut second = [1; BLOCK];
    stream.read_exact(&mut second)?;
    io::copy(stream, &mut io::sink())?; // verifies the checksum of a compressed file
    if second != [0; BLOCK] || !missing.is_empty() || !has_script {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

struct Member {
    name: Vec<u8>,
    size: u64,
}

/// The next member. None: a block of zeros.
fn next(stream: &mut Stream<'_>) -> io::Result<Option<Member>> {
    let mut block = [0; BLOCK];
    stream.read_exact(&mut block)?;
    if block == [0; BLOCK] {
        return Ok(None);
    }
    member(&block)
        .map(Some)
        .ok_or_else(|| damaged("the header of a member"))
}

/// The member that a block describes, if its checksum is right.
fn member(block: &[u8; BLOCK]) -> Option<Member> {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let bytes = block.iter().enumerate();
    let sum: u64 = bytes
        .map(|(n, byte)| u64::from(if CHECKSUM.contains(&n) { b' ' } else { *byte }))
        .sum();
    if octal(&block[CHECKSUM])? != sum {
        return None;
    }
    let name = &block[..100];
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    let size = &block[124..136];
    // Sizes of 8 GiB and more are in base 256.
    let size = if size[0] & 0x80 == 0 {
        octal(size)?
    } else {
        u64::from_be_bytes(*size.last_chunk()?)
    };
    Some(Member {
        name: name[..end].to_vec(),
        size,
    })
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

fn padding(size: u64) -> u64 {
    let block = BLOCK as u64;
    (block - size % block) % block
}
