//! `notify`: who is told about alerts, and how. Addresses may be secrets and are in no message.

mod shapes;

use std::path::PathBuf;

use config::{Value, ValueKind};
use serde::Deserialize as _;

use super::keys::{Key, Shape};
use super::raw::{Leaf, RawReceiver};
use super::redact::{kind, quoted};
use super::shapes::Filled;
use super::values::Reader;
use crate::notify::{Address, Destination, Level, Login, Receiver};

pub(super) use shapes::{ChatId, Matchers, TelegramTable, WebAddress};

/// The values of `min_severity`.
pub(super) const LEVELS: [(&str, Option<Level>); 4] = [
    ("info", Some(Level::Info)),
    ("warning", Some(Level::Warning)),
    ("critical", Some(Level::Critical)),
    ("none", None),
];
/// The maximum number of receivers: each has a task.
const MOST: usize = 20;
const ONE_OF: &str = "one of webhook, webhook_file, ntfy, ntfy_file, telegram, alertmanager";

/// A list of receivers.
pub(super) struct Receivers();

impl Shape for Receivers {
    type Value = Vec<Receiver>;

    fn want(&self) -> String {
        "a list of receivers, as in [{webhook: \"http://localhost:8080/hook\"}]".to_owned()
    }

    #[cfg(test)]
    fn has_variable(&self) -> bool {
        false
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Vec<Receiver>> {
        let got = kind(&value);
        let ValueKind::Array(items) = value.kind else {
            reader.problem(key, got, self.want());
            return None;
        };
        if items.len() > MOST {
            let want = format!("at most {MOST} receivers");
            reader.problem(key, format!("{} receivers", items.len()), want);
        }
        let mut receivers: Vec<Receiver> = Vec::new();
        for (n, item) in items.into_iter().take(MOST).enumerate() {
            let key = format!("{key}[{n}]");
            let got = kind(&item);
            match item.kind {
                ValueKind::Table(_) => receivers.extend(receiver(reader, &key, item, &receivers)),
                _ => reader.problem(
                    &key,
                    got,
                    "a table, as in {ntfy: \"https://ntfy.sh/topic\"}",
                ),
            }
        }
        Some(receivers)
    }
}

fn receiver(
    reader: &mut Reader,
    table: &str,
    item: Value,
    others: &[Receiver],
) -> Option<Receiver> {
    let mut raw = RawReceiver::deserialize(item).ok()?; // a table of any values
    reader.unknown(table, &raw);
    let destination = destination(reader, table, &mut raw);
    let login = login(reader, table, &mut raw);
    let given = reader.optional(table, raw.name, &RawReceiver::name());
    let ca_file = file(reader, table, raw.ca_file, &RawReceiver::ca_file());
    let matchers = reader.optional(table, raw.r#match, &RawReceiver::r#match());
    let min_severity = reader.value(table, raw.min_severity, &RawReceiver::min_severity());
    let wait = reader.value(table, raw.r#for, &RawReceiver::r#for());
    let repeat = RawReceiver::repeat_interval();
    let repeat_interval = reader.value(table, raw.repeat_interval, &repeat);
    let send_resolved = reader.value(table, raw.send_resolved, &RawReceiver::send_resolved());
    let heartbeat = reader.optional(table, raw.heartbeat, &RawReceiver::heartbeat());
    let destination = destination?;
    if min_severity.is_none() && heartbeat.is_none() {
        let instead = "another severity, or a heartbeat: this receiver is told nothing";
        reader.problem(&format!("{table}.min_severity"), "\"none\"", instead);
    }
    Some(Receiver {
        name: name(reader, table, given, destination.kind(), others)?,
        destination,
        login: login?,
        ca_file,
        min_severity,
        matchers: matchers.unwrap_or_default(),
        wait,
        repeat_interval,
        send_resolved,
        heartbeat,
    })
}

/// The configured name, or else one that is still free.
fn name(
    reader: &mut Reader,
    table: &str,
    given: Option<String>,
    kind: &str,
    others: &[Receiver],
) -> Option<String> {
    let is_taken = |name: &str| others.iter().any(|other| other.name == name);
    let Some(name) = given else {
        let numbered = (2..).map(|n| format!("{kind}-{n}"));
        let mut names = std::iter::once(kind.to_owned()).chain(numbered);
        return names.find(|name| !is_taken(name));
    };
    if is_taken(&name) {
        let key = format!("{table}.name");
        reader.problem(&key, quoted(&name), "a name that no other receiver has");
        return None;
    }
    Some(name)
}

/// None: there is a problem, which is recorded.
fn destination(reader: &mut Reader, table: &str, raw: &mut RawReceiver) -> Option<Destination> {
    let problems = reader.problems.len();
    let webhook = address(reader, table, raw.webhook.take(), &RawReceiver::webhook());
    let ntfy = address(reader, table, raw.ntfy.take(), &RawReceiver::ntfy());
    let key = RawReceiver::alertmanager();
    let alertmanager = address(reader, table, raw.alertmanager.take(), &key);
    let webhook_file = file(
        reader,
        table,
        raw.webhook_file.take(),
        &RawReceiver::webhook_file(),
    );
    let ntfy_file = file(
        reader,
        table,
        raw.ntfy_file.take(),
        &RawReceiver::ntfy_file(),
    );
    let telegram = reader.optional(table, raw.telegram.take(), &RawReceiver::telegram());
    let webhooks = webhook.into_iter().chain(webhook_file.map(Address::File));
    let topics = ntfy.into_iter().chain(ntfy_file.map(Address::File));
    let mut all: Vec<_> = webhooks
        .map(Destination::Webhook)
        .chain(topics.map(Destination::Ntfy))
        .chain(telegram)
        .chain(alertmanager.map(Destination::Alertmanager))
        .collect();
    match (all.pop(), all.len()) {
        (Some(destination), 0) => has_topic(reader, table, destination),
        (None, _) if reader.problems.len() > problems => None,
        (None, _) => {
            reader.problem(table, "none of them", ONE_OF);
            None
        }
        (Some(_), _) => {
            reader.problem(table, "several of them", ONE_OF);
            None
        }
    }
}

fn address(reader: &mut Reader, table: &str, leaf: Leaf, key: &Key<WebAddress>) -> Option<Address> {
    reader.optional(table, leaf, key).map(Address::Given)
}

fn has_topic(reader: &mut Reader, table: &str, destination: Destination) -> Option<Destination> {
    if let Destination::Ntfy(Address::Given(url)) = &destination
        && url.split_last().1.is_empty()
    {
        let want = "an address with a topic, as in https://ntfy.sh/my-topic";
        reader.problem(&format!("{table}.ntfy"), "an address without a topic", want);
        return None;
    }
    Some(destination)
}

fn login(reader: &mut Reader, table: &str, raw: &mut RawReceiver) -> Option<Login> {
    let user = reader.optional(table, raw.username.take(), &RawReceiver::username());
    let password_file = file(
        reader,
        table,
        raw.password_file.take(),
        &RawReceiver::password_file(),
    );
    let token_file = file(
        reader,
        table,
        raw.token_file.take(),
        &RawReceiver::token_file(),
    );
    let (got, want) = match (user, password_file, token_file) {
        (None, None, None) => return Some(Login::None),
        (None, None, Some(token_file)) => return Some(Login::Token(token_file)),
        (Some(user), Some(password_file), None) => {
            return Some(Login::Basic {
                user,
                password_file,
            });
        }
        (_, _, Some(_)) => ("username or password_file, and token_file", "one of them"),
        (Some(_), None, None) => ("username without password_file", "both"),
        (None, Some(_), None) => ("password_file without username", "both"),
    };
    reader.problem(table, got, want);
    None
}

/// The path of a file, which `--config.check` tries to read.
fn file(reader: &mut Reader, table: &str, leaf: Leaf, key: &Key<Filled>) -> Option<PathBuf> {
    let path = PathBuf::from(reader.optional(table, leaf, key)?);
    reader.file(&format!("{table}.{}", key.name), &path);
    Some(path)
}
