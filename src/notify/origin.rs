//! What identifies the agent in a notification: its labels, and the address of its page. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::alert::Alert;
use crate::findings::Scope;
use crate::web_client::Url;

/// The label `job`, as in the example configuration of Prometheus.
const JOB: &str = "pgcommons";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Origin {
    /// The address of the page without a slash at its end.
    base: String,
    /// The host and the port: the label `instance`.
    instance: String,
    /// `web.external_url` is set, so that people can open the address.
    is_reachable: bool,
    has_page: bool,
}

impl Origin {
    /// `external`: `web.external_url`. Without it, the address is the name of this machine and the port of the first listener, as Prometheus
    /// and Alertmanager have it.
    pub(crate) fn new(external: Option<&Url>, listen_addresses: &[String], has_page: bool) -> Self {
        let base = external.map_or_else(|| local(&listen_addresses[0]), Url::text);
        let base = base.trim_end_matches('/').to_owned();
        let instance = base.split("://").nth(1).unwrap_or(&base);
        let instance = instance.split('/').next().unwrap_or(instance).to_owned();
        Self {
            base,
            instance,
            is_reachable: external.is_some(),
            has_page,
        }
    }

    /// The labels of every alert.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let labels = [("job", JOB), ("instance", &*self.instance)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        labels.into()
    }

    /// Where the page is: `externalURL` in the webhook's JSON.
    pub(super) fn address(&self) -> &str {
        &self.base
    }

    /// The page of the database that the alert is about, or else the overview.
    pub(super) fn page_of(&self, alert: &Alert) -> String {
        let mut address = format!("{}/", self.base);
        if let (Scope::Database, Some(datname)) = (alert.key.scope, &alert.key.subject) {
            let encoded = |name| utf8_percent_encode(name, NON_ALPHANUMERIC);
            let (server, datname) = (encoded(&alert.key.server), encoded(datname));
            let _ = write!(address, "tenant/{server}/{datname}"); // memory
        }
        address
    }

    /// A page that a person can open. None: it is not known where, or there is none.
    pub(super) fn link(&self, alert: &Alert) -> Option<String> {
        (self.is_reachable && self.has_page).then(|| self.page_of(alert))
    }
}

fn local(listen_address: &str) -> String {
    let node = rustix::system::uname();
    let host = node.nodename().to_str().unwrap_or("localhost");
    let port = listen_address.rsplit(':').next().unwrap_or_default();
    format!("http://{host}:{port}")
}
