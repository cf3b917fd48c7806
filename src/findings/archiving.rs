//! WAL files that wait too long to be archived.

use std::time::Duration;

use super::remedy;
use super::severity::Severity;
use super::{Concern, Finding};
use crate::snapshot::Snapshot;

/// As in the alert `PgcommonsWalArchiveStuck`.
const LONG_WAIT: Duration = Duration::from_mins(15);

pub(super) fn of_server(snapshot: &Snapshot) -> Option<Finding> {
    let queue = snapshot.readings.archive_queue?;
    let waited = Duration::try_from_secs_f64(queue.longest_wait?).ok()?;
    let waited = Duration::from_secs(waited.as_secs());
    let text = format!(
        "WAL files wait to be archived: {}, the oldest for {}",
        queue.files,
        humantime::format_duration(waited)
    );
    let finding = Finding::server(Severity::Warning, Concern::Archiving, text);
    (waited > LONG_WAIT).then(|| finding.with_remedy(remedy::ARCHIVER))
}
