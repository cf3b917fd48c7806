//! `pgcommons check`: polls every server once, for people and for monitoring plugins (Nagios exit codes).

mod backups;
mod load;
mod machine;
mod own_session;
mod poll;
mod poolers;
mod probes;
mod refusal;
mod report;
mod sessions;
mod table;
mod volumes;

use super::cli::CheckArgs;
use super::{print, print_json};
use crate::config::Config;
use crate::findings::Thresholds;

pub(super) use probes::view as probed;
pub(super) use refusal::Refusal;
pub(super) use table::{lines, table};

/// Returns the exit code of the worst finding.
pub(super) async fn run(args: &CheckArgs, config: Config) -> anyhow::Result<u8> {
    anyhow::ensure!(
        args.warning <= args.critical,
        "--warning {} is above --critical {}",
        args.warning,
        args.critical
    );
    if args.sessions {
        return sessions::run(args, config).await;
    }
    let thresholds = Thresholds {
        warning: args.warning,
        critical: args.critical,
    };
    let report = poll::all(config.servers, thresholds, args.timeout).await;
    if args.json {
        print_json(&report)?;
    } else {
        print(&table::render(&report))?;
    }
    Ok(report.status.exit_code())
}
