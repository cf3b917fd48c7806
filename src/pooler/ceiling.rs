//! How many connections a pooler may open toward a server. A pool is one user of one entry of `[databases]`, and has
//! `pool_size` and `reserve_pool_size` connections; `max_db_connections` counts per entry, `max_user_connections` per user.
//! Pools appear when they are first used, so users that never came are not counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::sample::pooler::{Alias, AliasFigure, Pool, PoolerSettings, PoolerUser};

/// A number of connections; None: without a bound.
pub(crate) type Ceiling = Option<u64>;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ceilings {
    /// By database of PostgreSQL.
    pub(crate) databases: BTreeMap<String, Ceiling>,
    /// By role of PostgreSQL.
    pub(crate) roles: BTreeMap<String, Ceiling>,
}

impl Ceilings {
    /// Toward the whole server.
    pub(crate) fn total(&self) -> Ceiling {
        self.databases.values().copied().try_fold(0, add)
    }
}

/// The console's own entry.
const CONSOLE: &str = "pgbouncer";

/// The entries that lead to this server. None: they lead to several, and none is configured.
pub(super) fn of_server<'a>(
    aliases: &'a [Alias],
    server_hosts: &[String],
) -> Option<Vec<&'a Alias>> {
    let all = aliases.iter().filter(|alias| alias.name != CONSOLE);
    if server_hosts.is_empty() {
        let all: Vec<_> = all.collect();
        let places: BTreeSet<_> = all.iter().map(|it| (&it.host, &it.port)).collect();
        return (places.len() <= 1).then_some(all);
    }
    let is_mine = |alias: &&Alias| {
        let hosts = alias.host.split(',').map(str::trim);
        let mut places = hosts.flat_map(|host| [host.to_owned(), format!("{host}:{}", alias.port)]);
        places.any(|place| server_hosts.contains(&place))
    };
    Some(all.filter(is_mine).collect())
}

pub(super) fn ceilings(aliases: &[&Alias], pools: &[Pool], settings: &PoolerSettings) -> Ceilings {
    let mut by_datname: BTreeMap<&str, Vec<&Alias>> = BTreeMap::new();
    for alias in aliases {
        by_datname.entry(&alias.datname).or_default().push(alias);
    }
    let users = users_by_alias(pools);
    let limits = UserLimits::of_settings(settings);
    let mut ceilings = Ceilings::default();
    for (datname, aliases) in by_datname {
        let pairs: Vec<_> = aliases
            .iter()
            .flat_map(|alias| pairs(alias, &users, &limits))
            .collect();
        for pair in pairs.iter().filter(|pair| !pair.user.is_empty()) {
            let role = ceilings.roles.entry(pair.user.to_owned());
            let sum = role.or_insert(Some(0));
            *sum = least(
                sum.and_then(|sum| add(sum, pair.ceiling)),
                limits.of(pair.user),
            );
        }
        let by_alias = sums(&pairs, |pair| &pair.alias.name, |pair| max_of(pair.alias));
        let by_user = sums(&pairs, |pair| pair.user, |pair| limits.of(pair.user));
        let ceiling = least(by_alias, by_user);
        ceilings.databases.insert(datname.to_owned(), ceiling);
    }
    ceilings
}

/// One pool, whether it exists already or not.
struct Pair<'a> {
    alias: &'a Alias,
    /// Empty: a user that did not come yet.
    user: &'a str,
    ceiling: Ceiling,
}

type Users<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn users_by_alias(pools: &[Pool]) -> Users<'_> {
    let mut users = Users::new();
    for pool in pools {
        users.entry(&pool.alias).or_default().insert(&pool.user);
    }
    users
}

/// An entry that no client has used yet may open the pool of one user at least.
fn pairs<'a>(alias: &'a Alias, users: &Users<'a>, limits: &UserLimits<'a>) -> Vec<Pair<'a>> {
    let seen = users.get(&*alias.name);
    let users: Vec<&str> = match (&*alias.force_user, seen) {
        ("", Some(users)) => users.iter().copied().collect(),
        (forced, _) => vec![forced],
    };
    let pair = move |user| Pair {
        alias,
        user,
        ceiling: least(
            limits.pool_of(user, alias),
            least(max_of(alias), limits.of(user)),
        ),
    };
    users.into_iter().map(pair).collect()
}

/// The sum over the groups, each with its own limit.
fn sums<'a>(
    pairs: &'a [Pair<'a>],
    group: impl Fn(&'a Pair<'a>) -> &'a str,
    limit: impl Fn(&Pair<'_>) -> Ceiling,
) -> Ceiling {
    let mut groups: BTreeMap<&str, Ceiling> = BTreeMap::new();
    for pair in pairs {
        let sum = groups.entry(group(pair)).or_insert(Some(0));
        *sum = least(sum.and_then(|sum| add(sum, pair.ceiling)), limit(pair));
    }
    groups.into_values().try_fold(0, add)
}

/// The limits of users.
struct UserLimits<'a> {
    settings: &'a PoolerSettings,
    /// By name: there may be as many users as pools.
    own: HashMap<&'a str, &'a PoolerUser>,
}

impl<'a> UserLimits<'a> {
    fn of_settings(settings: &'a PoolerSettings) -> Self {
        let users = settings.users.iter();
        Self {
            settings,
            own: users.map(|user| (&*user.name, user)).collect(),
        }
    }

    fn of(&self, user: &str) -> Ceiling {
        if user.is_empty() {
            return None;
        }
        let own = self.own.get(user).and_then(|own| own.max_connections);
        limit(own.or(self.settings.max_user_connections))
    }

    /// `pool_size` and the reserve. A size of 0 is no limit (1.24+).
    fn pool_of(&self, user: &str, alias: &Alias) -> Ceiling {
        let own = self.own.get(user);
        let size = own.and_then(|own| own.pool_size);
        let size = limit(size.or(alias.figure(AliasFigure::PoolSize)))?;
        let reserve = own.and_then(|own| own.reserve_pool);
        let reserve = limit(reserve.or(alias.figure(AliasFigure::ReservePool)));
        Some(size.saturating_add(reserve.unwrap_or(0)))
    }
}

fn max_of(alias: &Alias) -> Ceiling {
    limit(alias.figure(AliasFigure::MaxConnections))
}

/// 0 and less are no limit.
fn limit(figure: Option<i64>) -> Ceiling {
    let limit = figure.and_then(|figure| u64::try_from(figure).ok());
    limit.filter(|limit| *limit > 0)
}

/// The smaller of two bounds.
fn least(a: Ceiling, b: Ceiling) -> Ceiling {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (bound, None) | (None, bound) => bound,
    }
}

fn add(sum: u64, more: Ceiling) -> Ceiling {
    Some(sum.saturating_add(more?))
}
