//! The command line. Flags have the names that Prometheus exporters use.

mod advise;
mod notify;
mod role;
mod top;
mod values;
mod workspaces;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};

use crate::config::{ExporterFlag, may_be_secret};
pub use advise::AdviseArgs;
pub use notify::NotifyArgs;
pub use role::RoleArgs;
pub use top::TopArgs;
use values::{OneOf, fraction, major, preset_names, size, time_limit};
pub use workspaces::WorkspacesArgs;

/// Monitors PostgreSQL servers that many applications share: connections and sizes against their limits, for Prometheus.
///
/// Without a command it runs the agent, until SIGTERM or SIGINT. Without a configuration file it monitors the server of `DATABASE_URL`, or of PGHOST, PGPORT, PGUSER and PGPASSWORD.
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
    /// YAML file with servers, budgets and intervals
    #[arg(long = "config.file", value_name = "FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// Check the configuration and exit
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// Address to listen on, such as 127.0.0.1:19187; without a host, on all addresses. May be repeated
    #[arg(long = "web.listen-address", value_name = "ADDRESS")]
    pub listen_addresses: Vec<String>,
    /// Path of the metrics
    #[arg(long = "web.telemetry-path", value_name = "PATH")]
    pub telemetry_path: Option<String>,
    /// YAML file with TLS and users of the listener, in the format of Prometheus exporters
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,
    /// Log level
    #[arg(long = "log.level", value_name = "LEVEL", global = true, value_parser = OneOf(&["debug", "info", "warn", "error"]))]
    pub log_level: Option<String>,
    /// Whether there are the live page and /api/v1/status: true or false
    #[arg(long = "web.page", value_name = "BOOLEAN")]
    pub page: Option<String>,
    /// Directory in which the history of the live page survives restarts
    #[arg(long = "state.dir", value_name = "DIR")]
    pub state_dir: Option<String>,
    /// Form of the log lines
    #[arg(long = "log.format", value_name = "FORMAT", value_parser = OneOf(&["text", "logfmt", "json"]))]
    pub log_format: Option<String>,
    /// Flags of `postgres_exporter` that the agent does not have itself
    #[arg(skip)]
    pub(crate) exporter: Vec<ExporterFlag>,
}

impl Cli {
    /// Parses the arguments, the name of the program first. Flags of `postgres_exporter` are accepted without a command, because that
    /// program has none.
    pub fn from_arguments(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let error = match Self::try_parse_from(&arguments) {
            Err(error) if error.kind() == ErrorKind::UnknownArgument => error,
            parsed => return parsed,
        };
        let (rest, exporter) = ExporterFlag::take_from(arguments);
        if exporter.is_empty() {
            return Err(error);
        }
        let mut cli = Self::try_parse_from(rest)?;
        if cli.command.is_some() {
            return Err(error);
        }
        cli.global.exporter = exporter;
        Ok(cli)
    }
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Poll once and print databases and roles, worst first; exit code 0 ok, 1 warning, 2 critical, 3 unknown
    Check(CheckArgs),
    /// Show databases and resources in the terminal, again and again, worst first; until Ctrl-C
    Top(TopArgs),
    /// Read the backups once and print the newest of each database, worst first; exit code 0 ok, 1 warning, 2 critical, 3 unknown
    Backups(BackupsArgs),
    /// Show which tenants the privileges keep apart, and the SQL that closes what is open; exit codes as check
    Audit(AuditArgs),
    /// Print how the rows of the databases that are probed are shared out among workspaces; exit code 0, or 3 if it is unknown
    Workspaces(WorkspacesArgs),
    /// Compare declared pools, connections and sizes with what the server has; exit codes as check
    Plan(PlanArgs),
    /// Say from days of history which limits to set, which database should move out, and which servers would fit in one; exit code 0 nothing to do, 1 advice, 3 cannot tell
    Advise(AdviseArgs),
    /// Send a test notification to each receiver of the configuration; exit code 0 if all accepted it, else 1
    Notify(NotifyArgs),
    /// Print the SQL that creates the least-privilege role for the agent
    RoleSql(RoleArgs),
    /// Print the psql script that creates a tenant: database, roles, limits, closed for others
    TenantSql(TenantArgs),
    /// Check that the agent on this host answers; exit code 0 or 1
    Healthcheck(HealthArgs),
}

