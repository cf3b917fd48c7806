//! `pg_settings_*`: each setting of a server is a family of its own.

use crate::metrics::series::{Kind, Metric, Source, metric};

/// What the names of the families begin with.
pub(in crate::metrics) const PREFIX: &str = "pg_settings_";

/// The settings that other rows of the catalogue have, without [`PREFIX`].
pub(in crate::metrics) const WITH_OWN_ROW: [&str; 3] = [
    "max_connections",
    "reserved_connections",
    "superuser_reserved_connections",
];

pub(super) const METRICS: &[Metric] = &[metric(
    "pg_settings_*",
    Kind::Gauge,
    &[],
    "Every other numeric or boolean setting, in base units: pg_settings_work_mem_bytes, \
     pg_settings_checkpoint_timeout_seconds, pg_settings_fsync. A dot in a name is _, on is 1, and -1 stays -1. At most 600. \
     Absent are settings that have another value in the agent's session than elsewhere, because the agent, its role or its \
     database sets them: statement_timeout, lock_timeout, idle_in_transaction_session_timeout, idle_session_timeout, \
     tcp_keepalives_*, jit, default_transaction_*, transaction_*.",
    Source::Settings,
)];
