//! One receiver, as it is configured.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use wildmatch::WildMatch;

use super::alert::{Alert, Level};
use crate::web_client::{Authorization, Url, WebError, read_secret};

/// One entry of `notify`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Receiver {
    /// The label `receiver`; unique.
    pub(crate) name: String,
    pub(crate) destination: Destination,
    pub(crate) login: Login,
    /// `ca_file`; None: the CAs of the operating system.
    pub(crate) ca_file: Option<PathBuf>,
    /// The least severe alerts that it gets. None: it gets heartbeats only.
    pub(crate) min_severity: Option<Level>,
    /// Patterns for the values of labels. An alert needs all of them.
    pub(crate) matchers: BTreeMap<String, WildMatch>,
    /// `for`: how long an alert must have lasted.
    pub(crate) wait: Duration,
    pub(crate) repeat_interval: Duration,
    pub(crate) send_resolved: bool,
    /// How often it is told that the agent runs.
    pub(crate) heartbeat: Option<Duration>,
}

/// What it is, and where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Destination {
    /// Gets the JSON of Alertmanager's webhook, version 4.
    Webhook(Address),
    /// A topic of ntfy.
    Ntfy(Address),
    /// A chat of Telegram. The token is part of the address.
    Telegram {
        api: Url,
        token_file: PathBuf,
        chat_id: String,
    },
    /// An Alertmanager, by its API v2.
    Alertmanager(Address),
}

impl Destination {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Ntfy(_) => "ntfy",
            Self::Telegram { .. } => "telegram",
            Self::Alertmanager(_) => "alertmanager",
        }
    }
}

/// An address may be a secret, and then stands in a file. Files are read at each attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Address {
    Given(Url),
    File(PathBuf),
}

impl Address {
    /// Blocks if it is a file.
    pub(super) fn read(&self) -> Result<Url, WebError> {
        match self {
            Self::Given(url) => Ok(url.clone()),
            Self::File(path) => {
                let text = read_secret(path)?;
                Url::parse(text.expose_secret().trim()).ok_or_else(|| WebError::Credentials {
                    problem: format!("{} has no {}", path.display(), Url::WANT),
                })
            }
        }
    }
}

/// How the agent logs in at the receiver.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Login {
    None,
    Basic {
        user: String,
        password_file: PathBuf,
    },
    Token(PathBuf),
}

impl Login {
    /// Blocks.
    pub(super) fn read(&self) -> Result<Authorization, WebError> {
        Ok(match self {
            Self::None => Authorization::None,
            Self::Basic {
                user,
                password_file,
            } => Authorization::Basic {
                user: user.clone(),
                password: read_secret(password_file)?,
            },
            Self::Token(path) => Authorization::Bearer(read_token(path)?),
        })
    }
}

/// Blocks.
pub(super) fn read_token(path: &std::path::Path) -> Result<SecretString, WebError> {
    let text = read_secret(path)?;
    if text.expose_secret().is_empty() {
        return Err(WebError::Credentials {
            problem: format!("{} is empty", path.display()),
        });
    }
    Ok(text)
}

impl Receiver {
    /// Whether it asks for alerts with these labels and this severity.
    pub(super) fn wants(&self, alert: &Alert) -> bool {
        let value = |label: &str| alert.labels.get(label).map_or("", String::as_str);
        self.min_severity.is_some_and(|least| alert.level >= least)
            && self
                .matchers
                .iter()
                .all(|(label, pattern)| pattern.matches(value(label)))
    }
}
