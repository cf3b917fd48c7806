//! The history as bytes: a header with the version, the rows, and a checksum (SHA-256) of both. Numbers are little-endian; a text
//! and a list begin with their length.

use std::io::{self, Write};
use std::sync::Arc;

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN, digest};
use thiserror::Error;

use super::chunk::{Cell, Chunk, Names};
use super::{Timeline, Timelines};

const MAGIC: &[u8] = b"pgcommons history 1\n";

/// Why a file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Damage {
    #[error("it is no history of this version of the agent")]
    Version,
    #[error("it is damaged: the checksum differs")]
    Checksum,
    #[error("it is damaged: its lengths contradict each other")]
    Content,
}

/// Writes the whole file.
pub(super) fn write(timelines: &Timelines, out: impl Write) -> io::Result<()> {
    let mut out = Output {
        out,
        checksum: Context::new(&SHA256),
    };
    out.bytes(MAGIC)?;
    out.length(timelines.0.len())?;
    for (name, timeline) in &timelines.0 {
        out.text(name)?;
        out.length(timeline.chunks.len())?;
        for chunk in &timeline.chunks {
            out.chunk(chunk)?;
        }
    }
    out.out.write_all(out.checksum.finish().as_ref())?;
    out.out.flush()
}

struct Output<W> {
    out: W,
    checksum: Context,
}

impl<W: Write> Output<W> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.out.write_all(bytes)
    }

    fn length(&mut self, length: usize) -> io::Result<()> {
        let length = u32::try_from(length).map_err(io::Error::other)?;
        self.bytes(&length.to_le_bytes())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.length(text.len())?;
        self.bytes(text.as_bytes())
    }

    fn list<T, const N: usize>(
        &mut self,
        list: &[T],
        code: impl Fn(&T) -> [u8; N],
    ) -> io::Result<()> {
        self.length(list.len())?;
        list.iter().try_for_each(|item| self.bytes(&code(item)))
    }

    fn chunk(&mut self, chunk: &Chunk) -> io::Result<()> {
        for names in [&chunk.names.databases, &chunk.names.resources] {
            self.length(names.len())?;
            names.iter().try_for_each(|name| self.text(name))?;
        }
        self.list(&chunk.minutes, |minute| minute.to_le_bytes())?;
        self.list(&chunk.cells, |cell| {
            let [low, high] = cell.peak.to_le_bytes();
            [low, high, cell.exhausted, cell.active]
        })?;
        self.list(&chunk.shares, |share| share.to_le_bytes())?;
        self.list(&chunk.sizes, |size| size.to_bits().to_le_bytes())
    }
}

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<Timelines, Damage> {
    if !bytes.starts_with(MAGIC) {
        return Err(Damage::Version);
    }
    let end = bytes.len().checked_sub(SHA256_OUTPUT_LEN);
    let end = end
        .filter(|end| *end >= MAGIC.len())
        .ok_or(Damage::Checksum)?;
    let (content, checksum) = bytes.split_at(end);
    if digest(&SHA256, content).as_ref() != checksum {
        return Err(Damage::Checksum);
    }
    let mut input = Input(&content[MAGIC.len()..]);
    let timelines = input.timelines().filter(|_| input.0.is_empty());
    timelines.ok_or(Damage::Content)
}

/// What is left to read. None: the rest is too short, or not as it should be.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn timelines(&mut self) -> Option<Timelines> {
        let mut timelines = Timelines::default();
        for _ in 0..self.number()? {
            let (name, timeline) = (self.text()?, self.timeline()?);
            timelines.0.insert(name, Arc::new(timeline));
        }
        Some(timelines)
    }

    fn timeline(&mut self) -> Option<Timeline> {
        let mut timeline = Timeline::default();
        for _ in 0..self.number()? {
            let mut chunk = self.chunk()?;
            let before = timeline.chunks.back();
            if before.is_some_and(|before| before.last() >= chunk.first()) {
                return None;
            }
            if let Some(same) = before.filter(|before| before.names == chunk.names) {
                chunk.names = Arc::clone(&same.names);
            }
            timeline.chunks.push_back(Arc::new(chunk));
        }
        Some(timeline)
    }

    fn chunk(&mut self) -> Option<Chunk> {
        let names = Names {
            databases: self.names()?,
            resources: self.names()?,
        };
        let chunk = Chunk {
            names: Arc::new(names),
            minutes: self.list(u32::from_le_bytes)?,
            cells: self.list(|[low, high, exhausted, active]| Cell {
                peak: u16::from_le_bytes([low, high]),
                exhausted,
                active,
            })?,
            shares: self.list(u16::from_le_bytes)?,
            sizes: self.list(|bits| f32::from_bits(u32::from_le_bytes(bits)))?,
        };
        chunk.is_consistent().then_some(chunk)
    }

    fn names(&mut self) -> Option<Vec<String>> {
        (0..self.number()?).map(|_| self.text()).collect()
    }

    fn list<T, const N: usize>(&mut self, item: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let count = usize::try_from(self.number()?).ok()?;
        let bytes = self.take(count.checked_mul(N)?)?;
        let (items, _) = bytes.as_chunks();
        Some(items.iter().map(|bytes| item(*bytes)).collect())
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn number(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}
