//! What `--config.check` has to say of a configuration that can be used: warnings of what is probably a mistake, and a line
//! that counts. The files of the servers are looked at only here: where the agent runs they may come later.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::Config;
use super::problem::Problem;
use super::shown;

/// A file that a server's keys name; they are read at every connect.
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
            got: format!("{} ({error})", shown::path(&self.path)),
            want: "a file that the agent can read".to_owned(),
        })
    }
}

impl Config {
    /// The warnings of the configuration, and of files that cannot be read.
    pub(crate) fn review(&self) -> Vec<Problem> {
        let files = self.files.iter().filter_map(NamedFile::warning);
        self.warnings.iter().cloned().chain(files).collect()
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
