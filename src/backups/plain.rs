//! Completeness of plain dumps, of one database (`pg_dump`) or of all (`pg_dumpall`).
//!
//! The last lines of a complete dump are a comment that says so. Since 13.22, 14.19, 15.14, 16.10, 17.6 and 18 a dump of a database
//! is enclosed in `\restrict KEY` and `\unrestrict KEY` with a random key. A tenant's text inside cannot know the key, so it
//! cannot pretend that the dump ends.

use std::io::{self, Read};

use super::stream::{Stream, unsupported};

const DATABASE: &[u8] = b"-- PostgreSQL database dump";
const DATABASE_END: &[u8] = b"-- PostgreSQL database dump complete";
const CLUSTER: &[u8] = b"-- PostgreSQL database cluster dump";
const CLUSTER_END: &[u8] = b"-- PostgreSQL database cluster dump complete";
const RESTRICT: &[u8] = b"\\restrict ";
const UNRESTRICT: &[u8] = b"\\unrestrict ";

/// Names of databases that are kept from one file.
const MAX_DATABASES: usize = 10_000;
/// The start of a line that is kept: a name with at most 63 bytes, each of which may be four bytes long.
const MAX_LINE: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainKind {
    Database,
    Cluster,
}

/// What a plain dump is of, by its first lines. None: it is none.
pub(super) fn kind(head: &[u8]) -> Option<PlainKind> {
    lines(head).find_map(|line| match line {
        DATABASE => Some(PlainKind::Database),
        CLUSTER => Some(PlainKind::Cluster),
        _ => None,
    })
}

/// Lines without their ends, also those of Windows: `docker exec -t` writes them.
fn lines(text: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(without_return)
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How a text ends.
#[derive(Debug, PartialEq, Eq)]
enum End<'a> {
    Cluster,
    Database { key: Option<&'a [u8]> },
    None,
}

fn end(tail: &[u8]) -> End<'_> {
    let mut last = lines(tail)
        .rev()
        .skip_while(|line| line.is_empty())
        .peekable();
    let key = last.peek().and_then(|line| line.strip_prefix(UNRESTRICT));
    if key.is_some() {
        last.next();
    }
    let mut last = last.skip_while(|line| line.is_empty());
    let lines = [last.next(), last.next(), last.next()];
    match lines.map(Option::unwrap_or_default) {
        [b"--", DATABASE_END, b"--"] => End::Database { key },
        [b"--", CLUSTER_END, b"--"] if key.is_none() => End::Cluster,
        _ => End::None,
    }
}

/// Ok: the dump of one database is complete.
pub(super) fn verify_database(stream: &mut Stream<'_>) -> io::Result<()> {
    let head = stream.head();
    let start = lines(head).find_map(|line| line.strip_prefix(RESTRICT));
    let start = start.map(<[u8]>::to_vec);
    let tail = stream.tail()?;
    match (end(&tail), start) {
        (End::Database { key: Some(key) }, Some(start)) if key != start => {
            if start.starts_with(key) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Err(unsupported("it holds several dumps"))
        }
        (End::Database { key: None }, Some(_)) | (End::None, _) => {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
        (End::Database { .. }, _) => Ok(()),
        (End::Cluster, _) => Err(unsupported("it holds several dumps")),
    }
}

/// A dump of `pg_dumpall` that was read completely.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    /// In the order of the file. None: more than are kept.
    pub(super) databases: Option<Vec<Vec<u8>>>,
    pub(super) end: ClusterEnd,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClusterEnd {
    Complete,
    /// Roles and tablespaces are complete, and a dump of one database follows: two dumps in one file.
    DatabaseAfterGlobals,
    Missing,
}

pub(super) fn read_cluster(stream: &mut Stream<'_>) -> io::Result<Cluster> {
    let mut reader = ClusterReader::default();
    let mut buffer = vec![0; 32 << 10];
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        reader.bytes(&buffer[..read]);
    }
    Ok(reader.finish())
}

/// Reads lines outside `\restrict`, of which only the starts are kept.
#[derive(Default)]
struct ClusterReader {
    line: Vec<u8>,
    previous_is_comment_start: bool,
    key: Option<Vec<u8>>,
    databases: Vec<Vec<u8>>,
    has_too_many: bool,
    has_end: bool,
    tail: Vec<u8>,
}

