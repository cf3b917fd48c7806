//! Roles of other tenants that may connect to a database without PUBLIC, and how they come to it.

use super::graph::RoleSet;
use super::repair::{self, Repair};
use super::{Finding, Judge, Kind, Names, belonging, list};
use crate::sample::access::{DatabaseAccess, Grant, Name};

/// More roles than this have one finding together.
const SINGLE: usize = 20;

impl Judge<'_> {
    pub(super) fn all_foreign(
        &self,
        database: &DatabaseAccess,
        foreign: &RoleSet,
        found: &mut Vec<Finding>,
    ) {
        let count = foreign.len();
        if count <= SINGLE {
            found.extend(foreign.iter().map(|role| self.foreign(database, role)));
            return;
        }
        let (datname, names) = (&database.name.shown, self.names(foreign));
        found.push(Finding {
            kind: Kind::ForeignConnect,
            datname: Some(datname.clone()),
            rolname: None,
            text: format!(
                "privileges allow: {count} roles may connect to database {datname} and do not belong to it: {}",
                list(&names)
            ),
            roles: names,
            repair: Repair::by_hand(format!(
                "take CONNECT from the roles or groups that have it, or declare them in budgets.{datname}.roles"
            )),
            breaks: self.broken(Some(database.oid), |at| foreign.contains(at)),
        });
    }

    fn foreign(&self, database: &DatabaseAccess, role: usize) -> Finding {
        let (name, datname) = (&self.graph.roles[role].name.shown, &database.name.shown);
        let through = self.through(database, role);
        let by = match &through {
            None => "by a privilege of its own".to_owned(),
            Some(group) => format!("as a member of {}", group.shown),
        };
        Finding {
            kind: Kind::ForeignConnect,
            datname: Some(datname.clone()),
            rolname: Some(name.clone()),
            roles: Names::default(),
            text: format!(
                "privileges allow: role {name} may connect to database {datname} {by}, and does not belong to it"
            ),
            repair: self
                .shut_out(database, role)
                .unwrap_or_else(Repair::unnamed),
            breaks: self.broken(Some(database.oid), |at| at == role),
        }
    }

    fn grants(&self, database: &DatabaseAccess, role: usize) -> Vec<(usize, Grant)> {
        let connect = database.grants.iter().filter(|grant| grant.connect);
        let reaches = |grant: &Grant| {
            let grantee = belonging::grantee(self.graph, database, grant)?;
            let reaches = self.graph.heirs(grantee).binary_search(&role).is_ok();
            reaches.then_some((grantee, *grant))
        };
        connect.filter_map(reaches).collect()
    }

    /// The role whose privilege it inherits; None if the privilege is its own.
    fn through(&self, database: &DatabaseAccess, role: usize) -> Option<&Name> {
        let grants = self.grants(database, role);
        if grants.iter().any(|(grantee, _)| *grantee == role) {
            return None;
        }
        let (group, _) = grants.first()?;
        Some(&self.graph.roles[*group].name)
    }

    /// Takes away the role's own privileges, and the memberships by which it inherits others. What a membership gives besides
    /// is lost too, so a person decides about it, and about a role that belongs to no tenant.
    fn shut_out(&self, database: &DatabaseAccess, role: usize) -> Option<Repair> {
        let mut repair = Repair::default();
        let name = &self.graph.roles[role].name;
        for (grantee, grant) in self.grants(database, role) {
            if grantee == role {
                let grantor = Some(grant.grantor).filter(|oid| *oid != database.owner);
                let grantor = grantor.map(|oid| self.role_name(oid));
                let grantor = grantor.map_or(Some(None), |name| name.map(Some))?;
                let privileges = "connect, create, temporary";
                let revoke = repair::revoke(privileges, &database.name, Some(name), grantor);
                repair.revokes.extend(revoke?);
            } else {
                self.leave_towards(grantee, role, &mut repair)?;
                let others = "the membership gives more than CONNECT on this database";
                repair.decide = Some(others.to_owned());
            }
        }
        if !self.belonging.tenants.contains(role) {
            let which = format!(
                "the role has privileges on several databases and owns none: declare it in budgets.{}.roles if it belongs here",
                database.name.shown
            );
            repair.decide = Some(which);
        }
        Some(repair)
    }

    /// Revokes the memberships of `role` through which it inherits the privileges of `target`.
    fn leave_towards(&self, target: usize, role: usize, repair: &mut Repair) -> Option<()> {
        for edge in self.graph.groups(role).iter().filter(|edge| edge.inherit) {
            let Some(group) = self.graph.at(edge.group) else {
                continue;
            };
            let inherited = self.graph.inherited(group, &mut 0).unwrap_or_default();
            if inherited.contains(&target) {
                let (group, member) = (&self.graph.roles[group].name, &self.graph.roles[role].name);
                let grantor = self.role_name(edge.grantor);
                let revoke = repair::leave(group, member, grantor, self.question.major)?;
                if !repair.revokes.contains(&revoke) {
                    repair.revokes.push(revoke);
                }
            }
        }
        Some(())
    }
}
