//! The arguments of `pgcommons workspaces`.

use std::time::Duration;

use clap::Args;

use super::values::time_limit;

#[derive(Debug, Clone, Args)]
pub struct WorkspacesArgs {
    /// Count rows and bytes by a scan of each table, instead of an estimate
    #[arg(long)]
    pub exact: bool,
    /// Maximum time for the scans of one database
    #[arg(long, value_name = "DURATION", default_value = "1m", requires = "exact", value_parser = time_limit)]
    pub timeout: Duration,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Only this server of the configuration
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
    /// Only this database
    #[arg(long, value_name = "DBNAME")]
    pub database: Option<String>,
}
