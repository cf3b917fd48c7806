//! `pgcommons tenant-sql`: prints the psql script that creates or drops a tenant.

use super::cli::TenantArgs;
use super::print;
use super::role_sql;
use crate::postgres::tenant::{self, Tenant};

/// Needs no server: the script is the same for all versions.
pub(super) fn run(args: &TenantArgs) -> anyhow::Result<()> {
    let password = args
        .password_file
        .as_deref()
        .map(role_sql::password)
        .transpose()?;
    let tenant = Tenant {
        dbname: &args.name,
        connections: args.connections.unwrap_or_default(),
        owner: args.owner.as_ref().unwrap_or(&args.name),
        logins: &args.login,
        password: password.as_ref(),
        major: args.server_version,
    };
    let sql = if args.drop {
        tenant::drop(&tenant)?
    } else {
        tenant::create(&tenant)?
    };
    print(&sql)
}
