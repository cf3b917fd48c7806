//! `pgcommons role-sql`: prints the SQL that creates the agent's role.

use std::path::Path;

use anyhow::Context as _;
use secrecy::SecretString;

use super::cli::RoleArgs;
use super::print;
use crate::config::{Config, ConfigError, shown_path};
use crate::postgres::role::{self, NewRole, ProbeGrants};
use crate::postgres::{CredentialFiles, Session};

/// Without `--server-version` it reads the version from the first configured server.
pub(super) async fn run(
    args: &RoleArgs,
    settings: impl Fn() -> Result<Config, ConfigError>,
) -> anyhow::Result<()> {
    let major = match args.server_version {
        Some(major) => major,
        None => server_major(settings()?).await?,
    };
    let password = args.password_file.as_deref().map(password).transpose()?;
    let sql = role::sql(&NewRole {
        name: &args.role,
        dbname: &args.dbname,
        major,
        password: password.as_ref(),
        probe: args.probe.as_deref().map(|dbname| ProbeGrants {
            dbname,
            column: args.workspace_column.as_deref(),
            tables: &args.workspace_tables,
        }),
    })?;
    print(&sql)
}

/// A wrong path is shown as `config` shows it, because the password may be in its place.
pub(super) fn password(path: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("--password-file: cannot read {}", shown_path(path)))?;
    let password = text.trim_end_matches(['\n', '\r']);
    anyhow::ensure!(!password.is_empty(), "--password-file: the file is empty");
    Ok(SecretString::from(password))
}

async fn server_major(config: Config) -> anyhow::Result<u32> {
    let server = config
        .servers
        .first()
        .context("no server is configured; set --server-version")?;
    let session = Session::connect(
        &server.target,
        server.cadence.timeout,
        &mut CredentialFiles::default(),
    )
    .await;
    let session = session.with_context(|| {
        format!(
            "reading the version of {} (or set --server-version)",
            server.name
        )
    })?;
    Ok(session.info().major())
}
