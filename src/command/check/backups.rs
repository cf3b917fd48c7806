//! Scans the directories of backups of a server once, whether PostgreSQL answers or not. Only small files are read: a check comes
//! every few minutes, and `pgcommons backups` reads all.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::backups::{Pace, Report};
use crate::command::backups::{existing, findings_of, now, scan};
use crate::config::ServerConfig;
use crate::findings::Finding;
use crate::policy::Policy;
use crate::sample::Catalogue;

/// The total size of the files that are read.
const BUDGET: u64 = 128 << 20;

/// What was found in the directories of one server.
pub(super) struct Backups {
    policy: Policy,
    /// None: the file system did not answer.
    report: Option<Report>,
}

/// None: no directory is configured.
pub(super) async fn read(server: &ServerConfig, limit: Duration) -> Option<Backups> {
    if server.backups.is_empty() {
        return None;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let rate = server.cadence.backups.bytes_per_second;
    let pace = Arc::new(Pace::new(rate, Arc::clone(&stop)).with_budget(BUDGET));
    Some(Backups {
        policy: server.policy.clone(),
        report: scan(Arc::new(server.backups.clone()), &pace, limit, &stop).await,
    })
}

impl Backups {
    /// `catalogue` is None if the server did not answer.
    pub(super) fn findings(&self, catalogue: Option<&Catalogue>) -> Vec<Finding> {
        let Some(report) = &self.report else {
            let text = "the file system of the backups did not answer in time";
            return vec![Finding::of_backups(text.to_owned())];
        };
        let databases = catalogue.map(existing);
        findings_of(report, databases.as_deref(), &self.policy, now()).1
    }
}
