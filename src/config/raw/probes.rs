//! `servers.NAME.probes` before validation. The doc comment of a key is its meaning in `docs/configuration.md`.

use std::collections::BTreeMap;

use config::Value;
use serde::Deserialize;

use super::super::keys::{Content, Key, Table, path, plain};
#[cfg(test)]
use super::super::reference::{Row, Section};
use super::super::shapes::{Durations, Filled, List};
use super::{Block, DAY, Leaf, SECOND, table};

table!(
/// One entry for each database of a tenant that the agent may look into; without any, it opens no connection there. At each interval it
/// opens one short connection, one database after the other. The other keys of the connection are those of the server. See
/// [probes.md](probes.md).
RawProbe {
    /// How often.
    interval: Durations(SECOND..=DAY) = "1h";
    /// The role to log in as, instead of that of the server. Its password is in `password_file` or in `~/.pgpass`.
    user: Filled("a name");
    /// A file that contains only the password. Read at every connect.
    password_file: Filled("the path of a file");
} {
    workspaces: Block<RawWorkspaces>;
});
table!(
/// Which rows belong to which workspace, where several tenants share the tables of the database. It is estimated from the statistics of
/// PostgreSQL, without a scan.
RawWorkspaces {
    /// The column that has the name of the workspace. Without it, workspaces are not looked at.
    column: Filled("the name of a column");
    /// The tables that count, by patterns with `*` and `?`, if they have the column. Without it, or if the list is empty: all.
    tables: List("[lightrag_*]");
} {});
