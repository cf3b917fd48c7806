//! The header and the table of contents of the archives of `pg_dump`: the start of a file in custom format, and `toc.dat` of the
//! directory and tar formats (`src/bin/pg_dump/pg_backup_archiver.c`, `ReadHead` and `ReadToc`).

use std::io::{self, Read};

use super::stream::{damaged, unsupported};
use super::timestamp::Civil;

pub(super) const MAGIC: &[u8] = b"PGDMP";

/// The layout of the table of contents is known for these versions: 1.12 to 1.16, which `pg_dump` 10 to 18 write.
const KNOWN_MINORS: std::ops::RangeInclusive<u8> = 12..=16;
/// No name in PostgreSQL is longer than 63 bytes, or a few hundred with another `NAMEDATALEN`.
const MAX_NAME: u64 = 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// 14 for version 1.14
    minor: u8,
    int_size: u8,
    pub(super) offset_size: u8,
    pub(super) kind: ArchiveKind,
    /// When the dump began, in the local time of its host.
    pub(super) created: Option<i64>,
    pub(super) database: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    Custom,
    /// `toc.dat`; the directory format writes the code of tar.
    Tar,
}

/// An entry of the table of contents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The data of large objects.
    pub(super) has_large_objects: bool,
    /// The data of a table that is written by `COPY`.
    pub(super) is_copy: bool,
    pub(super) data: Data,
}

/// Where the data of an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Data {
    None,
    /// In custom format, of an archive that could not be rewound: not known.
    Somewhere,
    /// In custom format: the offset from the start of the file. `pg_dump` writes it after all data.
    At(u64),
    /// In the directory and tar formats: the name of the file, without the suffix of compression.
    File(Vec<u8>),
}

impl Header {
    pub(super) fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut start = [0; 8];
        input.read_exact(&mut start)?;
        let [magic @ .., major, minor, _revision] = &start;
        if magic != MAGIC {
            return Err(damaged("no archive of pg_dump"));
        }
        if *major != 1 || !KNOWN_MINORS.contains(minor) {
            return Err(unsupported("a version of the archive that is not known"));
        }
        let [int_size, offset_size, format] = bytes(input)?;
        if !(1..=8).contains(&int_size) || !(1..=8).contains(&offset_size) {
            return Err(damaged("sizes"));
        }
        let kind = match format {
            1 => ArchiveKind::Custom,
            3 | 5 => ArchiveKind::Tar,
            _ => return Err(damaged("format")),
        };
        let mut header = Self {
            minor: *minor,
            int_size,
            offset_size,
            kind,
            created: None,
            database: None,
        };
        if header.minor >= 15 {
            bytes::<1>(input)?; // the method of compression; before, its level
        } else {
            header.int(input)?;
        }
        header.created = header.time(input)?;
        header.database = header.text(input)?;
        for _versions in 0..2 {
            header.skip_text(input)?;
        }
        Ok(header)
    }

    fn time(&self, input: &mut impl Read) -> io::Result<Option<i64>> {
        let mut fields = [0; 7];
        for field in &mut fields {
            *field = self.int(input)?;
        }
        let [second, minute, hour, day, month, year, _is_summer] = fields;
        let civil = Civil {
            year: year.saturating_add(1900),
            month: month.saturating_add(1),
            day,
            hour,
            minute,
            second,
        };
        Ok(civil.seconds())
    }

    /// Reads the table of contents and calls `each` for every entry.
    pub(super) fn entries(
        &self,
        input: &mut impl Read,
        mut each: impl FnMut(Entry) -> io::Result<()>,
    ) -> io::Result<()> {
        for _ in 0..self.int(input)? {
            each(self.entry(input)?)?;
        }
        Ok(())
    }

    fn entry(&self, input: &mut impl Read) -> io::Result<Entry> {
        self.int(input)?; // dump identifier
        self.int(input)?; // whether it has data
        for _oids_and_tag in 0..3 {
            self.skip_text(input)?;
        }
        let has_large_objects = self.text(input)?.is_some_and(|kind| kind == b"BLOBS");
        self.int(input)?; // section
        for _definition_and_drop in 0..2 {
            self.skip_text(input)?;
        }
        let is_copy = self.skip_text(input)?.is_some_and(|length| length > 0);
        for _namespace_and_tablespace in 0..2 {
            self.skip_text(input)?;
        }
        if self.minor >= 14 {
            self.skip_text(input)?; // table access method
        }
        if self.minor >= 16 {
            self.int(input)?; // kind of relation
        }
        for _owner_and_oids in 0..2 {
            self.skip_text(input)?;
        }
        while self.skip_text(input)?.is_some() {} // dependencies
        let data = self.data(input)?;
        Ok(Entry {
            has_large_objects,
            is_copy,
            data,
        })
    }

    fn data(&self, input: &mut impl Read) -> io::Result<Data> {
        match self.kind {
            ArchiveKind::Tar => {
                let name = self.text(input)?.unwrap_or_default();
                Ok(if name.is_empty() {
                    Data::None
                } else {
                    Data::File(name)
                })
            }
            ArchiveKind::Custom => {
                let [state] = bytes(input)?;
                let offset = little_endian(input, self.offset_size)?;
                match state {
                    1 => Ok(Data::Somewhere),
                    2 => Ok(Data::At(offset)),
                    3 => Ok(Data::None),
                    _ => Err(damaged("state of data")),
                }
            }
        }
    }

    /// The list of the large objects of an entry, whose data is in the file `name`, in tar format: the entry names another file.
    pub(super) fn large_object_list(&self, name: &[u8]) -> Vec<u8> {
        if self.minor < 16 {
            return b"blobs.toc".to_vec();
        }
        let id = name.strip_suffix(b".dat").unwrap_or(name);
        [b"blobs_", id, b".toc"].concat()
    }

    /// A sign and the absolute value.
    pub(super) fn int(&self, input: &mut impl Read) -> io::Result<i64> {
        let [sign] = bytes(input)?;
        let value = little_endian(input, self.int_size)?;
        let value = i64::try_from(value).map_err(|_| damaged("a number"))?;
        Ok(if sign == 0 { value } else { -value })
    }

    fn skip_text(&self, input: &mut impl Read) -> io::Result<Option<u64>> {
        let Ok(length) = u64::try_from(self.int(input)?) else {
            return Ok(None); // NULL
        };
        let skipped = io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        if skipped < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(length))
    }

    /// A short text.
    fn text(&self, input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
        let Ok(length) = u64::try_from(self.int(input)?) else {
            return Ok(None);
        };
        if length > MAX_NAME {
            return Err(damaged("a long name"));
        }
        let mut text = Vec::new();
        input.by_ref().take(length).read_to_end(&mut text)?;
        if (text.len() as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(text))
    }
}

pub(super) fn bytes<const COUNT: usize>(input: &mut impl Read) -> io::Result<[u8; COUNT]> {
    let mut read = [0; COUNT];
    input.read_exact(&mut read)?;
    Ok(read)
}

fn little_endian(input: &mut impl Read, size: u8) -> io::Result<u64> {
    let mut read = [0; 8];
    input.read_exact(&mut read[..usize::from(size)])?;
    Ok(u64::from_le_bytes(read))
}
