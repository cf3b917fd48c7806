//! The grants for a probe of a tenant's database: CONNECT, and SELECT on one column of the tables that count.

use std::fmt::Write as _;

use super::{NameError, identifier};
use crate::names::literal;
use crate::postgres::probe::like;
use crate::postgres::tenant::{block, connect_argument};

/// What the role is to look at.
pub(crate) struct ProbeGrants<'a> {
    /// The database of the tenant.
    pub(crate) dbname: &'a str,
    /// The column of the workspaces; None: it looks at privileges only, which needs no grant.
    pub(crate) column: Option<&'a str>,
    /// Patterns of the tables that count.
    pub(crate) tables: &'a [String],
}

impl ProbeGrants<'_> {
    /// A part of the transaction that creates the role. One connection more: that of the probe.
    pub(super) fn in_transaction(&self, role: &str) -> Result<String, NameError> {
        let dbname = identifier("--probe", self.dbname)?;
        Ok(format!(
            "grant connect on database {dbname} to {role};\n\
             alter role {role} connection limit 4;\n"
        ))
    }

    /// What must run in the database of the tenant. Empty: nothing.
    pub(super) fn in_database(&self, role: &str) -> Result<String, NameError> {
        let Some(column) = self.column else {
            return Ok(String::new());
        };
        identifier("--workspace-column", column)?;
        let mut patterns = Vec::new();
        for pattern in self.tables {
            identifier("--workspace-tables", pattern)?;
            patterns.push(literal(&like(pattern)));
        }
        let (column, role) = (literal(column), literal(role));
        let mut sql = format!(
            "-- The rest is for psql, in the database of the tenant. Run it again when there are new tables.\n\
             \\connect -reuse-previous=on {}\n\
             set client_encoding = 'UTF8';\n\
             set client_min_messages = warning;\n",
            connect_argument(self.dbname)
        );
        let _ = write!(sql, "{}", grants(&column, &patterns.join(", "), &role));
        Ok(sql)
    }
}

/// The same tables that the probe looks at.
fn grants(column: &str, patterns: &str, role: &str) -> String {
    block(&format!(
        "  declare found record;\n\
         \x20 begin\n\
         \x20   for found in select n.nspname, c.relname\n\
         \x20       from pg_catalog.pg_class c\n\
         \x20       join pg_catalog.pg_namespace n on n.oid = c.relnamespace\n\
         \x20       join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped\n\
         \x20      where c.relkind = 'r' and a.attname = {column}::name\n\
         \x20        and not pg_catalog.starts_with(n.nspname::text, 'pg_') and n.nspname <> 'information_schema'\n\
         \x20        and (c.relname::text like any (array[{patterns}])\n\
         \x20             or c.relispartition and exists (\n\
         \x20                  select from pg_catalog.pg_partition_ancestors(c.oid) as t(relid)\n\
         \x20                    join pg_catalog.pg_class as p on p.oid = t.relid\n\
         \x20                   where p.relname::text like any (array[{patterns}]))) loop\n\
         \x20     execute pg_catalog.format('grant select (%I) on table %I.%I to %I', {column}, found.nspname, found.relname, {role});\n\
         \x20   end loop;\n\
         \x20 end;\n"
    ))
}
