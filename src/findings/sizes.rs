//! Sizes of databases against their quotas, and unknown sizes.

use super::severity::Thresholds;
use super::{Concern, Finding, Scope, bytes};
use crate::snapshot::DatabaseView;

pub(super) fn of_database(view: &DatabaseView, thresholds: Thresholds) -> Option<Finding> {
    let name = &view.row.name;
    let text = match (view.size, view.size_limit()) {
        (Ok(size), Some(quota)) => {
            format!(
                "database {name} uses {} of its quota of {}",
                bytes(size),
                bytes(quota)
            )
        }
        (Err(why), Some(_)) => {
            let why = why.label();
            format!("database {name} has a quota, but its size is unknown ({why})")
        }
        (Err(why), None) => {
            let why = why.label();
            format!("the size of database {name} is unknown ({why})")
        }
        (Ok(_), None) => return None,
    };
    let severity = thresholds.size(view);
    let finding = Finding::of(Scope::Database, name, severity, Concern::Size, text);
    Some(finding)
}
