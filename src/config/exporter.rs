//! The flags, variables and the file of `postgres_exporter`: what has a meaning here sets a key, and the rest is one warning each,
//! so that replacing the exporter needs no other change (`cmd/postgres_exporter/main.go` of the exporter, 0.9 to 0.20).

mod options;

use std::ffi::OsString;
use std::io;
use std::path::Path;

use config::{Value, ValueKind};

use super::data_source;
use super::env::{Environment, Flag, Table};
use super::problem::{ConfigError, Problem};
use super::yaml::Document;
use options::Effect::{self, Always, Nothing, Sets};
use options::{ExporterOption, OPTIONS, known};

const VARIABLES: &str = "PG_EXPORTER_";
/// The address that the exporter listens on by default. The agent does too if `DATA_SOURCE_*` names its servers.
pub(super) const LISTEN_ADDRESS: &str = ":9187";
/// The name of the exporter's own file. Its Helm chart passes it always, and often there is no such file.
const FILE: &str = "postgres_exporter.yml";
/// The only key of that file.
const AUTH_MODULES: &str = "auth_modules";

/// A flag of the exporter, as it was given.
#[derive(Debug, Clone)]
pub(crate) struct ExporterFlag {
    /// With its dashes, such as `--no-collector.wal`.
    name: String,
    value: Option<String>,
}

impl ExporterFlag {
    /// Takes the exporter's flags out of a command line, which begins with the name of the program. Other arguments stay.
    pub(crate) fn take_from(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<Self>) {
        let (mut rest, mut flags) = (Vec::new(), Vec::new());
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let text = argument.to_str().unwrap_or_default();
            let (name, value) = text
                .split_once('=')
                .map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
            let Some((takes_value, effect)) = known(name) else {
                rest.push(argument);
                continue;
            };
            if matches!(effect, Sets(["web", _])) {
                rest.push(argument); // the agent has these flags itself
                continue;
            }
            let name = name.to_owned();
            let next = || arguments.next()?.into_string().ok();
            let value = value.or_else(|| takes_value.then(next).flatten());
            flags.push(Self { name, value });
        }
        (rest, flags)
    }

    /// The key that it sets.
    pub(crate) fn as_flag(&self) -> Option<Flag<'_>> {
        match known(&self.name)?.1 {
            Sets(key) => Some(Flag {
                name: &self.name,
                key,
                value: self.value.as_deref()?.into(),
            }),
            Always | Nothing(_) => None,
        }
    }

    pub(crate) fn warning(&self) -> Option<Problem> {
        warning(&self.name, "flag", known(&self.name)?.1)
    }
}

fn warning(name: &str, kind: &str, effect: Effect) -> Option<Problem> {
    match effect {
        Sets(_) | Always => None,
        Nothing(instead) => Some(Problem {
            key: name.to_owned(),
            got: format!("a {kind} of postgres_exporter that has no effect here"),
            want: instead.to_owned(),
        }),
    }
}

/// The keys that the exporter's variables set. Each has the variable as its name.
pub(super) fn variables(environment: &Environment) -> impl Iterator<Item = Flag<'_>> {
    given(environment).filter_map(|(name, value, effect)| match effect {
        Sets(key) => {
            let value = value.into();
            Some(Flag { name, key, value })
        }
        Always | Nothing(_) => None,
    })
}

/// One warning for each variable of the exporter that has no effect here.
pub(super) fn warnings(environment: &Environment) -> Vec<Problem> {
    given(environment)
        .filter_map(|(name, _, effect)| warning(name, "variable", effect))
        .collect()
}

/// The exporter's variables that are set, and not to nothing or `false`.
fn given(environment: &Environment) -> impl Iterator<Item = (&str, &str, Effect)> {
    environment.iter().filter_map(|(name, value)| {
        let rest = name.strip_prefix(VARIABLES)?;
        // Kubernetes sets such variables for a Service named pg-exporter.
        let is_service = rest.starts_with("SERVICE_") || rest.starts_with("PORT");
        if is_service || value.is_empty() || value == "false" {
            return None;
        }
        let flag = format!("--{}", rest.to_ascii_lowercase());
        let alike = |option: &&ExporterOption| {
            let upper = option.flag.to_ascii_uppercase().replace(['.', '-'], "_");
            upper == rest || rest == "CONSTANT_LABELS" && option.flag == "constantLabels"
        };
        let option = OPTIONS.iter().find(alike);
        let effect = match option {
            Some(option) => option.effect,
            None => known(&flag).map_or(Nothing("it left out"), |(_, effect)| effect),
        };
        Some((&**name, &**value, effect))
    })
}

/// The exporter goes on without its file, and so does the agent where `DATA_SOURCE_*` names the servers.
pub(super) fn missing_file(
    path: &Path,
    error: ConfigError,
    environment: &Environment,
) -> Result<Document, ConfigError> {
    let ConfigError::Read { source, .. } = &error else {
        return Err(error);
    };
    let is_missing = source.kind() == io::ErrorKind::NotFound;
    let is_its_own = path.file_name().is_some_and(|name| name == FILE);
    if !is_missing || !is_its_own || data_source::variable(environment).is_none() {
        return Err(error);
    }
    Ok(Document {
        warnings: vec![Problem {
            key: "--config.file".to_owned(),
            got: format!("{} ({source})", path.display()),
            want: "a file, or no flag".to_owned(),
        }],
        ..Document::default()
    })
}

/// A file in the exporter's own format has nothing for the agent.
pub(super) fn without_auth_modules(mut document: Document) -> Document {
    let keys: Vec<_> = document.table.keys().collect();
    if keys == [AUTH_MODULES] {
        document.table = Table::new();
        document.warnings.push(Problem {
            key: AUTH_MODULES.to_owned(),
            got: "the file of postgres_exporter, which has no effect here".to_owned(),
            want: "the login of each server in servers, or in DATA_SOURCE_*".to_owned(),
        });
    }
    document
}

/// Without an address of its own, an agent in the place of the exporter listens where the exporter did.
pub(super) fn default_address(root: &mut Table, environment: &Environment) {
    if !data_source::is_used(root, environment) {
        return;
    }
    let web = root
        .entry("web".to_owned())
        .or_insert_with(|| Value::from(Table::new()));
    if web.kind == ValueKind::Nil {
        *web = Value::from(Table::new());
    }
    if let ValueKind::Table(web) = &mut web.kind {
        web.entry("listen_address".to_owned())
            .or_insert_with(|| Value::from(LISTEN_ADDRESS));
    }
}

#[cfg(test)]
mod tests;
