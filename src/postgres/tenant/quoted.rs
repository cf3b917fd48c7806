//! The names of a tenant: checked, and quoted once.

use super::{Tenant, TenantError};
use crate::postgres::role;

const RESERVED: [&str; 5] = ["postgres", "template0", "template1", "public", "none"];

/// The names as quoted identifiers.
pub(super) struct Quoted<'a> {
    pub(super) tenant: &'a Tenant<'a>,
    pub(super) dbname: String,
    pub(super) owner: String,
    /// The roles that log in: name and identifier.
    pub(super) logins: Vec<(&'a str, String)>,
}

impl<'a> Quoted<'a> {
    pub(super) fn of(tenant: &'a Tenant<'a>) -> Result<Self, TenantError> {
        let owner = identifier("--owner", tenant.owner)?;
        let mut logins = Vec::new();
        for login in tenant.logins {
            if login == tenant.owner {
                return Err(TenantError::OwnerLogsIn(login.clone()));
            }
            logins.push((&**login, identifier("--login", login)?));
        }
        if logins.is_empty() {
            logins.push((tenant.owner, owner.clone()));
        }
        if tenant.password.is_some() && logins.len() > 1 {
            return Err(TenantError::Passwords);
        }
        Ok(Self {
            tenant,
            dbname: identifier("NAME", tenant.dbname)?,
            owner,
            logins,
        })
    }

    /// All roles of the tenant, the owner first: name and identifier.
    pub(super) fn roles(&self) -> Vec<(&'a str, &str)> {
        let mut roles = vec![(self.tenant.owner, &*self.owner)];
        let others = self.logins.iter().map(|(name, quoted)| (*name, &**quoted));
        roles.extend(others.filter(|(name, _)| *name != self.tenant.owner));
        roles
    }
}

fn identifier(what: &'static str, name: &str) -> Result<String, TenantError> {
    let quoted = role::identifier(what, name)?;
    let owned = || name.to_owned();
    if name.len() > 63 {
        return Err(TenantError::Long {
            what,
            name: owned(),
        });
    }
    if RESERVED.contains(&name) || name.starts_with("pg_") {
        return Err(TenantError::Reserved {
            what,
            name: owned(),
        });
    }
    Ok(quoted)
}
