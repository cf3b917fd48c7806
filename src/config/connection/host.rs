//! `host` and `hostaddr` of a server. A wrong host is not shown: if a connection string lacks its `:` and its `@`, the host
//! contains the password.

use std::net::{IpAddr, Ipv6Addr};

use super::super::dsn::ONE_HOST;
use super::super::env::Environment;
use super::super::redact::{self, quoted};
use super::super::values::Reader;
use super::ConnectionParams;

pub(in crate::config) const HOST: &str = "a host name, an address, or the directory of a socket";
pub(in crate::config) const ADDRESS: &str = "an IP address";

impl ConnectionParams {
    pub(super) fn hostaddr(&mut self, reader: &mut Reader) -> Option<IpAddr> {
        let text = self.take("hostaddr")?;
        let address = text.parse().ok();
        if address.is_none() {
            self.misspelt = true;
            reader.problem(&self.key("hostaddr"), quoted(&text), ADDRESS);
        }
        address
    }

    pub(super) fn host(
        &mut self,
        reader: &mut Reader,
        hostaddr: Option<IpAddr>,
        environment: &Environment,
    ) -> Option<String> {
        let host = self.take("host");
        let host = host.or_else(|| hostaddr.map(|address| address.to_string()));
        match host.as_deref() {
            None if self.misspelt => {}
            None => self.missing(reader, environment),
            Some(host) => {
                if let Some((got, want)) = problem(host) {
                    reader.problem(&self.key("host"), got, want);
                }
            }
        }
        host
    }

    fn missing(&self, reader: &mut Reader, environment: &Environment) {
        if self.prefix.is_empty() && environment.contains_key("DATA_SOURCE_USER") {
            let got = "nothing beside DATA_SOURCE_USER";
            reader.problem("DATA_SOURCE_URI", got, "host:port/dbname");
        } else if self.prefix.is_empty() {
            let want = "a server: DATABASE_URL, PGHOST, or servers in --config.file";
            reader.problem("DATABASE_URL", "nothing", want);
        } else if self.prefix.ends_with(redact::HIDDEN) {
            let got = "a name without a table (not shown)";
            reader.problem("servers", got, "a table, as in servers.NAME.host");
        } else {
            reader.problem(&self.key("host"), "nothing", "a host, in host or in dsn");
        }
    }
}

/// What is wrong with a host.
fn problem(host: &str) -> Option<(&'static str, &'static str)> {
    let name_of = host.rsplit_once(':');
    let has_port = name_of.is_some_and(|(name, port)| is_name(name) && port.parse::<u16>().is_ok());
    if host.contains(',') {
        Some(("several hosts (not shown)", ONE_HOST))
    } else if is_variable(host) {
        Some((VARIABLE, ITS_VALUE))
    } else if has_port {
        let want = "the host alone; the port is another key";
        Some(("a host and a port (not shown)", want))
    } else if host.starts_with('[') {
        let want = "an IPv6 address without brackets; the port is another key";
        Some(("an address in brackets (not shown)", want))
    } else if is_host(host) {
        None
    } else {
        Some(("text (not shown)", HOST))
    }
}

pub(super) const VARIABLE: &str = "a variable of a shell (not shown)";
pub(super) const ITS_VALUE: &str = "its value: the agent does not replace variables";

/// Whether a template or a shell should have replaced the text, such as `${PASSWORD}`.
pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with("${") && text.ends_with('}')
}

/// Refuses a connection string in the wrong place, and names that cannot be resolved.
fn is_host(host: &str) -> bool {
    let zone = host.split_once('%');
    let address = zone.map_or(host, |(address, _zone)| address);
    host.starts_with('/') || is_name(host) || address.parse::<Ipv6Addr>().is_ok()
}

fn is_name(host: &str) -> bool {
    !host.is_empty() && !host.contains(['@', '/', ':']) && !host.contains(char::is_whitespace)
}
