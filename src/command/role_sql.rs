//! `pgcommons role-sql`: prints the SQL that creates the agent's role.

use std::path::Path;

use anyhow::Context as _;
use secrecy::{ExposeSecret, SecretString};

use super::cli::RoleArgs;
use super::print;
use crate::config::{Config, ConfigError};
use crate::postgres::role::{self, NewRole};
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
    let password = password(args.password_file.as_deref())?;
    let sql = role::sql(&NewRole {
        name: &args.role,
        dbname: &args.dbname,
        major,
        password: password.as_ref(),
    })?;
    print(&sql)
}

/// The password in a file, without the line break at its end.
pub(super) fn password(path: Option<&Path>) -> anyhow::Result<Option<SecretString>> {
    let Some(path) = path else { return Ok(None) };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let password = SecretString::from(text.trim_end_matches(['\n', '\r']));
    anyhow::ensure!(
        !password.expose_secret().is_empty(),
        "the password file is empty"
    );
    Ok(Some(password))
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
