//! The configuration file before validation: a raw mirror that accepts any value for any key, so that all problems are
//! reported at once. No type here derives `Debug`, because they hold secrets.
//!
//! The doc comment of a key is its meaning in `docs/configuration.md`.

mod backups;
mod notify;
mod probes;
mod server;
mod web;

use std::collections::BTreeMap;
use std::time::Duration;

use config::Value;
use serde::{Deserialize, Deserializer};

use super::keys::{Content, Key, Table, path, plain};
use super::listener::{Addresses, MetricsPath};
use super::notify::{Receivers, WebAddress};
use super::pools::Pools;
#[cfg(test)]
use super::reference::{Row, Section};
use super::retention::STATE_DIRECTORY;
use super::shapes::{Choice, Durations, Filled, List, Numbers, Size, Switch};
use super::validate::{FORMATS, LEVELS};
use crate::logging::LogFormat;
pub(super) use backups::{RawBackup, RawBackups};
pub(super) use notify::{RawReceiver, RawTelegram};
pub(super) use probes::{RawProbe, RawWorkspaces};
pub(super) use server::{RawMachine, RawPooler, RawServer, RawStorage};
pub(super) use web::{RawHttp, RawRateLimit, RawServerTls, RawWebFile};

/// None: the key is missing. A key without a value is `Some` of kind `Nil`.
pub(super) type Leaf = Option<Value>;

/// A table, or another value in its place.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Block<T> {
    Given(T),
    /// None: the key has no value, which means an empty table.
    Wrong(Option<Value>),
}

impl<T: Default> Default for Block<T> {
    fn default() -> Self {
        Self::Given(T::default())
    }
}

