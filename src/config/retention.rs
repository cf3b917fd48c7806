//! `history` and `state`: how much history there is, and where it survives a restart.

use std::path::PathBuf;

use super::raw::{RawConfig, RawHistory, RawState};
use super::redact::quoted;
use super::values::Reader;
use crate::timeline::Retention;

/// What `state.dir` must be.
pub(super) const STATE_DIRECTORY: &str =
    "the absolute path of a directory that the agent can write, as in /var/lib/pgcommons";

pub(super) fn read(reader: &mut Reader, raw: &mut RawConfig) -> Retention {
    let history = reader.table("history", std::mem::take(&mut raw.history));
    let state = reader.table("state", std::mem::take(&mut raw.state));
    let directory = reader.optional("state", state.dir, &RawState::dir());
    Retention {
        databases: reader.value("history", history.databases, &RawHistory::databases()),
        directory: directory.and_then(|text| absolute(reader, &text)),
    }
}

fn absolute(reader: &mut Reader, text: &str) -> Option<PathBuf> {
    let path = PathBuf::from(text);
    if path.is_relative() || text.contains('\0') {
        reader.problem("state.dir", quoted(text), STATE_DIRECTORY);
        return None;
    }
    Some(path)
}

/// A warning if there is no such directory yet.
pub(super) fn missing_directory(retention: &Retention) -> Option<super::Problem> {
    let path = retention.directory.as_ref()?;
    (!path.is_dir()).then(|| super::Problem {
        key: "state.dir".to_owned(),
        got: super::shown_path(path),
        want: STATE_DIRECTORY.to_owned(),
    })
}
