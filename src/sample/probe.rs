//! What one probe reads in the database of a tenant: statistics of its workspaces, and what is open inside it.

use super::Oid;
use super::access::Name;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProbeAnswer {
    /// None: not asked.
    pub(crate) workspaces: Option<WorkspaceStatistics>,
    pub(crate) inside: InnerPrivileges,
}

/// The statistics of the tables that match, as of their last ANALYZE.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct WorkspaceStatistics {
    /// At most [`MAX_TABLES`] and one.
    pub(crate) tables: Vec<WorkspaceTable>,
    /// The workspaces with most rows in all tables that are readable, at most 200, the largest first.
    pub(crate) values: Vec<WorkspaceValue>,
}

/// More tables than this are not summed up.
pub(crate) const MAX_TABLES: usize = 2_000;

/// One table that has the column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkspaceTable {
    pub(crate) oid: Oid,
    pub(crate) schema: Name,
    pub(crate) name: Name,
    /// `pg_class.reltuples`, not below 0.
    pub(crate) rows: f64,
    /// The role may read the column, and no row security applies to it: only then `pg_stats` shows the statistics.
    pub(crate) is_readable: bool,
    /// `pg_stats` has a row.
    pub(crate) has_statistics: bool,
    /// Its files are empty. False also if that is unknown.
    pub(crate) is_empty: bool,
    /// The last ANALYZE, in seconds since the epoch. None: the server has forgotten it (a crash), or there was none.
    pub(crate) analysed: Option<f64>,
    /// `n_mod_since_analyze`: rows that were written since.
    pub(crate) written: u64,
}

/// Rows of one workspace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkspaceValue {
    /// Its first characters. A byte that is not UTF-8 is written as `\xe9`. None: rows of workspaces that were not told apart.
    pub(crate) start: Option<String>,
    /// A sum of the whole name, where it is longer than `start`.
    pub(crate) hash: Option<i64>,
    pub(crate) rows: f64,
    /// Bytes of their values; None: not read.
    pub(crate) bytes: Option<f64>,
}

/// What is open inside a database, without the objects of extensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct InnerPrivileges {
    /// Schemas in which PUBLIC may create objects.
    pub(crate) schemas: Objects,
    /// Tables and views that PUBLIC may read, in schemas that PUBLIC may use.
    pub(crate) tables: Objects,
    /// Functions with SECURITY DEFINER and no `search_path` of their own, with the types of their arguments.
    pub(crate) functions: Objects,
}

/// Objects of one kind: the first ones by name, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Objects {
    pub(crate) first: Vec<InnerObject>,
    pub(crate) total: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InnerObject {
    pub(crate) schema: Name,
    /// None: the object is the schema.
    pub(crate) name: Option<Name>,
    /// For a function.
    pub(crate) arguments: String,
}
