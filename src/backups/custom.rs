//! Completeness of the custom format (`src/bin/pg_dump/pg_backup_custom.c`).
//!
//! `pg_restore --list` reads only the table of contents at the start, and accepts a file that was cut off. If `pg_dump` wrote to a
//! file, it enters the offsets of all data into that table at the end: then the last block must end where the file ends. If it
//! wrote to a pipe, there are no offsets, and every block is walked through.

use std::io::{self, Read};

use super::archive::{Data, Header, bytes};
use super::stream::{Stream, damaged};

const TABLE: u8 = 1;
const LARGE_OBJECTS: u8 = 3;

/// Reads the rest of the file behind the header. Ok: it is complete.
pub(super) fn verify(header: &Header, stream: &mut Stream<'_>) -> io::Result<()> {
    let (mut unknown, mut last) = (0_u64, None);
    header.entries(stream, |entry| {
        match entry.data {
            Data::At(offset) => last = last.max(Some(offset)),
            Data::Somewhere => unknown += 1,
            Data::None | Data::File(_) => {}
        }
        Ok(())
    })?;
    if let Some(offset) = last {
        let ahead = offset.checked_sub(stream.position());
        stream.skip(ahead.ok_or_else(|| damaged("an offset before the data"))?)?;
        block(header, stream)?;
        return at_end(stream);
    }
    for _ in 0..unknown {
        block(header, stream)?;
    }
    contents_or_end(header, stream)
}
/// The end of a file that was written to a pipe. Since 16, `pg_dump -Fc >FILE` appends the table of contents with the offsets instead of
/// replacing the first one, because it opens standard output for appending.
fn contents_or_end(header: &Header, stream: &mut Stream<'_>) -> io::Result<()> {
    let mut peeked = [0];
    if stream.read(&mut peeked)? == 0 {
        return Ok(());
    }
    let mut again = peeked.as_slice().chain(stream.by_ref());
    header.entries(&mut again, |entry| match entry.data {
        Data::At(_) | Data::None => Ok(()),
        Data::Somewhere | Data::File(_) => Err(damaged("a table of contents without offsets")),
    })?;
    at_end(stream)
}

fn at_end(stream: &mut Stream<'_>) -> io::Result<()> {
    if stream.is_at_end()? {
        Ok(())
    } else {
        Err(damaged("bytes after the end"))
    }
}

fn block(header: &Header, stream: &mut Stream<'_>) -> io::Result<()> {
    let [kind] = bytes(stream)?;
    header.int(stream)?; // dump identifier
    match kind {
        TABLE => chunks(header, stream),
        LARGE_OBJECTS => {
            while header.int(stream)? != 0 {
                chunks(header, stream)?;
            }
            Ok(())
        }
        _ => Err(damaged("a kind of block")),
    }
}

/// Chunks with their length, until a length of 0.
fn chunks(header: &Header, stream: &mut Stream<'_>) -> io::Result<()> {
    loop {
        match u64::try_from(header.int(stream)?) {
            Ok(0) => return Ok(()),
            Ok(length) => stream.skip(length)?,
            Err(_) => return Err(damaged("a length")),
        }
    }
}
