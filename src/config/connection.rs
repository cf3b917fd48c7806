//! The connection parameters of one server. Its own keys override its DSN, and the DSN overrides libpq's variables.

mod host;
mod own;
mod tls;

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::Value;
use secrecy::SecretString;

use super::data_source::DataSource;
use super::dsn::{self, PARAMETERS, Parameters};
use super::env::Environment;
use super::keys::{Key, Shape, path};
use super::raw::{Leaf, RawServer};
use super::values::Reader;
use super::{ChannelBinding, PasswordCommand, PasswordSource, Target};
pub(super) use host::{ADDRESS, HOST};
pub(super) use own::OwnKeys;
pub(super) use tls::MODES;

/// The merged connection parameters of one server.
pub(super) struct ConnectionParams {
    prefix: String,
    parameters: Parameters,
    /// The layer that set each parameter, if it is a connection string or a variable of libpq.
    origins: BTreeMap<String, String>,
    /// The server has a problem that may be the reason why its host is missing.
    misspelt: bool,
    command: Option<PasswordCommand>,
}

impl ConnectionParams {
    /// What sets the parameter, or would set it.
    fn key(&self, name: &str) -> String {
        if let Some(origin) = self.origins.get(name) {
            return origin.clone();
        }
        if !self.prefix.is_empty() {
            return format!("{}.{name}", self.prefix);
        }
        let mut variables = PARAMETERS.iter();
        let variable = variables.find(|(_, key)| *key == name);
        variable
            .map_or("DATABASE_URL", |(variable, _)| *variable)
            .to_owned()
    }

    /// Merges the three layers. `misspelt`: a key that could have the host is already a problem.
    pub(super) fn collect(
        reader: &mut Reader,
        (prefix, misspelt): (String, bool),
        mut own: OwnKeys,
        environment: &Environment,
    ) -> Self {
        let mut merged = Self {
            prefix,
            parameters: Parameters::new(),
            origins: BTreeMap::new(),
            misspelt,
            command: None,
        };
        let problems = reader.problems.len();
        if let Some((key, dsn)) = merged.dsn(reader, &mut own, environment) {
            merged.take_from_dsn(reader, &key, &dsn);
        }
        merged.fill_from(environment);
        merged.drop_overridden(&own);
        merged.read_command(reader, &mut own, environment);
        for (key, leaf) in own.connection {
            if let Some(value) = merged.own_value(reader, key, leaf) {
                merged.origins.remove(key);
                merged.parameters.insert(key.to_owned(), value);
            }
        }
        merged.misspelt |= reader.problems.len() > problems;
        merged.warn_of_two_passwords(reader);
        merged
    }

    /// Those of `DATA_SOURCE_*`; libpq's variables set the rest. Without a host it is this host, as in the exporter's driver.
    pub(super) fn of_data_source(source: DataSource, environment: &Environment) -> Self {
        let DataSource { key, parameters } = source;
        let origin = |name: &String| (name.clone(), format!("{key} ({name})"));
        let mut merged = Self {
            prefix: String::new(),
            origins: parameters.keys().map(origin).collect(),
            parameters,
            misspelt: false,
            command: None,
        };
        merged.fill_from(environment);
        if merged.parameters.contains_key("password_file") {
            merged.parameters.remove("password");
            merged.origins.insert(
                "password_file".to_owned(),
                "DATA_SOURCE_PASS_FILE".to_owned(),
            );
        }
        if !merged.parameters.contains_key("hostaddr") {
            let host = merged.parameters.entry("host".to_owned());
            host.or_insert_with(|| "localhost".to_owned());
        }
        merged
    }

    /// The server's own DSN, or else `DATABASE_URL`, unless the server has a host of its own. With its key or variable.
    fn dsn(
        &self,
        reader: &mut Reader,
        own: &mut OwnKeys,
        environment: &Environment,
    ) -> Option<(String, String)> {
        let spec = RawServer::dsn();
        let has_host = own.sets("host") || own.sets("hostaddr");
        let leaf = own.dsn.take();
        if leaf.is_none() {
            let url = environment.get("DATABASE_URL").filter(|_| !has_host)?;
            return Some(("DATABASE_URL".to_owned(), url.clone()));
        }
        let key = self.key(spec.name);
        let dsn = reader.optional(&self.prefix, leaf, &spec)?;
        if dsn.is_empty() {
            reader.problem(&key, "empty text", spec.want());
            return None;
        }
        Some((key, dsn))
    }

    fn take_from_dsn(&mut self, reader: &mut Reader, key: &str, dsn: &str) {
        match dsn::parse(dsn.trim()) {
            Ok(parameters) => self.parameters = parameters,
            Err(want) => {
                reader.problem(key, "an invalid connection string (not shown)", want);
            }
        }
        for name in self.parameters.keys() {
            let origin = format!("{key} ({name})");
            reader.inherit_origin(&origin, key);
            self.origins.insert(name.clone(), origin);
        }
    }

    /// Lower layers have no `password_file`, and their password is already dropped: both are the server's own keys.
    fn warn_of_two_passwords(&self, reader: &mut Reader) {
        let mut keys = ["password", "password_file"].iter();
        if keys.all(|key| self.parameters.contains_key(*key)) {
            let got = "a value beside password_file, which overrides it";
            reader.warning(&self.key("password"), got, "one of the two");
        }
    }

