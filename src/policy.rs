//! The operator's policy for tenants: which databases are monitored, their budgets, and limits on series. The limit
//! calculation reads it, the driver does not. It changes only when the configuration is reloaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use wildmatch::WildMatch;

/// Databases that belong to no tenant: templates, and internal databases of Amazon, Azure and Google that refuse connections.
/// Excluded unless `include` lists the exact name.
pub(crate) const SYSTEM_DATABASES: [&str; 6] = [
    "template0",
    "template1",
    "rdsadmin",
    "azure_maintenance",
    "azure_sys",
    "cloudsqladmin",
];

/// The budget of one database, in addition to the limits that PostgreSQL enforces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) connections: Option<u32>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) owner: Option<String>,
    /// The role that must own the database.
    pub(crate) owner_role: Option<String>,
    /// Roles that may connect to the database, beside its owner. The audit reports others.
    pub(crate) roles: BTreeSet<String>,
    /// The connection pools of its applications.
    pub(crate) pools: Vec<Pool>,
    /// The age at which its newest complete backup is stale, instead of that of the directory.
    pub(crate) backup_max_age: Option<Duration>,
    /// Additional labels of `pgcommons_database_info`, such as team or contact.
    pub(crate) labels: BTreeMap<String, String>,
}

/// A connection pool, as each instance of an application has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pool {
    pub(crate) name: Option<String>,
    pub(crate) size: u32,
    /// Connections that it may open beyond its size.
    pub(crate) overflow: u32,
    /// Instances that run at the same time.
    pub(crate) instances: u32,
    /// Additional instances during a rollout.
    pub(crate) surge: u32,
}

impl Pool {
    /// The connections that all instances can open at most, during a rollout.
    pub(crate) fn ceiling(&self) -> u64 {
        let [size, overflow, instances, surge] =
            [self.size, self.overflow, self.instances, self.surge].map(u64::from);
        (size + overflow) * (instances + surge)
    }
}

impl Budget {
    /// The connections that the declared pools can open at most; None without a declared pool.
    pub(crate) fn pool_ceiling(&self) -> Option<u64> {
        let pools = Some(&self.pools).filter(|pools| !pools.is_empty())?;
        Some(pools.iter().map(Pool::ceiling).sum())
    }
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

/// What PostgreSQL may use of its machine or container. None: not configured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Machine {
    /// `cores`: CPU cores; a container may have a part of one.
    pub(crate) cores: Option<f64>,
    /// `memory` in bytes.
    pub(crate) memory: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policy {
    /// Patterns with `*` and `?`; empty: every database.
    pub(crate) include: Vec<WildMatch>,
    /// Overrides `include`.
    pub(crate) exclude: Vec<WildMatch>,
    pub(crate) budgets: BTreeMap<String, Arc<Budget>>,
    /// Databases that must exist, because they have a budget for this server only. A missing one may be misspelt.
    pub(crate) expected: BTreeSet<String>,
    /// `roles.admin`: roles that may do everything, everywhere. The audit reports nothing of them.
    pub(crate) admins: BTreeSet<String>,
    pub(crate) series_limits: SeriesLimits,
    /// The maximum number of slots for ordinary roles, if a cloud provider reserves slots that no setting shows.
    pub(crate) connections_limit: Option<u32>,
    pub(crate) machine: Machine,
    /// `stats.zero_locks`: lock modes without a lock are shown as 0.
    pub(crate) zero_locks: bool,
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

    /// The same policy without limits on databases and roles, for a single poll (`check`).
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

    fn patterns(texts: &[&str]) -> Vec<WildMatch> {
        texts
            .iter()
            .map(|pattern| WildMatch::new(pattern))
            .collect()
    }

    #[test]
    fn templates_and_cloud_databases_are_excluded_by_default() {
        let policy = Policy::default();
        assert!(policy.watches("postgres"));
        assert!(policy.watches("calibre_web"));
        for name in SYSTEM_DATABASES {
            assert!(!policy.watches(name), "{name}");
        }
    }

    #[test]
    fn a_system_database_is_monitored_only_by_its_exact_name() {
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
    fn exclude_overrides_include() {
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
