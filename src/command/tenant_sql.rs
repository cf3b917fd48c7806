//! `pgcommons tenant-sql`: prints the psql script that creates or drops a tenant.

use super::cli::TenantArgs;
use super::print;
use super::role_sql;
use crate::config::{Config, ConfigError};
use crate::postgres::tenant::{self, Tenant};

/// Without `--server-version` it reads the version from the first configured server.
pub(super) async fn run(
    args: &TenantArgs,
    settings: impl Fn() -> Result<Config, ConfigError>,
) -> anyhow::Result<()> {
    let major = match (args.server_version, args.drop) {
        (Some(major), _) => major,
        (None, true) => 13, // the same on all versions
        (None, false) => role_sql::server_major(settings()?).await?,
    };
    let password = role_sql::password(args.password_file.as_deref())?;
    let tenant = Tenant {
        dbname: &args.name,
        connections: args.connections.unwrap_or_default(),
        owner: args.owner.as_ref().unwrap_or(&args.name),
        logins: &args.login,
        password: password.as_ref(),
        major,
    };
    let sql = if args.drop {
        tenant::drop(&tenant)?
    } else {
        tenant::create(&tenant)?
    };
    print(&sql)
}
