//! The format of a dump, and how its file is packed.

use serde::Serialize;

use super::magic::Container;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Plain,
    PgDumpall,
    /// `pg_dumpall` without databases, as with `--globals-only`.
    Globals,
    Custom,
    Directory,
    Tar,
    /// Encrypted, compressed by a method that is not read, or no dump.
    Unknown,
}

impl Format {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::PgDumpall => "pg_dumpall",
            Self::Globals => "globals",
            Self::Custom => "custom",
            Self::Directory => "directory",
            Self::Tar => "tar",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Xz,
    Lz4,
    Other,
    Encrypted,
}

impl From<Container> for Compression {
    fn from(container: Container) -> Self {
        match container {
            Container::None => Self::None,
            Container::Gzip => Self::Gzip,
            Container::Zstd => Self::Zstd,
            Container::Other("xz") => Self::Xz,
            Container::Other("lz4") => Self::Lz4,
            Container::Other(_) => Self::Other,
            Container::Encrypted => Self::Encrypted,
        }
    }
}

impl Compression {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Other => "other",
            Self::Encrypted => "encrypted",
        }
    }
}
