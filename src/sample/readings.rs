//! What the slow jobs of a server have brought last: one field for each job, `None` while it is not known.

use std::sync::Arc;

use super::Stats;

/// The job that a field belongs to fills it, and empties it when it fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Readings {
    pub(crate) statistics: Option<Arc<Stats>>,
}
