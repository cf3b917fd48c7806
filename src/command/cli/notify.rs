//! The arguments of `pgcommons notify`.

use clap::Args;

#[derive(Debug, Clone, Args)]
pub struct NotifyArgs {
    /// Only this receiver of the configuration
    #[arg(long, value_name = "NAME")]
    pub receiver: Option<String>,
}