/// A table with a fixed set of keys: keys with their shapes and defaults, then tables. A table without a comment has a section
/// of its own in the reference. Unknown keys are kept, so that the validation can refuse them.
macro_rules! table {
    (
        $(#[doc = $about:literal])*
        $name:ident {
            $($(#[doc = $meaning:literal])+ $leaf:ident: $shape:ident $(<$of:ty>)? ($($argument:expr)?) $(= $default:literal)?;)*
        } $({
            $($(#[doc = $below:literal])* $key:ident $([$entry:literal])?: $type:ty;)*
        })?
    ) => {
        $(#[doc = $about])*
        #[derive(Deserialize, Default)]
        #[serde(default)]
        pub(in crate::config) struct $name {
            $(#[serde(deserialize_with = "crate::config::raw::present")] pub(in crate::config) $leaf: Leaf,)*
            $($(pub(in crate::config) $key: $type,)*)?
            #[serde(flatten)]
            unknown: BTreeMap<String, Value>,
        }

        impl $name {
            $($(#[doc = $meaning])+ pub(in crate::config) fn $leaf() -> Key<$shape$(<$of>)?> {
                Key {
                    name: plain(stringify!($leaf)),
                    shape: $shape($($argument)?),
                    default: [$(Some($default),)? None][0],
                }
            })*
        }

        impl Table for $name {
            const KEYS: &'static [&'static str] =
                &[$(plain(stringify!($leaf)),)* $($(stringify!($key)),*)?];

            fn unknown(&self) -> &BTreeMap<String, Value> {
                &self.unknown
            }
        }

        impl Content for $name {
            fn paths(table: &str, paths: &mut Vec<String>) {
                $(paths.push(path(table, plain(stringify!($leaf))));)*
                $($(
                    let below = path(table, concat!(stringify!($key) $(, ".", $entry)?));
                    if concat!($($below),*).is_empty() {
                        <$type>::paths(&below, paths);
                    } else {
                        paths.push(below);
                    }
                )*)?
            }

            #[cfg(test)]
            fn sections(table: &str, sections: &mut Vec<Section>) {
                let mut section = Section::new(table, concat!($($about),*));
                $(section.rows.push(Row::new(table, &Self::$leaf(), concat!($($meaning),+)));)*
                $($(
                    if !concat!($($below),*).is_empty() {
                        section.rows.push(Row::table(table, stringify!($key), concat!($($below),*)));
                    }
                )*)?
                sections.push(section);
                $($(
                    if concat!($($below),*).is_empty() {
                        <$type>::sections(&path(table, concat!(stringify!($key) $(, ".", $entry)?)), sections);
                    }
                )*)?
            }
        }
    };
}
use table;

/// Keeps a key without a value as `Some`; serde's `Option` would make it None, like a missing key.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

const MS_100: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// A year of 365.25 days, as durations count them.
const YEAR: Duration = Duration::from_hours(24 * 365 + 6);
/// PostgreSQL's maximum of `max_connections`.
const MOST_CONNECTIONS: u32 = 262_143;
const MOST_POOLED: u32 = 10_000;

table!(RawConfig {
    /// Receivers of notifications, without Alertmanager. See [notifications.md](notifications.md) for their keys.
    notify: Receivers();
} {
    web: Block<RawWeb>;
    log: Block<RawLog>;
    poll: Block<RawPoll>;
    stats: Block<RawStats>;
    sizes: Block<RawSizes>;
    series_limits: Block<RawSeriesLimits>;
    backups: Block<RawBackups>;
    history: Block<RawHistory>;
    state: Block<RawState>;
    databases: Block<RawDatabases>;
    roles: Block<RawRoles>;
    budgets["DATABASE"]: Block<BTreeMap<String, Block<RawBudget>>>;
    servers["NAME"]: Block<BTreeMap<String, Block<RawServer>>>;
});
table!(RawWeb {
    /// The address that the agent listens on, or several, separated by commas. Without a host: every address of the machine. A
    /// change needs a restart. TLS and passwords are in the file of `--web.config.file`. `healthcheck` asks the first one.
    /// With `DATA_SOURCE_*` the default is `:9187`.
    listen_address: Addresses() = ":19187";
    /// The path of the metrics. A change needs a restart.
    telemetry_path: MetricsPath() = "/metrics";
    /// Whether there are the live page at `/`, the pages of the tenants and `/api/v1/status`. A change needs a restart. See
    /// [alone.md](alone.md).
    page: Switch() = "true";
    /// The address at which people reach the page, for the links in notifications. Without it they have none. A change needs a restart.
    external_url: WebAddress();
});
table!(RawLog {
    /// The least severe messages that are logged.
    level: Choice<tracing::Level>(&LEVELS) = "info";
    /// The form of each line. A change needs a restart.
    format: Choice<LogFormat>(&FORMATS) = "text";
});
table!(RawPoll {
    /// How often connections are counted, with one statement in one round trip.
    interval: Durations(MS_100..=HOUR) = "1s";
    /// A poll that takes longer has failed. The server cancels the statement before that.
    timeout: Durations(MS_100..=MINUTE) = "3s";
    /// The maximum fraction of one core of the server. Polls that cost more come less often, at most 10 s apart:
    /// `pgcommons_poll_interval_seconds`.
    max_time_fraction: Numbers<f64>(0.0001..=0.5) = "0.005";
    /// The window of the peaks: at least `poll.interval`, and at least the scrape interval of Prometheus.
    window: Durations(SECOND..=HOUR) = "2m";
});
table!(RawStats {
    /// How often `pg_stat_database` and `pg_locks` are read, and databases and roles that seem unchanged. Cumulative statistics are
    /// also read shortly before each scrape, at most each second and within `poll.max_time_fraction`.
    interval: Durations(SECOND..=HOUR) = "15s";
    /// Whether `pg_locks_count` has a series for each of the nine modes in each database, also where there is no lock.
    zero_locks: Switch() = "false";
});
table!(RawSizes {
    /// How often a database is measured. While its size changes, five times as often; while many rows
    /// are written to it, twenty times.
    interval: Durations(SECOND..=DAY) = "5m";
    /// The maximum fraction of time spent measuring. With many files, sizes become older.
    max_time_fraction: Numbers<f64>(0.0001..=0.5) = "0.01";
});
table!(
/// How many names that tenants choose have series of their own.
RawSeriesLimits {
    /// Databases with their own series, in addition to those with a budget.
    databases: Numbers<usize>(1..=100_000) = "1000";
    /// Login roles with their own series.
    roles: Numbers<usize>(1..=100_000) = "1000";
    /// Applications of each database with their own series. The sessions of the rest are summed up as `other`.
    application_names: Numbers<usize>(0..=1000) = "10";
});
table!(
/// What the live page shows of the last 24 hours. See [alone.md](alone.md).
RawHistory {
    /// How many databases of each server have a history, of 7 kB each. `0` switches it off. A change needs a restart.
    databases: Numbers<usize>(0..=10_000) = "100";
});
table!(RawState {
    /// A directory in which the history survives restarts. Without it the agent writes no file. A change needs a restart.
    dir: Filled(STATE_DIRECTORY);
});
table!(
/// Which databases have series, by patterns with `*` and `?`. `template0`, `template1`, `rdsadmin`, `azure_maintenance`,
/// `azure_sys` and `cloudsqladmin` are excluded unless `include` lists the exact name. Sessions in excluded databases count for the
/// server and for their role, even if a tenant creates a database with such a name.
RawDatabases {
    /// The databases to monitor. Without it, or if the list is empty: all.
    include: List("[shop, team_*]");
    /// The databases not to monitor. Overrides `include`.
    exclude: List("[postgres, scratch_*]");
});
table!(
/// Roles that may enter every database. They are no finding of `pgcommons audit`. Here for all servers, or in `servers.NAME.roles` for
/// one.
RawRoles {
    /// The names of the roles.
    admin: List("[dba, backup]");
});
table!(
/// Limits of a database in addition to those that PostgreSQL enforces. Here for all servers, or in `servers.NAME.budgets` for one.
RawBudget {
    /// More connections are a warning. PostgreSQL refuses none of them.
    connections: Numbers<u32>(1..=MOST_CONNECTIONS);
    /// The quota of the size on disk.
    size: Size();
    /// Who is responsible: the label `owner` of `pgcommons_database_info`.
    owner: Filled("text");
    /// The role that must own it. Another owner is reported as drift, see [isolation.md](isolation.md).
    owner_role: Filled("a name");
    /// The age at which its newest complete backup is stale, instead of `max_age` of the directory.
    backup_max_age: Durations(MINUTE..=YEAR);
    /// Roles that may enter the database besides its owner. They are no finding of `pgcommons audit`. One that does not exist, or may
    /// not connect, is drift.
    roles: List("[reader, writer]");
    /// The connection pools of its applications, for `pgcommons plan` and `check`: each has `size`, and if needed `name`, `overflow`, `instances`
    /// and `surge` (further instances during a deployment).
    pools: Pools();
} {
    /// Further labels of `pgcommons_database_info`, to join and to route alerts by, as in `{team: web}`. Those that begin with `needs_` are for `pgcommons advise`: see [advice.md](advice.md).
    labels: Block<BTreeMap<String, Value>>;
});
table!(
/// One connection pool.
RawPool {
    /// Its name in messages.
    name: Filled("text");
    /// Connections that each instance keeps.
    size: Numbers<u32>(1..=MOST_POOLED);
    /// Connections beyond them, when all are in use.
    overflow: Numbers<u32>(0..=MOST_POOLED) = "0";
    /// Instances of the application.
    instances: Numbers<u32>(0..=MOST_POOLED) = "1";
    /// Further instances during a deployment.
    surge: Numbers<u32>(0..=MOST_POOLED) = "0";
});
