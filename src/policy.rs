//! What the operator said of the tenants: which databases are watched, and the budgets set for them. Read by the
//! judgement, never by the driver; nothing here changes between two readings of the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wildmatch::WildMatch;

/// Databases that are nobody's tenant: templates, and what Amazon, Azure and Google keep for themselves and let nobody
/// connect to. Left out unless `include` has their very name.
pub(crate) const SYSTEM_DATABASES: [&str; 6] = [
    "template0",
    "template1",
    "rdsadmin",
    "azure_maintenance",
    "azure_sys",
    "cloudsqladmin",
];

/// What is allotted to one database beside the limits that PostgreSQL itself enforces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) connections: Option<u32>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) owner: Option<String>,
    /// Free labels of `pgcommons_database_info`, as in team or contact.
    pub(crate) labels: BTreeMap<String, String>,
}

/// `series_limits`: how many names that tenants choose get series of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeriesLimits {
    /// Databases without a budget. A database with a budget always has its series.
    pub(crate) databases: usize,
    /// Login roles.
    pub(crate) roles: usize,
    /// Values of `application_name` for each database. The sessions of the rest are summed up as `other`.
    pub(crate) application_names: usize,
}

impl Default for SeriesLimits {
    fn default() -> Self {
        Self {
            databases: 1000,
            roles: 1000,
            application_names: 10,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policy {
    /// Patterns with `*` and `?`; empty: every database.
    pub(crate) include: Vec<WildMatch>,
    /// Wins over `include`.
    pub(crate) exclude: Vec<WildMatch>,
    pub(crate) budgets: BTreeMap<String, Arc<Budget>>,
    /// Databases that must be there, as a budget is meant for this server alone; one that is not may be misspelt.
    pub(crate) expected: BTreeSet<String>,
    pub(crate) series_limits: SeriesLimits,
    /// Slots that ordinary roles may use at most, where a provider keeps some back that no setting shows.
    pub(crate) connections_limit: Option<u32>,
}

impl Policy {
    pub(crate) fn watches(&self, datname: &str) -> bool {
        let matched =
            |patterns: &[WildMatch]| patterns.iter().any(|pattern| pattern.matches(datname));
        let named = || {
            self.include
                .iter()
                .any(|pattern| pattern.pattern() == datname)
        };
        let included = if SYSTEM_DATABASES.contains(&datname) {
            named()
        } else {
            self.include.is_empty() || matched(&self.include)
        };
        included && !matched(&self.exclude)
    }

    /// The same, with every database and role shown: for one look, after which nothing is kept.
    pub(crate) fn showing_all(&self) -> Self {
        let series_limits = SeriesLimits {
            databases: usize::MAX,
            roles: usize::MAX,
            ..self.series_limits
        };
        Self {
            series_limits,
            ..self.clone()
        }
    }

    pub(crate) fn budget(&self, datname: &str) -> Option<&Arc<Budget>> {
        self.budgets.get(datname)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(of: &[&str]) -> Vec<WildMatch> {
        of.iter().map(|pattern| WildMatch::new(pattern)).collect()
    }

    #[test]
    fn templates_and_cloud_databases_are_left_out_by_default() {
        let policy = Policy::default();
        assert!(policy.watches("postgres"));
        assert!(policy.watches("calibre_web"));
        for name in SYSTEM_DATABASES {
            assert!(!policy.watches(name), "{name}");
        }
    }

    #[test]
    fn a_system_database_is_watched_only_by_its_name() {
        let include = |pattern| Policy {
            include: patterns(&[pattern]),
            ..Policy::default()
        };
        assert!(!include("*").watches("template1"));
        assert!(include("template1").watches("template1"));
        let excluding = Policy {
            exclude: patterns(&["postgres"]),
            ..Policy::default()
        };
        assert!(!excluding.watches("postgres") && !excluding.watches("template1"));
    }

    #[test]
    fn exclude_wins_over_include() {
        let policy = Policy {
            include: patterns(&["team_*"]),
            exclude: patterns(&["*_test"]),
            ..Policy::default()
        };
        assert!(policy.watches("team_a"));
        assert!(!policy.watches("team_a_test"));
        assert!(!policy.watches("postgres"));
    }
}
