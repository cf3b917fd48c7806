//! Reads one file: its format, what it is a backup of, and the proof that it is complete.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::fs::fstat;

use super::archive::{self, ArchiveKind, Header};
use super::file::{Identity, open_file, open_path};
use super::format::{Compression, Format};
use super::listing::{Candidate, folder_identity};
use super::magic::Container;
use super::pace::Pace;
use super::plain::{self, ClusterEnd, PlainKind};
use super::stream::{self, Failure, Stream};
use super::{custom, directory, tar};
use crate::names::readable;

/// What the content says about its completeness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    Complete,
    Incomplete(&'static str),
    /// It cannot be decided.
    Unproven(&'static str),
    Unreadable(String),
}

/// The content of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inspection {
    pub(super) format: Format,
    pub(super) compression: Compression,
    /// The database that the content names.
    pub(super) database: Option<String>,
    /// The databases of `pg_dumpall`.
    pub(super) databases: Vec<String>,
    /// When the dump began, in the local time of its host, as if it were UTC.
    pub(super) created: Option<i64>,
    pub(super) proof: Proof,
}

impl Inspection {
    fn new(format: Format, container: Container, proof: Proof) -> Self {
        Self {
            format,
            compression: container.into(),
            database: None,
            databases: Vec::new(),
            created: None,
            proof,
        }
    }

    /// The file is too large to be read now.
    pub(super) fn not_read() -> Self {
        let proof = Proof::Unproven("its content was not read");
        Self::new(Format::Unknown, Container::None, proof)
    }

    fn archive(
        format: Format,
        container: Container,
        header: &Header,
        complete: io::Result<()>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            database: header.database.as_deref().map(readable),
            created: header.created,
            ..Self::new(format, container, proof(complete)?)
        })
    }
}

/// The proof that a result of reading gives. Err: there is none, because reading was stopped.
fn proof(complete: io::Result<()>) -> Result<Proof, Failure> {
    let Err(error) = complete else {
        return Ok(Proof::Complete);
    };
    match Failure::from(error) {
        Failure::Stopped => Err(Failure::Stopped),
        Failure::Truncated => Ok(Proof::Incomplete("it is cut off")),
        Failure::Damaged => Ok(Proof::Incomplete("it is damaged")),
        Failure::Unsupported(why) => Ok(Proof::Unproven(why)),
        Failure::Unreadable(kind) => Ok(Proof::Unreadable(kind.to_string())),
    }
}

/// Reads the file. None: it was deleted or changed meanwhile, or the scan was stopped.
pub(super) fn inspect(root: &OwnedFd, candidate: &Candidate, pace: &Pace) -> Option<Inspection> {
    match look(root, candidate, pace) {
        Ok(inspection) => inspection,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            let proof = proof(Err(error)).ok()?;
            Some(Inspection::new(Format::Unknown, Container::None, proof))
        }
    }
}

/// Errors are those of the first bytes: the file cannot be opened, or its format not recognized.
fn look(root: &OwnedFd, candidate: &Candidate, pace: &Pace) -> io::Result<Option<Inspection>> {
    let (inspection, after) = if candidate.is_folder {
        let folder = open_path(root, &candidate.path)?;
        (folder_dump(&folder, pace)?, folder_identity(&folder)?)
    } else {
        let file = open_file(root, &candidate.path)?;
        let again = file.try_clone()?;
        let inspection = file_dump(file, &candidate.path, pace)?;
        (inspection, Identity::of(&fstat(&again)?))
    };
    Ok(inspection.filter(|_| after == candidate.identity))
}

fn folder_dump(folder: &OwnedFd, pace: &Pace) -> io::Result<Option<Inspection>> {
    let verified = match directory::verify(folder, pace) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let proof = Proof::Incomplete("it has no toc.dat");
            return Ok(Some(Inspection::new(
                Format::Directory,
                Container::None,
                proof,
            )));
        }
        verified => verified,
    };
    let (header, container, complete) = verified?;
    Ok(Inspection::archive(Format::Directory, container, &header, complete).ok())
}