#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Fraction of a limit at which the status is warning
    #[arg(long, value_name = "FRACTION", default_value_t = 0.8, value_parser = fraction)]
    pub warning: f64,
    /// Fraction of a limit at which the status is critical; without headroom it always is
    #[arg(long, value_name = "FRACTION", default_value_t = 0.95, value_parser = fraction)]
    pub critical: f64,
    /// Maximum time for measuring sizes
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = time_limit)]
    pub timeout: Duration,
    /// List sessions instead: those in a transaction, the oldest first, then the others, the longest in their state first
    #[arg(long)]
    pub sessions: bool,
    /// How many sessions of each server are listed
    #[arg(long, value_name = "N", default_value_t = 20, requires = "sessions", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Also show the beginning of their queries, which may contain secrets
    #[arg(long, requires = "sessions")]
    pub with_query: bool,
}

#[derive(Debug, Clone, Args)]
#[group(id = "format", multiple = false)]
pub struct AuditFormat {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print the SQL that repairs what needs no decision, as one transaction
    #[arg(long)]
    pub sql: bool,
    /// Print SARIF 2.1.0
    #[arg(long)]
    pub sarif: bool,
}

#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    pub format: AuditFormat,
    /// Only this server of the configuration
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// Read connection slots, memory settings, limits, owners and roles from the configured servers, and compare them too
    #[arg(long, conflicts_with = "max_connections")]
    pub live: bool,
    /// `max_connections` of the server
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=262_143))]
    pub max_connections: Option<u32>,
    /// Slots of them that ordinary roles cannot use
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub reserved_connections: u32,
    /// Storage of the server, such as 128GiB; instead of `storage.size` in the configuration
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub storage: Option<u64>,
    /// Memory that PostgreSQL may use, such as 2GiB; instead of `memory` in the configuration
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// `shared_buffers` of the server; read with --live, else 128MiB is assumed
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub shared_buffers: Option<u64>,
    /// `work_mem` of the server; read with --live, else 4MiB is assumed
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub work_mem: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Only this server of the configuration
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct BackupsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Directory of backups, instead of those in the configuration; may be repeated
    #[arg(long, value_name = "DIR")]
    pub path: Vec<PathBuf>,
    /// Tool that names the files
    #[arg(long, value_name = "PRESET", requires = "path", value_parser = preset_names())]
    pub preset: Option<String>,
    /// Pattern of file names, as in {database}-{timestamp}.sql.gz; may be repeated
    #[arg(long, value_name = "PATTERN", requires = "path")]
    pub pattern: Vec<String>,
    /// Age at which the newest complete backup of a database is stale
    #[arg(long, value_name = "DURATION", default_value = "26h", requires = "path", value_parser = humantime::parse_duration)]
    pub max_age: Duration,
    /// Databases that need no backup; patterns with * and ?; may be repeated
    #[arg(long, value_name = "DATABASE", requires = "path")]
    pub exclude: Vec<String>,
    /// Maximum time for reading the files of one server
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = time_limit)]
    pub timeout: Duration,
    /// How fast the files are read, instead of the limit in the configuration
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub max_bytes_per_second: Option<u64>,
}

#[derive(Debug, Clone, Args)]
pub struct TenantArgs {
    /// Name of the database
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Maximum number of connections of the database, and of each login role
    #[arg(long, value_name = "N", required_unless_present = "drop", value_parser = clap::value_parser!(u32).range(1..=262_143))]
    pub connections: Option<u32>,
    /// Role that owns the database; by default it has the name of the database
    #[arg(long, value_name = "ROLE")]
    pub owner: Option<String>,
    /// Role that logs in as a member of the owner, may be repeated; by default the owner logs in
    #[arg(long, value_name = "ROLE")]
    pub login: Vec<String>,
    /// File with the password of the role that logs in; the SQL contains it as a SCRAM verifier
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Major version of the server, 13 to 18; the script is the same for all
    #[arg(long, value_name = "MAJOR", value_parser = major)]
    pub server_version: Option<u32>,
    /// Print the script that drops the database with all its data, its owner and these login roles
    #[arg(long, conflicts_with_all = ["connections", "password_file"])]
    pub drop: bool,
}

#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Also check that at least one server is up
    #[arg(long)]
    pub ready: bool,
}

/// The message of a command line that cannot be used, in one line. Text that may hold a password is not shown.
#[must_use]
pub fn usage_error(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim);
    let lines =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let mut line = lines.join("; ");
    for (_, context) in error.context() {
        if let ContextValue::String(given) = context
            && may_be_secret(given)
            && !given.starts_with('-')
        {
            line = line.replace(given, "(not shown)");
        }
    }
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    format!("pgcommons: {line}; see pgcommons --help")
}