impl ClusterReader {
    fn bytes(&mut self, mut bytes: &[u8]) {
        self.keep_tail(bytes);
        while let Some(at) = memchr::memchr(b'\n', bytes) {
            self.part(&bytes[..at]);
            let line = std::mem::take(&mut self.line);
            self.line(without_return(&line));
            self.line = line;
            self.line.clear();
            bytes = &bytes[at + 1..];
        }
        self.part(bytes);
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(MAX_LINE)..];
        let excess = (self.tail.len() + kept.len()).saturating_sub(MAX_LINE);
        self.tail.drain(..excess);
        self.tail.extend_from_slice(kept);
    }

    fn part(&mut self, part: &[u8]) {
        let room = MAX_LINE - self.line.len();
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn line(&mut self, line: &[u8]) {
        let follows_start = std::mem::replace(&mut self.previous_is_comment_start, line == b"--");
        if let Some(key) = &self.key {
            if line.strip_prefix(UNRESTRICT) == Some(key) {
                self.key = None;
            }
            return;
        }
        if let Some(key) = line.strip_prefix(RESTRICT) {
            self.key = Some(key.to_vec());
        } else if follows_start && line == CLUSTER_END {
            self.has_end = true;
        } else if let Some(name) = follows_start.then(|| database_name(line)).flatten() {
            if self.databases.len() < MAX_DATABASES {
                self.databases.push(name.to_vec());
            } else {
                self.has_too_many = true;
            }
        }
    }

    fn finish(self) -> Cluster {
        let end = match end(&self.tail) {
            End::Cluster => ClusterEnd::Complete,
            End::Database { .. } if self.has_end && self.databases.is_empty() => {
                ClusterEnd::DatabaseAfterGlobals
            }
            End::Database { .. } | End::None => ClusterEnd::Missing,
        };
        let databases = (!self.has_too_many).then_some(self.databases);
        Cluster { databases, end }
    }
}

/// The name in `-- Database "NAME" dump`.
fn database_name(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"-- Database \"")?
        .strip_suffix(b"\" dump")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_behind_blank_lines_and_the_key() {
        let end_of = |text: &str| match end(text.as_bytes()) {
            End::Cluster => "cluster".to_owned(),
            End::Database { key } => format!(
                "database {}",
                String::from_utf8_lossy(key.unwrap_or_default())
            ),
            End::None => "none".to_owned(),
        };
        for (text, found) in [
            (
                "x\n--\n-- PostgreSQL database dump complete\n--\n\n",
                "database ",
            ),
            (
                "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k1\n\n",
                "database k1",
            ),
            (
                "--\r\n-- PostgreSQL database dump complete\r\n--\r\n\r\n\\unrestrict k1\r\n\r\n",
                "database k1",
            ),
            (
                "--\n-- PostgreSQL database cluster dump complete\n--\n\n",
                "cluster",
            ),
            (
                "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict k\n\n--\n-- Database \"x\" dump\n--\n",
                "none",
            ),
            (
                "--\n-- PostgreSQL database dump complete\n--\nINSERT",
                "none",
            ),
            ("-- PostgreSQL database dump complete\n--\n", "none"),
            ("--\n-- PostgreSQL database dump compl", "none"),
            ("", "none"),
        ] {
            assert_eq!(end_of(text), found, "{text:?}");
        }
    }

    fn cluster(text: &str, step: usize) -> (Vec<String>, ClusterEnd) {
        let mut reader = ClusterReader::default();
        for part in text.as_bytes().chunks(step) {
            reader.bytes(part);
        }
        let cluster = reader.finish();
        let names = cluster.databases.expect("few").into_iter();
        (
            names
                .map(|name| String::from_utf8(name).expect("UTF-8"))
                .collect(),
            cluster.end,
        )
    }

    const GLOBALS: &str =
        "--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict a\n\\unrestrict a\n";
    const END: &str = "--\n-- PostgreSQL database cluster dump complete\n--\n\n";

    #[test]
    fn databases_are_found_only_outside_the_text_of_tenants() {
        let dump = "--\n-- Database \"shop\" dump\n--\n\n\\restrict b\n\
                    --\n-- Database \"evil\" dump\n--\n\\unrestrict wrong\n\
                    --\n-- Database \"evil\" dump\n--\n\\unrestrict b\n\n";
        let text = [GLOBALS, dump, END].concat();
        for step in [1, 7, 1 << 20] {
            assert_eq!(
                cluster(&text, step),
                (vec!["shop".to_owned()], ClusterEnd::Complete)
            );
        }
        let cut = [GLOBALS, dump].concat();
        assert_eq!(cluster(&cut, 100).1, ClusterEnd::Missing);
    }

    #[test]
    fn a_dump_behind_globals_is_a_dump_of_one_database() {
        let database =
            "--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n";
        let text = [GLOBALS, END, database].concat();
        assert_eq!(
            cluster(&text, 64),
            (Vec::new(), ClusterEnd::DatabaseAfterGlobals)
        );
        let text = [GLOBALS, database].concat();
        assert_eq!(cluster(&text, 64).1, ClusterEnd::Missing);
    }
}
