//! What is open inside one database, which only a probe can see. It says nothing about other databases.

use super::{Finding, Judgement, Kind, Names, Repair};
use crate::names::identifier_on_one_line;
use crate::sample::probe::{InnerObject, InnerPrivileges, Objects};

/// Objects of one database that are open in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InnerFinding {
    pub(crate) kind: Kind,
    /// What is there, for people, after the name of the database.
    pub(crate) text: String,
    /// What to do, in that database.
    pub(crate) repair: String,
}

impl Judgement {
    /// Adds what a probe of this database has found, or why it failed.
    pub(crate) fn add_inside(&mut self, datname: &str, found: Result<Vec<InnerFinding>, String>) {
        match found {
            Ok(found) => {
                let findings = found.into_iter().map(|found| found.of(datname));
                self.findings.extend(findings);
                self.sort();
            }
            Err(why) => self.skip(Kind::INSIDE, &format!("database {datname}: {why}")),
        }
    }
}

impl InnerFinding {
    /// `audit --sql` runs in another database, so it leaves the repair out.
    fn of(self, datname: &str) -> Finding {
        let decide = if self.repair.is_empty() {
            "the names are not UTF-8: repair it with the encoding of the database".to_owned()
        } else {
            format!(
                "in database {datname}, if its applications need no more: {}",
                self.repair
            )
        };
        Finding {
            kind: self.kind,
            datname: Some(datname.to_owned()),
            rolname: None,
            roles: Names::default(),
            text: format!("in database {datname}: {}", self.text),
            repair: Repair::by_hand(decide),
            breaks: None,
        }
    }
}

/// How many objects a finding names.
const NAMED: usize = 5;

pub(crate) fn inside(read: &InnerPrivileges) -> Vec<InnerFinding> {
    let findings = [
        finding(
            Kind::PublicCreate,
            &read.schemas,
            "PUBLIC may create objects in",
            |object| {
                Some(format!(
                    "revoke create on schema {} from public;",
                    quoted(object)?
                ))
            },
        ),
        finding(
            Kind::PublicTables,
            &read.tables,
            "PUBLIC may read",
            |object| {
                Some(format!(
                    "revoke select on table {} from public;",
                    quoted(object)?
                ))
            },
        ),
        finding(
            Kind::UnsafeDefiner,
            &read.functions,
            "SECURITY DEFINER without search_path:",
            |object| {
                let routine = format!("{}({})", quoted(object)?, object.arguments);
                Some(format!(
                    "alter routine {routine} set search_path = pg_catalog, {}, pg_temp;",
                    identifier_on_one_line(object.schema.exact.as_deref()?)
                ))
            },
        ),
    ];
    findings.into_iter().flatten().collect()
}

/// None: there is no such object.
fn finding(
    kind: Kind,
    objects: &Objects,
    what: &str,
    statement: fn(&InnerObject) -> Option<String>,
) -> Option<InnerFinding> {
    if objects.total == 0 {
        return None;
    }
    let named = &objects.first[..objects.first.len().min(NAMED)];
    let texts: Vec<_> = named.iter().map(shown).collect();
    let more = objects.total.saturating_sub(named.len() as u64);
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let statements: Vec<_> = named.iter().filter_map(statement).collect();
    Some(InnerFinding {
        kind,
        text: format!("{what} {}{more}", texts.join(", ")),
        repair: statements.join(" "),
    })
}

fn shown(object: &InnerObject) -> String {
    let schema = &object.schema.shown;
    match (&object.name, object.arguments.as_str()) {
        (None, _) => format!("schema {schema}"),
        (Some(name), "") => format!("{schema}.{}", name.shown),
        (Some(name), arguments) => format!("{schema}.{}({arguments})", name.shown),
    }
}

/// None: a name is not UTF-8.
fn quoted(object: &InnerObject) -> Option<String> {
    let schema = identifier_on_one_line(object.schema.exact.as_deref()?);
    match &object.name {
        None => Some(schema),
        Some(name) => Some(format!(
            "{schema}.{}",
            identifier_on_one_line(name.exact.as_deref()?)
        )),
    }
}
