//! `pgcommons audit`: which tenants the privileges keep apart, and the SQL that closes what is open.

mod report;
mod sarif;
mod sql;
mod text;

use tokio::time::timeout;

use super::check::probed;
use super::cli::AuditArgs;
use super::{print, print_json};
use crate::config::{Config, ServerConfig};
use crate::findings::Severity;
use crate::isolation::{self, Judgement, Question};
use crate::logging::chain;
use crate::postgres::{CredentialFiles, Session};

use report::Report;

/// Returns the exit code of the worst finding; with `--sql` 0, or 3 if the server cannot be audited.
pub(super) async fn run(args: &AuditArgs, mut config: Config) -> anyhow::Result<u8> {
    if let Some(name) = &args.server {
        config.servers.retain(|server| server.name == *name);
        anyhow::ensure!(!config.servers.is_empty(), "no server is named {name}");
    }
    anyhow::ensure!(
        !args.format.sql || config.servers.len() == 1,
        "--sql is for one server: choose it with --server"
    );
    let mut audited = Vec::new();
    for server in config.servers {
        let judged = audit(&server).await;
        audited.push((server.name, judged));
    }
    if args.format.sql {
        return sql(audited);
    }
    let report = Report::of(&audited);
    if args.format.json {
        print_json(&report)?;
    } else if args.format.sarif {
        print_json(&sarif::log(&report))?;
    } else {
        print(&text::render(&report))?;
    }
    Ok(report.status.exit_code())
}

/// A server's name, and what was found there or why it could not be audited.
type Audited = (String, Result<Judged, String>);

struct Judged {
    judgement: Judgement,
    /// Such as `15.18`.
    version: String,
}

async fn audit(server: &ServerConfig) -> Result<Judged, String> {
    let (deadline, target) = (server.cadence.timeout, &server.target);
    let session = Session::connect(target, deadline, &mut CredentialFiles::default()).await;
    let session = session.map_err(|error| chain(&error))?;
    let access = timeout(deadline, session.access()).await;
    let access =
        access.map_err(|_| format!("no answer within {}", humantime::format_duration(deadline)))?;
    let access = access.map_err(|error| chain(&error))?;
    let info = session.info();
    let question = Question::new(&access, &server.policy, info, &target.dbname);
    let mut judgement = isolation::judge(question);
    for (datname, probe) in server.probes().into_iter().flat_map(|it| it.databases) {
        let found = probed(&probe).await.map(|view| view.findings);
        judgement.add_inside(&datname, found);
    }
    Ok(Judged {
        judgement,
        version: info.short_version(),
    })
}

fn sql(audited: Vec<Audited>) -> anyhow::Result<u8> {
    for (server, judged) in audited {
        let judged = judged.map_err(|error| anyhow::anyhow!("{server}: {error}"))?;
        print(&sql::script(&server, &judged.judgement))?;
    }
    Ok(Severity::Ok.exit_code())
}
