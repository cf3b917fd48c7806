//! Configuration keys of earlier versions, each with the key that replaced it. The agent refuses an old key: if it ignored
//! one, a limit that the operator set would have no effect.

use config::{Value, ValueKind};

pub(super) type Renamed = (&'static str, &'static str);

const RENAMED: [Renamed; 6] = [
    ("activity", "series_limits"),
    (
        "activity.application_names",
        "series_limits.application_names",
    ),
    ("activity.databases", "series_limits.databases"),
    ("activity.roles", "series_limits.roles"),
    ("poll.time_share", "poll.max_time_fraction"),
    ("sizes.time_share", "sizes.max_time_fraction"),
];

/// The old keys that are set in the table `key`, or else the key itself if it is an old one.
pub(super) fn old_keys(key: &str, value: &Value) -> Vec<&'static Renamed> {
    let is_set = |old: &str| {
        let below = old
            .strip_prefix(key)
            .and_then(|rest| rest.strip_prefix('.'));
        match (&value.kind, below) {
            (ValueKind::Table(table), Some(below)) => table.contains_key(below),
            _ => false,
        }
    };
    let set: Vec<_> = RENAMED.iter().filter(|(old, _)| is_set(old)).collect();
    if set.is_empty() {
        return RENAMED.iter().filter(|(old, _)| *old == key).collect();
    }
    set
}
