//! What slower jobs have brought since the poll.

use std::time::Duration;

use super::{Snapshot, oldest};
use crate::sample::Stats;
use crate::sizes::Sizes;

impl Snapshot {
    /// The same poll, with statistics and sizes as they are known now.
    pub(crate) fn refreshed(
        &self,
        stats: Option<&Stats>,
        sizes: &Sizes,
        now: Duration,
        wall_clock: f64,
    ) -> Self {
        let mut refreshed = self.clone();
        for view in &mut refreshed.databases {
            let oid = view.row.oid;
            view.stats = stats.and_then(|stats| stats.get(&oid)).cloned();
            if !view.row.is_invalid() {
                view.size = sizes.of(oid);
            }
        }
        refreshed.oldest_size = oldest(sizes, now, wall_clock);
        refreshed
    }
}
