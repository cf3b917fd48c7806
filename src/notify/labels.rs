//! The names of alerts and the values of their labels. The alerting rules use the same labels, so that the same routes and inhibitions
//! apply. Pure.

use crate::findings::{Concern, Scope};

pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Server => "Server",
        Scope::Database => "Database",
        Scope::Role => "Role",
        Scope::Volume => "Volume",
        Scope::Pooler => "Pooler",
    }
}

pub(super) fn scope_label(scope: Scope) -> &'static str {
    match scope {
        Scope::Server | Scope::Volume => "server",
        Scope::Database => "database",
        Scope::Role => "role",
        Scope::Pooler => "pooler",
    }
}

pub(super) fn subject_label(scope: Scope) -> Option<&'static str> {
    match scope {
        Scope::Server => None,
        Scope::Database => Some("datname"),
        Scope::Role => Some("rolname"),
        Scope::Volume => Some("volume"),
        Scope::Pooler => Some("pooler"),
    }
}

pub(super) fn concern_name(concern: Concern) -> &'static str {
    match concern {
        Concern::Unreachable => "Unreachable",
        Concern::Privilege => "Privilege",
        Concern::Connections => "Connections",
        Concern::Size => "Size",
        Concern::Memory => "Memory",
        Concern::Resource => "Resource",
        Concern::Wal => "Wal",
        Concern::Storage => "Storage",
        Concern::Budget => "Budget",
        Concern::Pools => "Pools",
        Concern::Drift => "Drift",
        Concern::Archiving => "Archiving",
        Concern::Crash => "Crash",
        Concern::Invalid => "Invalid",
        Concern::Pooler => "Clients",
        Concern::Probe => "Probe",
        Concern::Backup => "Backup",
    }
}

/// The label `concern` of the alerting rules, so that the same rules for inhibition apply.
pub(super) fn concern_label(concern: Concern) -> &'static str {
    match concern {
        Concern::Unreachable => "availability",
        Concern::Privilege | Concern::Probe => "agent",
        Concern::Connections => "connections",
        Concern::Size | Concern::Invalid => "size",
        Concern::Memory => "memory",
        Concern::Resource => "resources",
        Concern::Wal => "wal",
        Concern::Storage => "storage",
        Concern::Budget => "budget",
        Concern::Pools | Concern::Pooler => "pools",
        Concern::Drift => "drift",
        Concern::Archiving => "archiving",
        Concern::Crash => "crash",
        Concern::Backup => "backup",
    }
}
