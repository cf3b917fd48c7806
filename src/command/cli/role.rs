//! The arguments of `pgcommons role-sql`.

use std::path::PathBuf;

use clap::Args;

use super::values::major;

#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// Name of the role
    #[arg(long, value_name = "NAME", default_value = "pgcommons")]
    pub role: String,
    /// Database that the agent will connect to
    #[arg(long, value_name = "DBNAME", default_value = "postgres")]
    pub dbname: String,
    /// File with the password of the role; the SQL contains it as a SCRAM verifier
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Major version of the server, 13 to 18; by default it is read from the configured server
    #[arg(long, value_name = "MAJOR", value_parser = major)]
    pub server_version: Option<u32>,
    /// Also print the grants for a probe of this database
    #[arg(long, value_name = "DBNAME")]
    pub probe: Option<String>,
    /// Column of the workspaces in that database
    #[arg(long, value_name = "COLUMN", requires = "probe")]
    pub workspace_column: Option<String>,
    /// Tables that count, by a pattern with * and ?; may be repeated
    #[arg(
        long,
        value_name = "PATTERN",
        requires = "workspace_column",
        default_value = "*"
    )]
    pub workspace_tables: Vec<String>,
}
