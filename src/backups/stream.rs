//! Reads the content of a file in constant memory, decompressed if it is compressed.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;

use super::magic::{Container, container};
use super::pace::{Pace, PacedFile, Stopped};
use super::zstd::Zstd;

/// The first bytes of the content, which show its format.
const HEAD: u64 = 8 << 10;
/// The last bytes of the content: the end of a plain dump, with blank lines and `\unrestrict`.
pub(super) const TAIL: usize = 4 << 10;
const BUFFER: usize = 64 << 10;

/// The content may have this many bytes, and this many times the size of the file: SQL rarely compresses better than 50 to 1. A
/// file that expands more would take hours.
const EXPANDED_BYTES: u64 = 1 << 30;
const EXPANDED_RATIO: u64 = 256;

/// Why a read failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Stopped,
    /// The content ends too early.
    Truncated,
    /// The content is not valid.
    Damaged,
    /// The operating system cannot read the file.
    Unreadable(ErrorKind),
    /// Valid, but it cannot be read with the limits of this program.
    Unsupported(&'static str),
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unsupported(&'static str);

pub(super) fn unsupported(why: &'static str) -> io::Error {
    io::Error::other(Unsupported(why))
}

pub(super) fn damaged(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        let mut failure = Self::Damaged;
        while let Some(error) = cause {
            if error.is::<Stopped>() {
                return Self::Stopped;
            }
            if let Some(Unsupported(why)) = error.downcast_ref() {
                return Self::Unsupported(why);
            }
            cause = error.source();
            if let Some(error) = error.downcast_ref::<io::Error>() {
                if error.raw_os_error().is_some() {
                    return Self::Unreadable(error.kind());
                }
                if error.kind() == ErrorKind::UnexpectedEof {
                    failure = Self::Truncated;
                }
                cause = error.get_ref().map(|inner| inner as _).or(cause);
            }
        }
        failure
    }
}

/// The content of a file. Reads and skips go forward only.
pub(super) struct Stream<'a> {
    content: Content<'a>,
    head: Vec<u8>,
    /// Bytes read and skipped.
    at: u64,
}

enum Content<'a> {
    Uncompressed {
        file: BufReader<PacedFile<'a>>,
        size: u64,
    },
    Decoded(Box<dyn Read + 'a>),
}

/// How the file is packed, and its content if that can be read.
pub(super) fn open<'a>(
    file: File,
    name: &[u8],
    pace: &'a Pace,
) -> io::Result<(Container, Option<Stream<'a>>)> {
    let size = file.metadata()?.len();
    let mut file = BufReader::with_capacity(BUFFER, PacedFile::new(file, pace));
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let container = container(&head, name);
    let content = match container {
        Container::None => Content::Uncompressed { file, size },
        Container::Gzip => decoded(MultiGzDecoder::new(file), size),
        Container::Zstd => decoded(Zstd::new(file), size),
        Container::Other(_) | Container::Encrypted => return Ok((container, None)),
    };
    Stream::new(content, head).map(|stream| (container, Some(stream)))
}

/// The content of a file that is known to be uncompressed, whatever its first bytes are.
pub(super) fn uncompressed(file: File, pace: &Pace) -> io::Result<Stream<'_>> {
    let size = file.metadata()?.len();
    let file = BufReader::with_capacity(BUFFER, PacedFile::new(file, pace));
    Stream::new(Content::Uncompressed { file, size }, Vec::new())
}

fn decoded<'a>(decoder: impl Read + 'a, size: u64) -> Content<'a> {
    let left = EXPANDED_BYTES.saturating_add(size.saturating_mul(EXPANDED_RATIO));
    Content::Decoded(Box::new(Limited { decoder, left }))
}

impl<'a> Stream<'a> {
    fn new(content: Content<'a>, head: Vec<u8>) -> io::Result<Self> {
        let Content::Decoded(mut decoder) = content else {
            return Ok(Self {
                content,
                head,
                at: 0,
            });
        };
        let mut head = Vec::new();
        decoder.by_ref().take(HEAD).read_to_end(&mut head)?;
        let content = Content::Decoded(Box::new(Cursor::new(head.clone()).chain(decoder)));
        Ok(Self {
            content,
            head,
            at: 0,
        })
    }

    /// The first bytes of the content, wherever the stream is.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// Skips bytes, which must exist.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match &mut self.content {
            Content::Uncompressed { file, size } => {
                let end = self.at.checked_add(bytes).filter(|end| end <= size);
                let (Some(end), Ok(offset)) = (end, i64::try_from(bytes)) else {
                    return Err(ErrorKind::UnexpectedEof.into());
                };
                file.seek_relative(offset)?;
                self.at = end;
                Ok(())
            }
            Content::Decoded(_) => {
                let skipped = io::copy(&mut self.by_ref().take(bytes), &mut io::sink())?;
                if skipped < bytes {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                Ok(())
            }
        }
    }

    /// Whether no byte follows. Consumes one if there is.
    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.read(&mut [0])? == 0)
    }

    /// Skips to the last bytes of the content and returns them, at most `TAIL`.
    pub(super) fn tail(&mut self) -> io::Result<Vec<u8>> {
        if let Content::Uncompressed { size, .. } = self.content {
            self.skip(size.saturating_sub(TAIL as u64).saturating_sub(self.at))?;
        }
        let mut tail = Tail::default();
        io::copy(self, &mut tail)?;
        Ok(tail.bytes)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.content {
            Content::Uncompressed { file, .. } => file.read(buffer)?,
            Content::Decoded(decoder) => decoder.read(buffer)?,
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// Keeps the last bytes that are written to it.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
}

impl io::Write for Tail {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        let kept = &written[written.len().saturating_sub(TAIL)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(TAIL);
        self.bytes.drain(..excess);
        self.bytes.extend_from_slice(kept);
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails if the decoder returns more than `left` bytes.
struct Limited<R> {
    decoder: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| unsupported("it expands too much"))?;
        Ok(read)
    }
}
