//! Who may connect where, as in the system catalogue: databases with their privileges, roles, memberships, and who is connected.

use super::Oid;

/// A name in two forms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    /// For people and labels: a byte that is not UTF-8 is written as `\xe9`.
    pub(crate) shown: String,
    /// For SQL. None: the bytes are not UTF-8, so that no statement in UTF-8 can name the object.
    pub(crate) exact: Option<String>,
}

/// One answer. Objects refer to each other by OID; an OID that is not in the answer was created or dropped meanwhile.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Access {
    /// Without invalid databases, to which no role can connect.
    pub(crate) databases: Vec<DatabaseAccess>,
    /// All roles, not only login roles.
    pub(crate) roles: Vec<RoleAccess>,
    pub(crate) memberships: Vec<Membership>,
    /// Client sessions without the agent's own. None: the agent's role may not see the sessions of other roles.
    pub(crate) sessions: Option<Vec<SessionCount>>,
    /// What the server has more of than is read. The answer is not the whole then.
    pub(crate) truncated: Option<&'static str>,
}

/// One row of `pg_database`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DatabaseAccess {
    pub(crate) oid: Oid,
    pub(crate) name: Name,
    /// `datdba`
    pub(crate) owner: Oid,
    /// `datconnlimit`: -1 no limit.
    pub(crate) connection_limit: i32,
    /// `datallowconn`
    pub(crate) accepts_connections: bool,
    /// `datistemplate`
    pub(crate) is_template: bool,
    /// `datacl`, or the default privileges if it is NULL.
    pub(crate) grants: Vec<Grant>,
}

/// The privileges that one grantor has granted to one grantee on a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    /// None: PUBLIC.
    pub(crate) grantee: Option<Oid>,
    pub(crate) grantor: Oid,
    pub(crate) connect: bool,
    pub(crate) temporary: bool,
    pub(crate) create: bool,
}

/// One row of `pg_roles`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoleAccess {
    pub(crate) oid: Oid,
    pub(crate) name: Name,
    pub(crate) can_login: bool,
    pub(crate) superuser: bool,
    /// Beside LOGIN, SUPERUSER and INHERIT.
    pub(crate) attributes: Vec<Attribute>,
    /// `rolconnlimit`: -1 no limit.
    pub(crate) connection_limit: i32,
}

/// An attribute of a role that reaches beyond one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// CREATEDB
    CreateDatabase,
    /// CREATEROLE
    CreateRole,
    /// BYPASSRLS
    BypassRowSecurity,
    /// REPLICATION
    Replication,
}

/// One row of `pg_auth_members`. Before PostgreSQL 16 the attribute INHERIT of the member applies to all its memberships, and
/// every membership allows SET ROLE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) group: Oid,
    pub(crate) member: Oid,
    pub(crate) grantor: Oid,
    /// The member has the privileges of the group.
    pub(crate) inherit: bool,
    /// The member may SET ROLE to the group.
    pub(crate) set: bool,
    /// The member may grant the group, also to itself.
    pub(crate) admin: bool,
}

/// The client sessions of one role in one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionCount {
    pub(crate) database: Oid,
    pub(crate) role: Oid,
    pub(crate) count: u32,
    /// From another machine, and without TLS.
    pub(crate) cleartext: u32,
}
