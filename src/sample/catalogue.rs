//! Databases and login roles, as the catalogue has them.

use std::collections::HashSet;

use super::Oid;

/// One row of `pg_database`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Database {
    pub(crate) oid: Oid,
    /// Bytes that are not UTF-8 stand as `\xe9`: a name may have been made in another encoding.
    pub(crate) name: String,
    /// `datconnlimit`: -1 no limit, -2 invalid, else the number of sessions.
    pub(crate) connection_limit: i32,
    /// `datallowconn`.
    pub(crate) accepts_connections: bool,
}

impl Database {
    /// A DROP DATABASE of it runs, or one was interrupted: the catalogue does not tell which.
    pub(crate) fn is_invalid(&self) -> bool {
        self.connection_limit == -2
    }
}

/// One login role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Role {
    pub(crate) oid: Oid,
    pub(crate) name: String,
    /// `rolconnlimit`: -1 no limit.
    pub(crate) connection_limit: i32,
    pub(crate) superuser: bool,
    /// Has the privileges of `pg_use_reserved_connections` (16+).
    pub(crate) uses_reserved_connections: bool,
}

/// Databases and login roles: read anew when the fast poll sees that they have changed, and with the statistics.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Catalogue {
    pub(crate) databases: Vec<Database>,
    /// Those with sessions first; at most 10,000.
    pub(crate) roles: Vec<Role>,
    /// How many roles there are that would be in `roles`.
    pub(crate) logins: usize,
    /// What the fast poll said before this was read.
    pub(crate) fingerprint: Fingerprint,
    /// Those in `roles`, and those that had sessions then and are not: they were dropped.
    pub(crate) known_roles: HashSet<Oid>,
}

/// Sums of hashes over the rows of `pg_database` and of login roles, with a random key for each session, and the numbers of
/// rows. It changes when a database or a login role is created, dropped, renamed or given another limit. A change of a row of
/// `pg_database` gives it another `xmin`, except that of a DROP that has begun, which sets `datconnlimit` in place.
/// Memberships of roles are not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) databases: (i64, i64),
    pub(crate) roles: (i64, i64),
}
