//! The closed set of findings, and why each of them matters.

/// A kind of finding. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    PublicConnect,
    PublicTemporary,
    ForeignConnect,
    TemplateOpen,
    SharedOwner,
    SharedLogin,
    SuperuserOwner,
    SuperuserSessions,
    ElevatedRole,
    ElevatedMembership,
    LimitNotEnforced,
    CleartextSessions,
    PublicCreate,
    PublicTables,
    UnsafeDefiner,
}

impl Kind {
    pub(crate) const ALL: [Self; 15] = [
        Self::PublicConnect,
        Self::PublicTemporary,
        Self::ForeignConnect,
        Self::TemplateOpen,
        Self::SharedOwner,
        Self::SharedLogin,
        Self::SuperuserOwner,
        Self::SuperuserSessions,
        Self::ElevatedRole,
        Self::ElevatedMembership,
        Self::LimitNotEnforced,
        Self::CleartextSessions,
        Self::PublicCreate,
        Self::PublicTables,
        Self::UnsafeDefiner,
    ];

    /// Those that only a probe of a database can find.
    pub(crate) const INSIDE: [Self; 3] =
        [Self::PublicCreate, Self::PublicTables, Self::UnsafeDefiner];

    /// Those that the catalogue of the server shows.
    pub(crate) fn of_server() -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|kind| !Self::INSIDE.contains(kind))
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::PublicConnect => "public_connect",
            Self::PublicTemporary => "public_temporary",
            Self::ForeignConnect => "foreign_connect",
            Self::TemplateOpen => "template_open",
            Self::SharedOwner => "shared_owner",
            Self::SharedLogin => "shared_login",
            Self::SuperuserOwner => "superuser_owner",
            Self::SuperuserSessions => "superuser_sessions",
            Self::ElevatedRole => "elevated_role",
            Self::ElevatedMembership => "elevated_membership",
            Self::LimitNotEnforced => "limit_not_enforced",
            Self::CleartextSessions => "cleartext_sessions",
            Self::PublicCreate => "public_create",
            Self::PublicTables => "public_tables",
            Self::UnsafeDefiner => "unsafe_definer",
        }
    }

    /// Why it matters, in one sentence.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::PublicConnect => {
                "every login role may open sessions there, list all objects in the catalogue and take connections of the tenant; \
                 REVOKE ... FROM a role does not change it, because the privilege is that of PUBLIC"
            }
            Self::PublicTemporary => {
                "every role that connects may fill the shared disk with temporary tables"
            }
            Self::ForeignConnect => {
                "a role of another tenant may open sessions there and use what is granted to PUBLIC inside"
            }
            Self::TemplateOpen => {
                "CREATE DATABASE fails while a session is connected to its template, and new databases copy what is left in it"
            }
            Self::SharedOwner => {
                "the owner may read, change and drop each of these databases, so they are not isolated from each other"
            }
            Self::SharedLogin => {
                "tenants that share a login are one tenant for PostgreSQL: one password opens all, and one limit counts all"
            }
            Self::SuperuserOwner => {
                "the application does not own its database: since PostgreSQL 15 it cannot create tables in the schema public, and \
                 applications that log in as the owner have no limits"
            }
            Self::SuperuserSessions => {
                "no connection limit, privilege or row security binds a superuser, and its sessions still use up the limits of others"
            }
            Self::ElevatedRole => {
                "the attribute reaches beyond one database: its holder can enter, read or exhaust those of other tenants"
            }
            Self::ElevatedMembership => {
                "the group reaches beyond one database: its members can read, change or stop those of other tenants"
            }
            Self::LimitNotEnforced => {
                "PostgreSQL never refuses a superuser, so the limit does nothing"
            }
            Self::CleartextSessions => {
                "everybody on the network path can read the data, and change it"
            }
            Self::PublicCreate => {
                "every role that may connect can create tables and functions there, which the statements of others may use by accident"
            }
            Self::PublicTables => "every role that may connect can read the data",
            Self::UnsafeDefiner => {
                "the function has the rights of its owner, and its caller decides in which schemas it looks for tables and functions"
            }
        }
    }

    /// Whether the check looks at sessions.
    pub(crate) fn needs_sessions(self) -> bool {
        match self {
            Self::SharedLogin | Self::SuperuserSessions | Self::CleartextSessions => true,
            Self::PublicConnect
            | Self::PublicTemporary
            | Self::ForeignConnect
            | Self::TemplateOpen
            | Self::SharedOwner
            | Self::SuperuserOwner
            | Self::ElevatedRole
            | Self::ElevatedMembership
            | Self::LimitNotEnforced
            | Self::PublicCreate
            | Self::PublicTables
            | Self::UnsafeDefiner => false,
        }
    }
}
