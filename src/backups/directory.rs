//! Completeness of the directory format (`src/bin/pg_dump/pg_backup_directory.c`). `toc.dat` is written before the data, so every
//! file that it names must exist and be whole.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::fd::OwnedFd;

use rustix::fs::Dir;

use super::archive::{Data, Header};
use super::file::open_in;
use super::magic::Container;
use super::pace::Pace;
use super::stream::{self, Stream, unsupported};

/// The suffixes that `pg_dump` gives to compressed files.
const SUFFIXES: [&[u8]; 4] = [b"", b".gz", b".zst", b".lz4"];
/// The end of the data of a table, as `COPY` and as `INSERT` statements.
const COPY_END: &[u8] = b"\\.\n\n\n";
const INSERT_END: &[u8] = b"\n\n";

/// The header of `toc.dat`, how the data is packed, and whether the dump is complete.
pub(super) fn verify(
    folder: &OwnedFd,
    pace: &Pace,
) -> io::Result<(Header, Container, io::Result<()>)> {
    let contents = open_in(folder, b"toc.dat")?;
    let (_, contents) = stream::open(contents, b"toc.dat", pace)?;
    let mut contents = contents.ok_or_else(|| unsupported("a compressed toc.dat"))?;
    let header = Header::read(&mut contents)?;
    let mut files = Files {
        folder,
        pace,
        container: Container::None,
        large_objects: 0,
    };
    let read = header.entries(&mut contents, |entry| match entry.data {
        Data::File(name) => files.verify(&name, entry.is_copy),
        Data::None | Data::Somewhere | Data::At(_) => Ok(()),
    });
    let complete = read.and_then(|()| {
        if !contents.is_at_end()? {
            return Err(stream::damaged("bytes after the table of contents"));
        }
        files.all_listed()
    });
    Ok((header, files.container, complete))
}

struct Files<'a> {
    folder: &'a OwnedFd,
    pace: &'a Pace,
    container: Container,
    /// How many large objects the lists have.
    large_objects: usize,
}

impl<'a> Files<'a> {
    fn verify(&mut self, name: &[u8], is_copy: bool) -> io::Result<()> {
        if name.starts_with(b"blobs") && name.ends_with(b".toc") {
            return self.large_objects(name);
        }
        let end = if is_copy { COPY_END } else { INSERT_END };
        let tail = self.whole(name)?;
        if tail.ends_with(end) {
            Ok(())
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }

    /// A list of lines `OID FILE`.
    fn large_objects(&mut self, name: &[u8]) -> io::Result<()> {
        const MAX_LINE: u64 = 256;
        let mut lines = BufReader::new(self.open(name)?);
        loop {
            let mut line = Vec::new();
            lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(());
            }
            let line = line.strip_suffix(b"\n").ok_or(ErrorKind::UnexpectedEof)?;
            let blank = line.iter().position(|byte| *byte == b' ');
            let file = blank
                .map(|at| &line[at + 1..])
                .ok_or(ErrorKind::InvalidData)?;
            self.whole(file)?;
            self.large_objects += 1;
        }
    }

    /// A list of large objects has no end of its own, so its entries are compared with the files.
    fn all_listed(&self) -> io::Result<()> {
        let mut files = 0;
        for entry in &mut Dir::read_from(self.folder)? {
            files += usize::from(entry?.file_name().to_bytes().starts_with(b"blob_"));
        }
        if files == self.large_objects {
            Ok(())
        } else {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }

    /// The end of a file. A compressed file is read completely, and its checksum is verified.
    fn whole(&mut self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.open(name)?.tail()
    }

    fn open(&mut self, name: &[u8]) -> io::Result<Stream<'a>> {
        if name.contains(&b'/') {
            return Err(stream::damaged("a file elsewhere"));
        }
        for suffix in SUFFIXES {
            let name = [name, suffix].concat();
            match open_in(self.folder, &name) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                // Table data without a suffix can begin with any bytes.
                Ok(file) if suffix.is_empty() => return stream::uncompressed(file, self.pace),
                Ok(file) => {
                    let (container, stream) = stream::open(file, &name, self.pace)?;
                    if container == Container::None {
                        return Err(ErrorKind::UnexpectedEof.into()); // empty
                    }
                    self.container = container;
                    return stream
                        .ok_or_else(|| unsupported("compressed by a method that is not read"));
                }
            }
        }
        Err(ErrorKind::UnexpectedEof.into()) // the file is missing
    }
}
