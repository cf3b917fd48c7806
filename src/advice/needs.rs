//! What a database needs and a shared server does not give: declared by the operator, as labels of its budget.

use std::collections::BTreeMap;

/// The labels, and what they mean.
const MAJOR: &str = "needs_major_version";
const EXTENSION: &str = "needs_extension";
const BACKUP: &str = "needs_backup_policy";
const COMPLIANCE: &str = "needs_compliance";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The major version of PostgreSQL.
    pub(crate) major: Option<String>,
    /// An extension that other tenants must not have, such as one that is loaded by the whole server.
    pub(crate) extension: Option<String>,
    /// A recovery point or a retention that is not that of the server.
    pub(crate) backup: Option<String>,
    /// A rule that forbids to share a server.
    pub(crate) compliance: Option<String>,
}

impl Needs {
    /// From the labels of `budgets.DATABASE.labels`, which `pgcommons_database_info` has too. An empty label is none.
    pub(crate) fn from_labels(labels: &BTreeMap<String, String>) -> Self {
        let of = |name| {
            labels
                .get(name)
                .filter(|text| !text.trim().is_empty())
                .cloned()
        };
        Self {
            major: of(MAJOR),
            extension: of(EXTENSION),
            backup: of(BACKUP),
            compliance: of(COMPLIANCE),
        }
    }

    /// The reasons to move out, on a server of this major version.
    pub(super) fn reasons(&self, server: Option<u32>) -> Vec<String> {
        let major = self.major.as_ref().and_then(|text| {
            let needed: Option<u32> = text.trim().split('.').next()?.parse().ok();
            match (needed, server) {
                (Some(needed), Some(server)) if needed == server => None,
                (_, Some(server)) => Some(format!(
                    "it needs PostgreSQL {text} ({MAJOR}), and the server has {server}"
                )),
                (_, None) => None, // cannot be compared
            }
        });
        let declared = |need: &Option<String>, what: &str, label: &str| {
            let need = need.as_ref()?;
            Some(format!("it needs {what} of its own: {need} ({label})"))
        };
        let others = [
            declared(&self.extension, "an extension", EXTENSION),
            declared(&self.backup, "a backup policy", BACKUP),
            declared(&self.compliance, "a server for compliance", COMPLIANCE),
        ];
        major
            .into_iter()
            .chain(others.into_iter().flatten())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_need_that_the_server_does_not_meet_is_a_reason() {
        let needs = |label: &str, value: &str| {
            let labels = BTreeMap::from([(label.to_owned(), value.to_owned())]);
            Needs::from_labels(&labels)
        };
        for (label, value, server, reasons) in [
            (MAJOR, "17", Some(15), 1),
            (MAJOR, "15.4", Some(15), 0),
            (MAJOR, "newest", Some(15), 1),
            (MAJOR, "17", None, 0),
            (BACKUP, "5 minutes", None, 1),
            (COMPLIANCE, " ", None, 0),
            (EXTENSION, "timescaledb", Some(15), 1),
            ("team", "web", Some(15), 0),
        ] {
            let found = needs(label, value).reasons(server);
            assert_eq!(found.len(), reasons, "{label} {value}: {found:?}");
        }
    }
}
