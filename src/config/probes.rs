//! `servers.NAME.probes`: the databases of tenants that the agent may look into, and what it looks for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::keys::Table as _;
use super::raw::{Block, RawProbe, RawWorkspaces};
use super::tables::Entry;
use super::tenants::MAX_NAME_BYTES;
use super::values::Reader;
use super::{PasswordSource, ServerConfig, Target};

/// `servers.NAME.probes.DATABASE`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProbeSettings {
    pub(crate) interval: Duration,
    /// None: the role of the server.
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) workspaces: Option<WorkspaceColumn>,
}

/// `workspaces`: where the name of a workspace is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkspaceColumn {
    pub(crate) column: String,
    /// Patterns of the names of tables, with `*` and `?`; at least one.
    pub(crate) tables: Vec<String>,
}

/// One database to probe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProbeConfig {
    pub(crate) target: Target,
    pub(crate) interval: Duration,
    /// `poll.timeout`: of the login, and again of all that is asked.
    pub(crate) timeout: Duration,
    pub(crate) workspaces: Option<WorkspaceColumn>,
}

/// The databases of one server to probe: one source, which probes one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProbesConfig {
    /// The label `server`.
    pub(crate) server: String,
    /// By the label `datname`; at least one.
    pub(crate) databases: BTreeMap<String, Arc<ProbeConfig>>,
    /// `poll.timeout`
    pub(crate) timeout: Duration,
}

impl ServerConfig {
    /// None: no probe is configured.
    pub(crate) fn probes(&self) -> Option<ProbesConfig> {
        let databases = self.probes.iter();
        let databases = databases.map(|(datname, settings)| {
            let probe = ProbeConfig {
                target: self.target_of(datname, settings),
                interval: settings.interval,
                timeout: self.cadence.timeout,
                workspaces: settings.workspaces.clone(),
            };
            (datname.clone(), Arc::new(probe))
        });
        (!self.probes.is_empty()).then(|| ProbesConfig {
            server: self.name.clone(),
            databases: databases.collect(),
            timeout: self.cadence.timeout,
        })
    }

    /// The password of the server is not sent for another role.
    fn target_of(&self, datname: &str, settings: &ProbeSettings) -> Target {
        let mut target = self.target.clone();
        datname.clone_into(&mut target.dbname);
        if settings.user.is_some() || settings.password_file.is_some() {
            target.password = PasswordSource {
                file: settings.password_file.clone(),
                passfile: target.password.passfile,
                ..PasswordSource::default()
            };
        }
        if let Some(user) = &settings.user {
            target.user.clone_from(user);
        }
        target
    }
}

pub(super) fn read(
    reader: &mut Reader,
    prefix: &str,
    block: Block<BTreeMap<String, Block<RawProbe>>>,
) -> BTreeMap<String, ProbeSettings> {
    let entry = Entry {
        prefix,
        noun: "probe",
        placeholder: "DATABASE",
        sample: "interval",
        keys: RawProbe::KEYS,
    };
    let want = format!(
        "a table of databases, as in {}",
        entry.example(entry.sample)
    );
    let mut probes = BTreeMap::new();
    for (datname, block) in reader.table_like(prefix, block, &want) {
        if datname.is_empty() {
            reader.problem(prefix, "an empty name", "the name of a database");
            continue;
        }
        let key = format!("{prefix}.{datname}");
        if datname.len() > MAX_NAME_BYTES {
            let got = format!("a name of more than {MAX_NAME_BYTES} bytes");
            reader.warning(&key, got, "the name of a database");
        }
        let raw = reader.named_table(&entry, &datname, block);
        probes.insert(datname, probe(reader, &key, raw));
    }
    probes
}

fn probe(reader: &mut Reader, prefix: &str, raw: RawProbe) -> ProbeSettings {
    reader.unknown(prefix, &raw);
    let file = reader.optional(prefix, raw.password_file, &RawProbe::password_file());
    let password_file = file.map(PathBuf::from);
    if let Some(path) = &password_file {
        reader.file(&format!("{prefix}.password_file"), path);
    }
    ProbeSettings {
        interval: reader.value(prefix, raw.interval, &RawProbe::interval()),
        user: reader.optional(prefix, raw.user, &RawProbe::user()),
        password_file,
        workspaces: workspaces(reader, &format!("{prefix}.workspaces"), raw.workspaces),
    }
}

/// None: the column is not configured.
fn workspaces(
    reader: &mut Reader,
    prefix: &str,
    block: Block<RawWorkspaces>,
) -> Option<WorkspaceColumn> {
    let raw = reader.table(prefix, block);
    if raw.column.is_none() && raw.tables.is_some() {
        let key = format!("{prefix}.column");
        reader.problem(&key, "nothing", "the name of a column");
    }
    let column = reader.optional(prefix, raw.column, &RawWorkspaces::column());
    let tables = reader.optional(prefix, raw.tables, &RawWorkspaces::tables());
    let mut tables = tables.unwrap_or_default();
    if tables.is_empty() {
        tables.push("*".to_owned());
    }
    Some(WorkspaceColumn {
        column: column?,
        tables,
    })
}
