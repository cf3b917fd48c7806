//! `pgcommons notify`: sends a test notification to each receiver of the configuration, and prints what came of it.

use std::fmt::Write as _;

use super::cli::NotifyArgs;
use super::print;
use crate::config::Config;
use crate::names::escape_for_terminal;
use crate::notify::{Origin, Receiver, send_test};

/// Returns 0 if every receiver has accepted it, or else 1.
pub(super) async fn run(args: &NotifyArgs, config: Config) -> anyhow::Result<u8> {
    let origin = Origin::new(
        config.external_url.as_ref(),
        &config.listen_addresses,
        config.has_page,
    );
    let is_wanted = |receiver: &&Receiver| {
        let name = args.receiver.as_ref();
        name.is_none_or(|name| *name == receiver.name)
    };
    let receivers: Vec<_> = config.receivers.iter().filter(is_wanted).collect();
    anyhow::ensure!(
        !receivers.is_empty(),
        "no such receiver is configured; set notify"
    );
    let (mut lines, mut failed) = (String::new(), false);
    for receiver in receivers {
        let result = send_test(receiver, &origin).await;
        failed |= result.is_err();
        let result = result.map_or_else(|failure| failure.message, |()| "delivered".to_owned());
        let (name, kind) = (&receiver.name, receiver.destination.kind());
        let name = escape_for_terminal(name);
        writeln!(lines, "{name} ({kind}): {}", escape_for_terminal(&result))?;
    }
    print(&lines)?;
    Ok(u8::from(failed))
}
