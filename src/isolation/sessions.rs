//! What only sessions show: one login for several tenants, superusers at work, connections without TLS.

use std::collections::BTreeMap;

use super::roles::{database_names, is_tenant_database};
use super::{Broken, Finding, Judge, Judgement, Kind, Names, Repair, list};
use crate::sample::Oid;
use crate::sample::access::{DatabaseAccess, SessionCount};

impl Judge<'_> {
    pub(super) fn sessions(&self, judgement: &mut Judgement) {
        let Some(sessions) = &self.question.access.sessions else {
            return;
        };
        let mut databases: BTreeMap<usize, Vec<&DatabaseAccess>> = BTreeMap::new();
        let mut cleartext: BTreeMap<Oid, Vec<&SessionCount>> = BTreeMap::new();
        for session in sessions {
            let found = self
                .graph
                .at(session.role)
                .zip(self.database_of(session.database));
            let Some((role, database)) = found.filter(|(_, it)| self.is_watched(it)) else {
                continue;
            };
            if session.cleartext > 0 {
                cleartext.entry(session.database).or_default().push(session);
            }
            let is_exempt = self.is_admin(&self.graph.roles[role])
                || self.graph.roles[role].oid == self.question.own_role
                || self.belonging.monitors.contains(role);
            if is_tenant_database(database) && !is_exempt {
                databases.entry(role).or_default().push(database);
                judgement
                    .findings
                    .extend(self.superuser_sessions(role, database, session));
            }
        }
        for (role, databases) in databases.iter().filter(|(_, used)| used.len() > 1) {
            judgement
                .findings
                .extend(self.shared_login(*role, databases));
        }
        let cleartext = cleartext.values();
        judgement
            .findings
            .extend(cleartext.filter_map(|sessions| self.cleartext(sessions)));
    }

    fn is_watched(&self, database: &DatabaseAccess) -> bool {
        self.databases().any(|it| it.oid == database.oid)
    }

    fn superuser_sessions(
        &self,
        role: usize,
        database: &DatabaseAccess,
        session: &SessionCount,
    ) -> Option<Finding> {
        let role = &self.graph.roles[role];
        let (name, datname) = (&role.name.shown, &database.name.shown);
        let sessions = sessions(session.count);
        role.superuser.then(|| Finding {
            kind: Kind::SuperuserSessions,
            datname: Some(datname.clone()),
            rolname: Some(name.clone()),
            roles: Names::default(),
            text: format!("the superuser {name} has {sessions} in database {datname}"),
            repair: Repair::by_hand(format!(
                "let the application log in as a role of its own (pgcommons tenant-sql {datname}); if it is an administrator, \
                 declare it in roles.admin"
            )),
            breaks: Some(Vec::new()),
        })
    }

    fn shared_login(&self, role: usize, databases: &[&DatabaseAccess]) -> Option<Finding> {
        let role = &self.graph.roles[role];
        if self.is_declared(role, databases) {
            return None;
        }
        let (name, names) = (&role.name.shown, database_names(databases));
        Some(Finding {
            kind: Kind::SharedLogin,
            datname: None,
            rolname: Some(name.clone()),
            roles: Names::default(),
            text: format!(
                "role {name} is connected to {} databases now: {}",
                names.total,
                list(&names)
            ),
            repair: Repair::by_hand(
                "give each application a login of its own (pgcommons tenant-sql), then take CONNECT from this one",
            ),
            breaks: Some(Vec::new()),
        })
    }

    fn cleartext(&self, found: &[&SessionCount]) -> Option<Finding> {
        let database = self.database_of(found.first()?.database)?;
        let datname = &database.name.shown;
        let name = |role| self.role_name(role).map(|name| name.shown.clone());
        let broken = found.iter().filter_map(|session| {
            Some(Broken {
                rolname: name(session.role)?,
                datname: datname.clone(),
                sessions: session.cleartext,
            })
        });
        let count = sessions(found.iter().map(|session| session.cleartext).sum());
        Some(Finding {
            kind: Kind::CleartextSessions,
            datname: Some(datname.clone()),
            rolname: None,
            roles: Names {
                first: found
                    .iter()
                    .take(20)
                    .filter_map(|it| name(it.role))
                    .collect(),
                total: found.len(),
            },
            text: format!("{count} from other machines in database {datname} without TLS"),
            repair: Repair::by_hand(
                "set sslmode=require in the applications, then replace host by hostssl in pg_hba.conf",
            ),
            breaks: Some(broken.collect()),
        })
    }
}

fn sessions(count: u32) -> String {
    match count {
        1 => "1 session".to_owned(),
        count => format!("{count} sessions"),
    }
}