    /// Takes libpq's variables for parameters that are not set yet. `PGHOSTADDR` belongs to `PGHOST`: it is ignored if the
    /// host comes from the DSN.
    fn fill_from(&mut self, environment: &Environment) {
        let has_host = self.parameters.contains_key("host");
        for (variable, key) in PARAMETERS {
            let is_address_of_another = has_host && key == "hostaddr";
            let value = environment.get(variable).filter(|value| !value.is_empty());
            if let Some(value) = value
                && !is_address_of_another
                && !self.parameters.contains_key(key)
            {
                self.parameters.insert(key.to_owned(), value.clone());
                self.origins.insert(key.to_owned(), variable.to_owned());
            }
        }
    }

    /// Removes parameters of lower layers that the server's own keys make invalid: the address of another host, and a
    /// password if the server has a password file.
    fn drop_overridden(&mut self, own: &OwnKeys) {
        if own.sets("host") {
            self.parameters.remove("hostaddr");
        }
        let has_command = own.command.program.is_some();
        if own.sets("password_file") || own.sets("passfile") || has_command {
            self.parameters.remove("password");
        }
    }

    fn read_command(&mut self, reader: &mut Reader, own: &mut OwnKeys, environment: &Environment) {
        let (passwords, command) = (own.passwords(), std::mem::take(&mut own.command));
        self.command = command.read(reader, &self.prefix, &passwords, environment);
    }

    fn own_value(&self, reader: &mut Reader, key: &str, leaf: Leaf) -> Option<String> {
        let table = &self.prefix;
        let text = match key {
            "host" => reader.optional(table, leaf, &RawServer::host()),
            "hostaddr" => reader.optional(table, leaf, &RawServer::hostaddr()),
            "port" => {
                let port = reader.optional(table, leaf, &RawServer::port());
                port.map(|port| port.to_string())
            }
            "user" => reader.optional(table, leaf, &RawServer::user()),
            "password" => password(reader, table, leaf),
            "password_file" => reader.optional(table, leaf, &RawServer::password_file()),
            "passfile" => reader.optional(table, leaf, &RawServer::passfile()),
            "dbname" => reader.optional(table, leaf, &RawServer::dbname()),
            "options" => reader.optional(table, leaf, &RawServer::options()),
            // Names are checked after the layers are merged.
            "channel_binding" => {
                let want = RawServer::channel_binding().want();
                reader.text_like(&path(table, key), leaf?, &want)
            }
            "sslmode" => {
                let want = RawServer::sslmode().want();
                reader.text_like(&path(table, key), leaf?, &want)
            }
            "sslrootcert" => reader.optional(table, leaf, &RawServer::sslrootcert()),
            "sslcert" => reader.optional(table, leaf, &RawServer::sslcert()),
            "sslkey" => reader.optional(table, leaf, &RawServer::sslkey()),
            _ => None,
        }?;
        if key != "host" && host::is_variable(&text) {
            reader.warning(&path(table, key), host::VARIABLE, host::ITS_VALUE);
        }
        Some(text)
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.parameters.remove(key)
    }

    fn take_file(&mut self, reader: &mut Reader, key: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.take(key)?);
        reader.file(&self.key(key), &path);
        Some(path)
    }

    /// The value of the highest layer that has one, or the default.
    fn merged<S: Shape>(&mut self, reader: &mut Reader, key: &Key<S>) -> S::Value {
        let text = self.take(key.name).map(Value::from);
        let given = text.and_then(|text| key.shape.read(reader, &self.key(key.name), text));
        given.unwrap_or_else(|| reader.default_of(key))
    }

    pub(super) fn target(
        mut self,
        reader: &mut Reader,
        environment: &Environment,
    ) -> Option<Target> {
        let hostaddr = self.hostaddr(reader);
        let host = self.host(reader, hostaddr, environment)?;
        Some(Target {
            host,
            hostaddr,
            port: self.merged(reader, &RawServer::port()),
            user: self.merged(reader, &RawServer::user()),
            dbname: self.merged(reader, &RawServer::dbname()),
            password: self.password(reader, environment),
            options: self.take("options").unwrap_or_default(),
            channel_binding: self.merged(reader, &RawServer::channel_binding()),
            tls: self.tls(reader),
        })
    }

    fn password(&mut self, reader: &mut Reader, environment: &Environment) -> PasswordSource {
        let home = || {
            environment
                .get("HOME")
                .map(|home| PathBuf::from(home).join(".pgpass"))
        };
        PasswordSource {
            given: self.take("password").map(SecretString::from),
            file: self.take_file(reader, "password_file"),
            passfile: self.take_file(reader, "passfile").or_else(home),
            command: self.command.take(),
        }
    }
}

/// Empty text is a problem: more probably a variable was not set than that the server takes an empty password.
fn password(reader: &mut Reader, table: &str, leaf: Leaf) -> Option<String> {
    let spec = RawServer::password();
    let text = reader.optional(table, leaf, &spec)?;
    if text.is_empty() {
        reader.problem(&path(table, spec.name), "empty text", "a password");
        return None;
    }
    Some(text)
}

pub(super) const BINDINGS: [(&str, ChannelBinding); 3] = [
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];
