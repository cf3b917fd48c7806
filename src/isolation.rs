//! Isolation: which tenants the privileges keep apart, and the SQL that closes what is open. Pure: facts of the catalogue and the
//! operator's policy in, findings out. `pg_hba.conf` is not visible, so a finding says what privileges allow, never what is
//! possible.

mod belonging;
mod databases;
mod declared;
mod foreign;
mod graph;
mod inside;
mod kind;
mod repair;
mod roles;
mod sessions;
mod summary;

use std::collections::BTreeMap;

use crate::policy::Policy;
use crate::sample::access::{Access, DatabaseAccess, Name, RoleAccess};
use crate::sample::{Oid, ServerInfo};

use belonging::Belonging;
pub(crate) use declared::UnmetRole;
use graph::{Graph, RoleSet};
pub(crate) use inside::{InnerFinding, inside};
pub(crate) use kind::Kind;
pub(crate) use repair::Repair;
pub(crate) use summary::Summary;

/// The database that every server has for administrators. It belongs to no tenant.
const MAINTENANCE: &str = "postgres";

const TOO_MANY_MEMBERSHIPS: &str = "roles have too many memberships";

/// What is judged: one answer of the server, for one agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) access: &'a Access,
    pub(crate) policy: &'a Policy,
    /// The agent's own role.
    pub(crate) own_role: Oid,
    /// The database that the agent connects to.
    pub(crate) own_database: &'a str,
    /// The major version of the server, such as 15.
    pub(crate) major: u32,
}

impl<'a> Question<'a> {
    pub(crate) fn new(
        access: &'a Access,
        policy: &'a Policy,
        info: &ServerInfo,
        own_database: &'a str,
    ) -> Self {
        Self {
            access,
            policy,
            own_role: info.role,
            own_database,
            major: info.major(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) datname: Option<String>,
    pub(crate) rolname: Option<String>,
    /// The roles that the finding is about beside `rolname`: those that may connect, or the groups of a role.
    pub(crate) roles: Names,
    /// What is there, for people.
    pub(crate) text: String,
    pub(crate) repair: Repair,
    /// The sessions whose roles lose access by the repair. They stay connected, but cannot connect again. None: the agent's
    /// role may not see sessions.
    pub(crate) breaks: Option<Vec<Broken>>,
}

/// Names of roles or databases: the first ones in full, the rest as a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) first: Vec<String>,
    pub(crate) total: usize,
}

/// Sessions of one role in one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) rolname: String,
    pub(crate) datname: String,
    pub(crate) sessions: u32,
}

/// A check that could not be made. It says nothing about the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) kind: Kind,
    pub(crate) why: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Judgement {
    /// By kind, then by database and role.
    pub(crate) findings: Vec<Finding>,
    pub(crate) skipped: Vec<Skipped>,
    /// For each database that accepts connections: the login roles that may connect and do not belong to it.
    pub(crate) foreign: BTreeMap<String, usize>,
    /// Roles that the configuration declares for a database and that cannot connect to it.
    pub(crate) unmet: Vec<UnmetRole>,
    /// Login roles that may connect only where PUBLIC may: no ownership, no privilege of their own, not declared.
    pub(crate) homeless: Names,
}

pub(crate) fn judge(question: Question<'_>) -> Judgement {
    let hidden =
        "the role of the agent may not see the sessions of other roles (pgcommons role-sql)";
    let mut judgement = Judgement::default();
    if question.access.sessions.is_none() {
        let kinds = Kind::of_server().filter(|kind| kind.needs_sessions());
        judgement.skip(kinds, hidden);
    }
    let truncated = question.access.truncated;
    let too_many = truncated.map(|what| format!("the server has too many {what}"));
    let graph = too_many.map_or_else(
        || Graph::of(question.access).ok_or_else(|| TOO_MANY_MEMBERSHIPS.to_owned()),
        Err,
    );
    match graph {
        Ok(graph) => Judge::new(question, &graph).all(&mut judgement),
        Err(why) => {
            judgement.skipped.clear();
            judgement.skip(Kind::of_server(), &why);
        }
    }
    judgement.sort();
    judgement
}

