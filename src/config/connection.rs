//! The connection parameters of one server. Its own keys override its DSN, and the DSN overrides libpq's variables.

mod tls;

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use config::Value;
use secrecy::SecretString;

use super::dsn::{self, PARAMETERS, Parameters};
use super::env::Environment;
use super::raw::{Leaf, RawServer};
use super::redact::quoted;
use super::values::{Reader, one_of};
use super::{ChannelBinding, PasswordSource, Target};
use tls::MODES;

/// The merged connection parameters of one server.
pub(super) struct ConnectionParams {
    prefix: String,
    parameters: Parameters,
}

impl ConnectionParams {
    fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            let variable = PARAMETERS
                .iter()
                .find(|(_, key)| *key == name)
                .map(|(variable, _)| *variable);
            return variable.unwrap_or("DATABASE_URL").to_owned();
        }
        format!("{}.{name}", self.prefix)
    }

    /// Merges the three layers. None: the DSN is invalid.
    pub(super) fn collect(
        reader: &mut Reader,
        prefix: String,
        raw: &mut RawServer,
        environment: &Environment,
    ) -> Option<Self> {
        let mut merged = Self {
            prefix,
            parameters: Parameters::new(),
        };
        let own = raw.connection();
        let names_host = own
            .iter()
            .any(|(key, leaf)| matches!(*key, "host" | "hostaddr") && leaf.is_some());
        let want = "a postgres:// URL, or key=value pairs";
        let key = merged.key("dsn");
        let dsn = reader.secret(&key, raw.dsn.take(), want);
        if dsn.as_deref() == Some("") {
            reader.problem(&key, "empty text", want);
        }
        let dsn = dsn.or_else(|| {
            environment
                .get("DATABASE_URL")
                .filter(|_| !names_host)
                .cloned()
        });
        if let Some(dsn) = dsn {
            merged.parameters = merged.dsn(reader, &dsn)?;
        }
        merged.fill_from(environment);
        merged.drop_overridden(&own);
        for (key, leaf) in own {
            if let Some(value) = merged.own_value(reader, key, leaf) {
                merged.parameters.insert(key.to_owned(), value);
            }
        }
        merged.warn_of_two_passwords(reader);
        Some(merged)
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
        for (variable, key) in PARAMETERS
            .into_iter()
            .filter(|(_, key)| !(has_host && *key == "hostaddr"))
        {
            if let Some(value) = environment.get(variable).filter(|value| !value.is_empty()) {
                self.parameters
                    .entry(key.to_owned())
                    .or_insert_with(|| value.clone());
            }
        }
    }

    /// Removes parameters of lower layers that the server's own keys make invalid: the address of another host, and a
    /// password if the server has a password file.
    fn drop_overridden(&mut self, own: &[(&str, Leaf)]) {
        let sets = |wanted: &str| {
            own.iter()
                .any(|(key, leaf)| *key == wanted && leaf.is_some())
        };
        if sets("host") {
            self.parameters.remove("hostaddr");
        }
        if sets("password_file") || sets("passfile") {
            self.parameters.remove("password");
        }
    }

    fn dsn(&self, reader: &mut Reader, dsn: &str) -> Option<Parameters> {
        let parsed = dsn::parse(dsn);
        if let Err(want) = &parsed {
            reader.problem(
                &self.key("dsn"),
                "an invalid connection string (not shown)",
                want,
            );
        }
        parsed.ok()
    }

    fn own_value(&self, reader: &mut Reader, key: &str, leaf: Leaf) -> Option<String> {
        let full = self.key(key);
        match key {
            "password" => reader.secret(&full, leaf, "text in quotes"),
            "port" => reader
                .number(&full, leaf, 1..=u16::MAX)
                .map(|port| port.to_string()),
            "host" => reader.text_like(&full, leaf, HOST),
            "hostaddr" => reader.text_like(&full, leaf, ADDRESS),
            "options" => reader.text(&full, leaf),
            "sslmode" => reader.text_like(&full, leaf, &one_of(&MODES)),
            "channel_binding" => reader.text_like(&full, leaf, &one_of(&BINDINGS)),
            "user" | "dbname" => reader.nonempty_text(&full, leaf, "a name"),
            _ => reader.nonempty_text(&full, leaf, "the path of a file"),
        }
    }

    fn take(&mut self, key: &str) -> Option<String> {
        self.parameters.remove(key)
    }

    fn take_file(&mut self, reader: &mut Reader, key: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.take(key)?);
        reader.file(&self.key(key), &path);
        Some(path)
    }

    pub(super) fn target(
        mut self,
        reader: &mut Reader,
        environment: &Environment,
    ) -> Option<Target> {
        let hostaddr = self.hostaddr(reader);
        let host = self.host(reader, hostaddr)?;
        let port = self.take("port").map(Value::from);
        let binding = self.take("channel_binding");
        Some(Target {
            host,
            hostaddr,
            port: reader
                .number(&self.key("port"), port, 1..=u16::MAX)
                .unwrap_or(5432),
            user: self.take("user").unwrap_or_else(|| "pgcommons".to_owned()),
            dbname: self.take("dbname").unwrap_or_else(|| "postgres".to_owned()),
            password: self.password(reader, environment),
            options: self.take("options").unwrap_or_default(),
            channel_binding: reader.choice(
                &self.key("channel_binding"),
                binding,
                &BINDINGS,
                ChannelBinding::Prefer,
            ),
            tls: self.tls(reader),
        })
    }

    fn hostaddr(&mut self, reader: &mut Reader) -> Option<IpAddr> {
        let text = self.take("hostaddr")?;
        let address = text.parse().ok();
        if address.is_none() {
            reader.problem(&self.key("hostaddr"), quoted(&text), ADDRESS);
        }
        address
    }

    fn host(&mut self, reader: &mut Reader, hostaddr: Option<IpAddr>) -> Option<String> {
        let host = self
            .take("host")
            .or_else(|| hostaddr.map(|address| address.to_string()));
        let problem = match host.as_deref() {
            None => Some((
                "nothing".to_owned(),
                "a server: DATABASE_URL, PGHOST, or servers in --config.file",
            )),
            // Not shown: if a connection string lacks its `:` and its `@`, the host contains the password.
            Some(several) if several.contains(',') => {
                Some(("several hosts (not shown)".to_owned(), dsn::ONE_HOST))
            }
            Some(host) if !is_host(host) => Some(("text (not shown)".to_owned(), HOST)),
            Some(_) => None,
        };
        if let Some((got, want)) = problem {
            let key = if host.is_none() && self.prefix.is_empty() {
                "DATABASE_URL".to_owned()
            } else {
                self.key("host")
            };
            reader.problem(&key, got, want);
        }
        host
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
        }
    }
}

/// Refuses a connection string in the wrong place, and names that cannot be resolved.
fn is_host(host: &str) -> bool {
    let is_name = |host: &str| {
        !host.is_empty() && !host.contains(['@', '/', ':']) && !host.contains(char::is_whitespace)
    };
    let address = host
        .split_once('%')
        .map_or(host, |(address, _zone)| address);
    host.starts_with('/') || is_name(host) || address.parse::<Ipv6Addr>().is_ok()
}

const HOST: &str = "a host name, an address, or the directory of a socket";
const ADDRESS: &str = "an IP address";

const BINDINGS: [(&str, ChannelBinding); 3] = [
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];
