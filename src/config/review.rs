//! The output of `--config.check` for a valid configuration: warnings about probable mistakes, and a summary line. Only
//! this command checks that the servers' files and volumes exist: for a running agent they may be created later.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::Config;
use super::problem::Problem;
use super::storage::VOLUME_PATH;
use super::{redact, retention};
use crate::storage;

/// A file that a key of a server names. The agent reads it at every connect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedFile {
    pub(super) key: String,
    pub(super) path: PathBuf,
}

impl NamedFile {
    fn warning(&self) -> Option<Problem> {
        let error = fs::read(&self.path).err()?;
        Some(Problem {
            key: self.key.clone(),
            got: format!("{} ({error})", redact::path(&self.path)),
            want: "a file that the agent can read".to_owned(),
        })
    }
}

/// A directory that `storage` of a server names. The agent measures its volume again and again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedVolume {
    pub(super) key: String,
    pub(super) path: PathBuf,
}

impl NamedVolume {
    fn warning(&self) -> Option<Problem> {
        let error = storage::measure(&self.path).err()?;
        Some(Problem {
            key: self.key.clone(),
            got: format!("{} ({})", self.path.display(), error.reason()),
            want: VOLUME_PATH.to_owned(),
        })
    }
}

impl Config {
    /// The warnings of the configuration, and one for each file that cannot be read and each volume that cannot be measured.
    pub(crate) fn review(&self) -> Vec<Problem> {
        let files = self.files.iter().filter_map(NamedFile::warning);
        let volumes = self.named_volumes.iter().filter_map(NamedVolume::warning);
        let warnings = self.warnings.iter().cloned();
        let state = retention::missing_directory(&self.retention);
        warnings.chain(files).chain(volumes).chain(state).collect()
    }

    /// `2 servers, 3 databases with a budget`
    pub(crate) fn summary(&self) -> String {
        let servers = self.servers.len();
        let budgets = self.servers.iter().flat_map(|it| it.policy.budgets.keys());
        let budgets = budgets.collect::<BTreeSet<_>>().len();
        let plural = |count| if count == 1 { "" } else { "s" };
        let servers = format!("{servers} server{}", plural(servers));
        if budgets == 0 {
            return servers;
        }
        let s = plural(budgets);
        format!("{servers}, {budgets} database{s} with a budget")
    }
}