impl Judgement {
    fn sort(&mut self) {
        self.findings.sort_by(|one, other| {
            let key = |it: &Finding| (it.kind, it.datname.clone(), it.rolname.clone());
            key(one).cmp(&key(other))
        });
    }

    fn skip(&mut self, kinds: impl IntoIterator<Item = Kind>, why: &str) {
        let skipped = kinds.into_iter().map(|kind| Skipped {
            kind,
            why: why.to_owned(),
        });
        self.skipped.extend(skipped);
    }
}

/// One judgement in progress: the facts, and what was computed from them.
struct Judge<'a> {
    question: Question<'a>,
    graph: &'a Graph<'a>,
    belonging: Belonging,
}

impl<'a> Judge<'a> {
    fn new(question: Question<'a>, graph: &'a Graph<'a>) -> Self {
        Self {
            question,
            graph,
            belonging: Belonging::of(question, graph),
        }
    }

    fn all(&self, judgement: &mut Judgement) {
        for database in self.databases() {
            self.database(database, judgement);
        }
        self.owners(judgement);
        for at in 0..self.graph.roles.len() {
            judgement.findings.extend(self.role(at));
        }
        match self.memberships() {
            Some(findings) => judgement.findings.extend(findings),
            None => judgement.skip([Kind::ElevatedMembership], TOO_MANY_MEMBERSHIPS),
        }
        self.sessions(judgement);
        judgement.unmet = self.unmet();
        judgement.homeless = self.names(&self.belonging.homeless);
    }

    /// The databases that are judged. Templates are, because PUBLIC may connect to `template1` by default.
    fn databases(&self) -> impl Iterator<Item = &'a DatabaseAccess> {
        watched(self.question)
    }

    fn is_admin(&self, role: &RoleAccess) -> bool {
        self.question.policy.admins.contains(&role.name.shown)
    }

    /// How many names a finding has in full.
    const NAMES: usize = 20;

    fn names(&self, set: &RoleSet) -> Names {
        let name = |at: usize| self.graph.roles[at].name.shown.clone();
        Names {
            first: set.iter().take(Self::NAMES).map(name).collect(),
            total: set.len(),
        }
    }

    /// The sessions in this database (or in all) of the roles in the set.
    fn broken(&self, database: Option<Oid>, lost: impl Fn(usize) -> bool) -> Option<Vec<Broken>> {
        let sessions = self.question.access.sessions.as_ref()?;
        let mut broken = Vec::new();
        for session in sessions {
            let is_here = database.is_none_or(|oid| oid == session.database);
            let Some(at) = self
                .graph
                .at(session.role)
                .filter(|at| is_here && lost(*at))
            else {
                continue;
            };
            if let Some(database) = self.database_of(session.database) {
                broken.push(Broken {
                    rolname: self.graph.roles[at].name.shown.clone(),
                    datname: database.name.shown.clone(),
                    sessions: session.count,
                });
            }
        }
        Some(broken)
    }

    fn database_of(&self, oid: Oid) -> Option<&'a DatabaseAccess> {
        let databases = &self.question.access.databases;
        let at = databases.binary_search_by_key(&oid, |it| it.oid).ok()?;
        Some(&databases[at])
    }

    fn role_name(&self, oid: Oid) -> Option<&'a Name> {
        let at = self.graph.at(oid)?;
        Some(&self.graph.roles[at].name)
    }
}

fn watched(question: Question<'_>) -> impl Iterator<Item = &DatabaseAccess> {
    let is_watched = move |database: &&DatabaseAccess| {
        let name = &database.name.shown;
        name == "template1" || question.policy.watches(name)
    };
    question.access.databases.iter().filter(is_watched)
}

/// `3 roles: a, b, c`, with at most ten names.
fn list(names: &Names) -> String {
    const SHOWN: usize = 10;
    let shown = names.first[..names.first.len().min(SHOWN)].join(", ");
    match names.total.saturating_sub(SHOWN.min(names.first.len())) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
