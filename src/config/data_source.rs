//! The servers that the variables of `postgres_exporter` name: `DATA_SOURCE_NAME`, or `DATA_SOURCE_URI`, `_USER` and `_PASS`, each
//! of these also as a file (README of the exporter, `cmd/postgres_exporter/datasource.go`). No message shows their values.

use std::path::{Path, PathBuf};

use super::dsn::{self, Parameters};
use super::env::{Environment, Table};
use super::redact;
use super::values::Reader;
use config::ValueKind;

const NAME: &str = "DATA_SOURCE_NAME";
const URI: &str = "DATA_SOURCE_URI";
const USER: &str = "DATA_SOURCE_USER";
const PASSWORD: &str = "DATA_SOURCE_PASS";

/// One server.
pub(super) struct DataSource {
    /// The variable that names it.
    pub(super) key: String,
    /// Those of a connection string, and `password_file`.
    pub(super) parameters: Parameters,
}

/// Whether the servers are those of `DATA_SOURCE_*`: no server is configured in another way. `root` is the file with the
/// variables and flags that override it.
pub(super) fn is_used(root: &Table, environment: &Environment) -> bool {
    let has_servers = root
        .get("servers")
        .is_some_and(|servers| match &servers.kind {
            ValueKind::Table(servers) => !servers.is_empty(),
            ValueKind::Nil => false,
            _ => true,
        });
    !has_servers && set(environment, "DATABASE_URL").is_none() && variable(environment).is_some()
}

/// The variable that names the servers, if one does.
pub(super) fn variable(environment: &Environment) -> Option<&'static str> {
    let file = file_of(URI);
    if set(environment, NAME).is_some() {
        Some(NAME)
    } else if set(environment, URI).or(set(environment, &file)).is_some() {
        Some(URI)
    } else {
        None
    }
}

/// The servers, without those that have a problem, which is recorded.
pub(super) fn servers(reader: &mut Reader, environment: &Environment) -> Vec<DataSource> {
    let Some(names) = set(environment, NAME) else {
        return Vec::from_iter(from_parts(reader, environment));
    };
    // The exporter separates them so, and a comma in a password must be percent-encoded there too.
    let names = names.split(',').map(str::trim);
    let names: Vec<&str> = names.filter(|dsn| !dsn.is_empty()).collect();
    let several = names.len() > 1;
    let sources = (1..).zip(names).filter_map(|(n, dsn)| {
        let key = if several {
            format!("{NAME} ({n})")
        } else {
            NAME.to_owned()
        };
        let parameters = parsed(reader, &key, dsn)?;
        Some(DataSource { key, parameters })
    });
    sources.collect()
}

/// `DATA_SOURCE_URI` is the address with the parameters; the role and the password come from their own variables.
fn from_parts(reader: &mut Reader, environment: &Environment) -> Option<DataSource> {
    let uri = value(reader, environment, URI)?;
    let rest = uri.split_once("://").map_or(&*uri, |(_, rest)| rest);
    let mut parameters = parsed(reader, URI, &format!("postgresql://{rest}"))?;
    if let Some(user) = value(reader, environment, USER) {
        parameters.insert("user".to_owned(), user);
    }
    // The file is read at every connect, so a new password needs no restart.
    if let Some(file) = set(environment, &file_of(PASSWORD)) {
        parameters.remove("password");
        parameters.insert("password_file".to_owned(), file.to_owned());
    } else if let Some(password) = set(environment, PASSWORD) {
        parameters.insert("password".to_owned(), password.to_owned());
    }
    Some(DataSource {
        key: URI.to_owned(),
        parameters,
    })
}

fn parsed(reader: &mut Reader, key: &str, dsn: &str) -> Option<Parameters> {
    match dsn::parse_known(dsn) {
        Ok((parameters, others)) => {
            if others {
                // Not shown: it may be a part of a password that contains ? or a blank.
                let got = "a parameter that has no effect here (not shown)";
                reader.warning(key, got, dsn::known_keys());
            }
            Some(parameters)
        }
        Err(want) => {
            reader.problem(key, "an invalid connection string (not shown)", want);
            None
        }
    }
}

/// The text of a variable, or of the file that its `_FILE` form names, which overrides it.
fn value(reader: &mut Reader, environment: &Environment, name: &str) -> Option<String> {
    let variable = file_of(name);
    let Some(file) = set(environment, &variable) else {
        return set(environment, name).map(str::to_owned);
    };
    let path = PathBuf::from(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Err(error) => {
            let got = format!("{} ({error})", redact::path(Path::new(file)));
            reader.problem(&variable, got, "a file that the agent can read");
            None
        }
    }
}

fn file_of(name: &str) -> String {
    format!("{name}_FILE")
}

/// An empty variable is not set: the exporter's Helm chart sets an empty password beside `PGPASSFILE`.
fn set<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    let value = environment.get(name).map(|value| value.trim());
    value.filter(|value| !value.is_empty())
}