fn file_dump(file: File, name: &[u8], pace: &Pace) -> io::Result<Option<Inspection>> {
    let (container, stream) = stream::open(file, name, pace)?;
    let Some(stream) = stream else {
        let why = match container {
            Container::Encrypted => "it is encrypted",
            _ => "it is compressed by a method that is not read",
        };
        return Ok(Some(Inspection::new(
            Format::Unknown,
            container,
            Proof::Unproven(why),
        )));
    };
    Ok(content(stream, container).ok())
}

/// Err: the scan was stopped.
fn content(mut stream: Stream<'_>, container: Container) -> Result<Inspection, Failure> {
    if stream.head().starts_with(archive::MAGIC) {
        return custom_dump(&mut stream, container);
    }
    if tar::is_tar(stream.head()) {
        return match tar::verify(&mut stream) {
            Ok((header, complete)) => {
                Inspection::archive(Format::Tar, container, &header, complete)
            }
            Err(error) => Ok(Inspection::new(Format::Tar, container, proof(Err(error))?)),
        };
    }
    match plain::kind(stream.head()) {
        Some(PlainKind::Database) => {
            let complete = plain::verify_database(&mut stream);
            Ok(Inspection::new(Format::Plain, container, proof(complete)?))
        }
        Some(PlainKind::Cluster) => cluster(&mut stream, container),
        None => Ok(Inspection::new(
            Format::Unknown,
            container,
            no_dump(&mut stream)?,
        )),
    }
}

fn no_dump(stream: &mut Stream<'_>) -> Result<Proof, Failure> {
    let is_empty = stream.head().is_empty();
    // A damaged compressed file is reported as such.
    let rest = io::copy(&mut stream.by_ref().take(1 << 20), &mut io::sink()).map(drop);
    match proof(rest)? {
        Proof::Complete if is_empty => Ok(Proof::Incomplete("it is empty")),
        Proof::Complete => Ok(Proof::Incomplete("it is no dump of PostgreSQL")),
        other => Ok(other),
    }
}

fn custom_dump(stream: &mut Stream<'_>, container: Container) -> Result<Inspection, Failure> {
    let header = match Header::read(stream) {
        Ok(header) if header.kind == ArchiveKind::Custom => header,
        Ok(_) => {
            let proof =
                Proof::Unproven("it is the table of contents of a dump in directory format");
            return Ok(Inspection::new(Format::Directory, container, proof));
        }
        Err(error) => {
            return Ok(Inspection::new(
                Format::Custom,
                container,
                proof(Err(error))?,
            ));
        }
    };
    let complete = custom::verify(&header, stream);
    Inspection::archive(Format::Custom, container, &header, complete)
}

fn cluster(stream: &mut Stream<'_>, container: Container) -> Result<Inspection, Failure> {
    let read = match plain::read_cluster(stream) {
        Ok(read) => read,
        Err(error) => {
            return Ok(Inspection::new(
                Format::PgDumpall,
                container,
                proof(Err(error))?,
            ));
        }
    };
    let (format, proof) = match (read.end, &read.databases) {
        (ClusterEnd::DatabaseAfterGlobals, _) => (Format::Plain, Proof::Complete),
        (ClusterEnd::Missing, _) => (Format::PgDumpall, Proof::Incomplete("it is cut off")),
        (ClusterEnd::Complete, None) => (
            Format::PgDumpall,
            Proof::Unproven("it has too many databases"),
        ),
        (ClusterEnd::Complete, Some(names)) if names.is_empty() => {
            (Format::Globals, Proof::Complete)
        }
        (ClusterEnd::Complete, Some(_)) => (Format::PgDumpall, Proof::Complete),
    };
    let names = read.databases.unwrap_or_default();
    Ok(Inspection {
        databases: names.iter().map(|name| readable(name)).collect(),
        ..Inspection::new(format, container, proof)
    })
}
