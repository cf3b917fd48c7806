//! `pgcommons advise`: advice from the history of Prometheus, or from the agent's own.

mod declared;
mod explain;
mod fleet;
mod own;
mod queries;
mod reader;
mod report;
mod server_facts;
mod tenant_facts;
mod text;

use anyhow::ensure;

use super::cli::AdviseArgs;
use super::{print, print_json};
use crate::advice::{self, ServerFacts};
use crate::config::Config;
use report::Report;

/// What a source knows.
struct History {
    source: String,
    servers: Vec<ServerFacts>,
    notes: Vec<String>,
    explained: Vec<explain::Explained>,
}

/// Returns the exit code: 0 nothing to do, 1 advice, 3 cannot tell.
pub(super) async fn run(args: &AdviseArgs, config: Option<Config>) -> anyhow::Result<u8> {
    let mut history = history(args, config.as_ref()).await?;
    declared::add(&mut history.servers, config.as_ref(), args.instances);
    let advice: Vec<_> = history.servers.iter().map(advice::advise).collect();
    let mut report = Report::new(history.source, args.days, &advice);
    report.notes = history.notes;
    if !args.together.is_empty() {
        let servers: Vec<_> = history.servers.iter().collect();
        report.add_together(&advice::together(&servers));
    }
    if let Some(datname) = &args.without {
        let found = history
            .servers
            .iter()
            .filter_map(|it| advice::without(it, datname));
        report.without = found.map(Into::into).collect();
        ensure!(
            !report.without.is_empty(),
            "no server has a database {datname} now"
        );
    }
    if args.explain {
        report.explain = history.explained;
    }
    if args.json {
        print_json(&report)?;
    } else {
        print(&text::render(&report))?;
    }
    Ok(report.exit_code())
}

async fn history(args: &AdviseArgs, config: Option<&Config>) -> anyhow::Result<History> {
    let Some(address) = &args.prometheus else {
        let config = config.ok_or_else(|| anyhow::anyhow!("there is no configuration"))?;
        let (mut servers, notes) = own::read(config).await?;
        servers.retain(|it| args.server.as_ref().is_none_or(|name| it.name == *name));
        ensure!(
            !servers.is_empty(),
            "the history has no configured server of that name"
        );
        return Ok(History {
            source: "the agent's own history, which keeps one day".to_owned(),
            servers,
            notes,
            explained: Vec::new(),
        });
    };
    let mut reader = fleet::reader(args, address)?;
    let servers = fleet::read(&mut reader, args).await?;
    Ok(History {
        source: reader.origin(),
        servers,
        notes: Vec::new(),
        explained: reader.explained,
    })
}
