//! Connections against the limit that is reached first, and which of several comes first.

use std::cmp::Reverse;

use serde::Serialize;

use crate::findings::Severity;
use crate::limits::LimitStatus;
use crate::snapshot::ConnectionStatus;

/// Null: unknown, or there is no such limit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Connections {
    pub(crate) used: Option<u32>,
    /// The limit that is reached first, and where it is set.
    pub(crate) limit: Option<u32>,
    pub(crate) bound_by: Option<&'static str>,
    /// `datconnlimit` or `rolconnlimit`; 0 closes the database or role.
    pub(crate) own_limit: Option<u32>,
    pub(crate) headroom: Option<u32>,
}

pub(crate) fn connections(status: Option<&ConnectionStatus>) -> Connections {
    let limits = status.map(|status| &status.limits);
    let binding = limits.and_then(LimitStatus::binding);
    let own = limits.and_then(LimitStatus::own);
    Connections {
        used: limits.map(|limits| limits.used),
        limit: binding.map(|limit| limit.connections),
        bound_by: binding.map(|limit| limit.kind.label()),
        own_limit: own.map(|limit| limit.connections),
        headroom: limits.and_then(LimitStatus::headroom),
    }
}

/// Sort key: worst first, then the smallest free fraction of the limit.
pub(crate) fn urgency(status: Severity, connections: &Connections) -> (Reverse<Severity>, u64) {
    let left = connections.headroom.zip(connections.limit);
    let part = left.map_or(u64::MAX, |(headroom, limit)| {
        u64::from(headroom) * 1_000_000 / u64::from(limit.max(1))
    });
    (Reverse(status), part)
}
