//! The arguments of `pgcommons advise`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::time_limit;

#[derive(Debug, Clone, Args)]
pub struct AdviseArgs {
    /// Address of Prometheus, or of a program with its API; without it the agent's own history in state.dir is read
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,
    /// How many days of history are used
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// Only this server
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
    /// Whether these servers would fit in one: their names, with commas between them
    #[arg(
        long,
        value_name = "SERVERS",
        value_delimiter = ',',
        requires = "prometheus",
        conflicts_with = "server"
    )]
    pub together: Vec<String>,
    /// What happens to the others if this database moves out
    #[arg(long, value_name = "DATABASE")]
    pub without: Option<String>,
    /// Instances of an application whose pools the configuration does not declare
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub instances: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Also print each query and its answer
    #[arg(long)]
    pub explain: bool,
    /// User for basic authentication
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// File with the password of the user
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// File with a bearer token
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub bearer_token_file: Option<PathBuf>,
    /// File with the CAs of the certificate of the address; by default those of the operating system
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Maximum time for each query
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = time_limit)]
    pub timeout: Duration,
}
