//! Databases and login roles, as in the system catalogue.

use std::collections::HashSet;

use super::Oid;

/// One row of `pg_database`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Database {
    pub(crate) oid: Oid,
    /// A byte that is not UTF-8 is written as `\xe9`: the name may be in another encoding.
    pub(crate) name: String,
    /// `datconnlimit`: -1 no limit, -2 invalid, else the maximum number of sessions.
    pub(crate) connection_limit: i32,
    /// `datallowconn`.
    pub(crate) accepts_connections: bool,
    /// The role `datdba`; its name as in `name`.
    pub(crate) owner: String,
}

impl Database {
    /// DROP DATABASE is running or was interrupted; the catalogue does not show which.
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

/// Databases and login roles. Read when the fingerprint of the primary poll has changed, and at a fixed interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Catalogue {
    pub(crate) databases: Vec<Database>,
    /// Roles with sessions first; at most 10,000.
    pub(crate) roles: Vec<Role>,
    /// How many login roles the server has.
    pub(crate) logins: usize,
    /// The fingerprint of the primary poll before this was read.
    pub(crate) fingerprint: Fingerprint,
    /// The roles in `roles`, and dropped roles that still had sessions then.
    pub(crate) known_roles: HashSet<Oid>,
}

/// For `pg_database` and for login roles: the sum of a hash over the rows, with a random key per session, and the number of
/// rows. It changes when a database or a login role is created, dropped, renamed or given another limit. Every change of a row
/// of `pg_database` changes its `xmin`, except the start of DROP DATABASE, which sets `datconnlimit` in place. Memberships of
/// roles are not covered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) databases: (i64, i64),
    pub(crate) roles: (i64, i64),
}
