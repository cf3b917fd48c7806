//! The name of a workspace as a label: the users of a tenant choose it, so it is escaped and has a limited length.

use crate::names::escape_for_terminal;
use crate::sample::probe::WorkspaceValue;

/// Characters of a label, without the hash of a longer name.
const LENGTH: usize = 80;

/// An empty label would be no label.
const EMPTY: &str = "(empty)";

/// Two names may get the same label (a hash can be chosen); their rows are then added up.
pub(super) fn label(start: &str, value: &WorkspaceValue) -> String {
    if start.is_empty() {
        return EMPTY.to_owned();
    }
    let escaped = escape_for_terminal(start);
    let is_short = value.hash.is_none() && escaped.chars().count() <= LENGTH;
    if is_short {
        return escaped;
    }
    let hash = value.hash.unwrap_or_else(|| hash(start));
    let cut: String = escaped.chars().take(LENGTH).collect();
    format!("{cut}~{:08x}", hash & 0xffff_ffff)
}

/// FNV-1a, for a name that is long only because it is escaped.
fn hash(text: &str) -> i64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    i64::from_ne_bytes(hash.to_ne_bytes())
}
