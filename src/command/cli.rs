//! The command line. Flags are named as those of the Prometheus exporters.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Watches a PostgreSQL server that many applications share: connections and sizes against their limits, for Prometheus.
///
/// Without a configuration file it watches the server of `DATABASE_URL`, or of PGHOST, PGPORT, PGUSER and PGPASSWORD.
#[derive(Debug, Parser)]
#[command(name = "pgcommons", version = crate::build_info::VERSION_LINE, args_conflicts_with_subcommands = false)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// YAML file with servers, budgets and cadences
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// Check the configuration and exit
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// Where to listen, as in 127.0.0.1:19187; without a host, on every address
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    pub listen_address: Option<String>,
    /// YAML file with TLS and users of the listener, in the format of the Prometheus exporters
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,
    /// debug, info, warn or error
    #[arg(long = "log.level", value_name = "LEVEL", global = true)]
    pub log_level: Option<String>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Poll once and print the tenants, the worst first; exit code 0 ok, 1 warning, 2 critical, 3 unknown
    Check(CheckArgs),
    /// Print the SQL that creates the least-privilege role for the agent
    RoleSql(RoleArgs),
    /// Ask the agent that listens here whether it answers; exit code 0 or 1
    Healthcheck(HealthArgs),
}

#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Share of a limit from which on it is a warning
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, value_parser = share)]
    pub warning: f64,
    /// Share of a limit from which on it is critical; no headroom always is
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, value_parser = share)]
    pub critical: f64,
    /// How long to go on measuring sizes
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = patience)]
    pub timeout: Duration,
}

#[derive(Debug, Clone, Args)]
pub struct RoleArgs {
    /// Name of the role
    #[arg(long, value_name = "NAME", default_value = "pgcommons")]
    pub role: String,
    /// Database that the agent will connect to
    #[arg(long, value_name = "DBNAME", default_value = "postgres")]
    pub dbname: String,
    /// File with its password, which the SQL then holds as a SCRAM verifier
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Major version of the server; without it the configured server is asked
    #[arg(long, value_name = "MAJOR", value_parser = clap::value_parser!(u32).range(13..100))]
    pub server_version: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Ask whether at least one server is up, too
    #[arg(long)]
    pub ready: bool,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("want a number above 0 and up to 1".to_owned()),
    }
}

/// Of what lies beyond, a clock could not make a point in time.
const LONGEST_PATIENCE: Duration = Duration::from_hours(24);

fn patience(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(patience) if patience <= LONGEST_PATIENCE => Ok(patience),
        _ => Err("want a duration with its unit, up to 24h".to_owned()),
    }
}
