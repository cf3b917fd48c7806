//! What the privileges on a database allow: PUBLIC, templates, roles of other tenants, a superuser as the owner.

use super::belonging::DatabaseRoles;
use super::graph::RoleSet;
use super::repair::{self, Repair};
use super::roles::is_tenant_database;
use super::{Finding, Judge, Judgement, Kind, MAINTENANCE, Names, belonging, list};
use crate::sample::access::{DatabaseAccess, Grant};

/// A privilege that PUBLIC has.
#[derive(Clone, Copy)]
struct Public<'a> {
    kind: Kind,
    privilege: &'a str,
    /// The grants to PUBLIC of this privilege.
    has: fn(&Grant) -> bool,
}

const CONNECT: Public<'_> = Public {
    kind: Kind::PublicConnect,
    privilege: "connect",
    has: |grant| grant.connect,
};

const TEMPORARY: Public<'_> = Public {
    kind: Kind::PublicTemporary,
    privilege: "temporary",
    has: |grant| grant.temporary,
};

const TEMPLATE: Public<'_> = Public {
    kind: Kind::TemplateOpen,
    privilege: "connect, temporary",
    has: |grant| grant.connect || grant.temporary,
};

impl Judge<'_> {
    pub(super) fn database(&self, database: &DatabaseAccess, judgement: &mut Judgement) {
        judgement.findings.extend(self.superuser_owner(database));
        if !database.accepts_connections {
            return;
        }
        let roles = self.belonging.database(self.question, self.graph, database);
        let public = |of: Public<'_>| {
            let mut grants = database.grants.iter();
            grants.any(|grant| grant.grantee.is_none() && (of.has)(grant))
        };
        let foreign = roles.connect.without(&roles.own);
        let everyone = self.everyone().without(&roles.own);
        let open = public(CONNECT);
        let count = if open { everyone.len() } else { foreign.len() };
        judgement.foreign.insert(database.name.shown.clone(), count);
        let found = &mut judgement.findings;
        if database.is_template {
            if public(TEMPLATE) {
                found.push(self.public(database, TEMPLATE, &roles, &everyone));
            }
        } else {
            if open {
                found.push(self.public(database, CONNECT, &roles, &everyone));
            }
            if public(TEMPORARY) {
                found.push(self.public(database, TEMPORARY, &roles, &everyone));
            }
        }
        self.all_foreign(database, &foreign, found);
    }

    fn everyone(&self) -> RoleSet {
        let mut everyone = RoleSet::empty(self.graph.roles.len());
        for login in self.graph.logins() {
            everyone.insert(login);
        }
        everyone
    }

    fn public(
        &self,
        database: &DatabaseAccess,
        of: Public<'_>,
        roles: &DatabaseRoles,
        others: &RoleSet,
    ) -> Finding {
        let name = &database.name.shown;
        let names = self.names(others);
        let may = match of.kind {
            Kind::PublicTemporary => "may create temporary tables in",
            _ => "may connect to",
        };
        let whose = match names.total {
            0 => "there is no other login role now".to_owned(),
            1 => format!(
                "so may one role that does not belong to it: {}",
                list(&names)
            ),
            n => format!(
                "so may {n} roles that do not belong to it: {}",
                list(&names)
            ),
        };
        let what = if database.is_template {
            "template"
        } else {
            "database"
        };
        let keep = match of.kind {
            Kind::PublicTemporary => &roles.temporary,
            _ => &roles.connect,
        };
        let lost = |at: usize| others.contains(at) && !keep.contains(at);
        Finding {
            kind: of.kind,
            datname: Some(name.clone()),
            rolname: None,
            text: format!("privileges allow: PUBLIC {may} {what} {name}, {whose}"),
            roles: names,
            repair: self
                .close(database, of, roles)
                .unwrap_or_else(Repair::unnamed),
            breaks: self.broken(Some(database.oid), lost),
        }
    }

    /// Revokes from PUBLIC. Before, the roles that belong to the database get what they had by PUBLIC.
    fn close(
        &self,
        database: &DatabaseAccess,
        of: Public<'_>,
        roles: &DatabaseRoles,
    ) -> Option<Repair> {
        let mut repair = Repair::default();
        let (connect, temporary) = match of.kind {
            Kind::PublicTemporary => (None, Some(&roles.temporary)),
            _ => (Some(&roles.connect), None),
        };
        for (privilege, have) in [("connect", connect), ("temporary", temporary)] {
            let Some(have) = have else { continue };
            let is_maintenance = database.name.shown == MAINTENANCE && privilege == "temporary";
            for role in roles.own.without(have).iter().filter(|_| !is_maintenance) {
                let role = &self.graph.roles[role].name;
                repair
                    .grants
                    .push(repair::grant(privilege, &database.name, role)?);
            }
        }
        for grant in &database.grants {
            if grant.grantee.is_none() && (of.has)(grant) {
                let grantor = Some(grant.grantor).filter(|oid| *oid != database.owner);
                let grantor = grantor.map(|oid| self.role_name(oid));
                let grantor = grantor.map_or(Some(None), |name| name.map(Some))?;
                let revoke = repair::revoke(of.privilege, &database.name, None, grantor);
                repair.revokes.extend(revoke?);
            }
        }
        repair.decide = self.locked_out(database, roles, of);
        Some(repair)
    }

    /// Why it may hurt the application of the database: a role that belongs to no database is connected, and has the privilege
    /// only by PUBLIC.
    fn locked_out(
        &self,
        database: &DatabaseAccess,
        roles: &DatabaseRoles,
        of: Public<'_>,
    ) -> Option<String> {
        let keep = match of.kind {
            Kind::PublicTemporary => &roles.temporary,
            _ => &roles.connect,
        };
        let Some(sessions) = &self.question.access.sessions else {
            return Some(
                "sessions are not visible, so it is unknown which applications it breaks"
                    .to_owned(),
            );
        };
        let mut lost = RoleSet::empty(self.graph.roles.len());
        for session in sessions.iter().filter(|it| it.database == database.oid) {
            let role = self.graph.at(session.role);
            let loses = |at: &usize| {
                let keeps = roles.own.contains(*at) || keep.contains(*at);
                self.graph.is_ordinary_login(*at) && !keeps && !self.belonging.tenants.contains(*at)
            };
            if let Some(at) = role.filter(loses) {
                lost.insert(at);
            }
        }
        (!lost.is_empty()).then(|| {
            format!(
                "roles are connected that belong to no database: {}. If this one is theirs, grant them {} or declare them in \
                 budgets.{}.roles",
                list(&self.names(&lost)),
                of.privilege.to_uppercase(),
                database.name.shown
            )
        })
    }

    /// The owner is a superuser, so the application that uses the database does not own it.
    fn superuser_owner(&self, database: &DatabaseAccess) -> Option<Finding> {
        let owner = &self.graph.roles[self.graph.at(database.owner)?];
        let name = &database.name.shown;
        if !is_tenant_database(database) || !owner.superuser || self.is_admin(owner) {
            return None;
        }
        Some(Finding {
            kind: Kind::SuperuserOwner,
            datname: Some(name.clone()),
            rolname: Some(owner.name.shown.clone()),
            roles: Names::default(),
            text: format!(
                "database {name} belongs to the superuser {}",
                owner.name.shown
            ),
            repair: self.new_owner(database),
            breaks: self.broken(Some(database.oid), |_| false),
        })
    }

    /// `budgets.DATABASE.owner_role`, if there is such a role.
    fn declared_owner(&self, database: &DatabaseAccess) -> Option<Repair> {
        let budget = self.question.policy.budget(&database.name.shown)?;
        let owner = self.graph.named(budget.owner_role.as_deref()?)?;
        let alter = repair::change_owner(&database.name, &self.graph.roles[owner].name)?;
        Some(Repair {
            owners: vec![alter],
            ..Repair::default()
        })
    }

    /// The application is the only role with CREATE on the database, or with any privilege of its own.
    fn new_owner(&self, database: &DatabaseAccess) -> Repair {
        if let Some(declared) = self.declared_owner(database) {
            return declared;
        }
        let roles = self.belonging.database(self.question, self.graph, database);
        let holders = |counts: fn(&Grant) -> bool| {
            let mut holders = RoleSet::empty(self.graph.roles.len());
            for grant in database.grants.iter().filter(|grant| counts(grant)) {
                let role = belonging::grantee(self.graph, database, grant);
                let own = role.filter(|at| roles.own.contains(*at));
                if let Some(at) = own.filter(|at| !self.is_admin(&self.graph.roles[*at])) {
                    holders.insert(at);
                }
            }
            holders
        };
        let (creators, users) = (
            holders(|grant| grant.create),
            holders(|grant| grant.connect),
        );
        let chosen = if creators.is_empty() {
            &users
        } else {
            &creators
        };
        let mut candidates = chosen.iter();
        let (Some(candidate), None) = (candidates.next(), candidates.next()) else {
            return Repair::by_hand(format!(
                "no role is clearly its application: pgcommons tenant-sql {} creates one",
                database.name.shown
            ));
        };
        let alter = repair::change_owner(&database.name, &self.graph.roles[candidate].name);
        let Some(alter) = alter else {
            return Repair::unnamed();
        };
        let guess = "the role has CONNECT only, so it may be a reader".to_owned();
        Repair {
            owners: vec![alter],
            decide: creators.is_empty().then_some(guess),
            ..Repair::default()
        }
    }
}
