//! `notify` before validation. The doc comment of a key is its meaning in `docs/notifications.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use config::Value;
use serde::Deserialize;

use super::super::keys::{Content, Key, Table, path, plain};
use super::super::notify::{ChatId, LEVELS, Matchers, TelegramTable, WebAddress};
#[cfg(test)]
use super::super::reference::{Row, Section};
use super::super::shapes::{Choice, Durations, Filled, Switch};
use super::{DAY, HOUR, Leaf, MINUTE, table};
use crate::notify::Level;

const TEN_SECONDS: Duration = Duration::from_secs(10);
const MONTH: Duration = Duration::from_hours(24 * 30);

table!(
/// One receiver of notifications: `webhook`, `ntfy`, `telegram` or `alertmanager`.
RawReceiver {
    /// Its name in metrics, in the log and in the webhook's JSON. By default its kind, with a number if there are several.
    name: Filled("text");
    /// An address that gets the JSON of Alertmanager's webhook.
    webhook: WebAddress();
    /// A file with that address, if it is a secret.
    webhook_file: Filled("the path of a file");
    /// A topic of ntfy, as in `https://ntfy.sh/my-topic`.
    ntfy: WebAddress();
    /// A file with that address. A topic that others can guess is readable for them.
    ntfy_file: Filled("the path of a file");
    /// A chat of a Telegram bot.
    telegram: TelegramTable();
    /// An Alertmanager, as in `http://localhost:9093`.
    alertmanager: WebAddress();
    /// The user for HTTP basic authentication. Needs `password_file`.
    username: Filled("a name");
    /// A file with the password of `username`.
    password_file: Filled("the path of a file");
    /// A file with a bearer token.
    token_file: Filled("the path of a file");
    /// The CAs that the certificate of the address must be signed by. By default those of the operating system.
    ca_file: Filled("the path of a file");
    /// The least severe alerts that it gets. `none`: only heartbeats.
    min_severity: Choice<Option<Level>>(&LEVELS) = "warning";
    /// Labels that an alert must have, each with a pattern with `*` and `?`, as in `{team: web}`.
    r#match: Matchers();
    /// How long a problem must last. Some last longer before they are told: a server that does not answer half a minute, figures that
    /// are unknown five minutes.
    r#for: Durations(Duration::ZERO..=HOUR) = "5s";
    /// When an alert that lasts is told again. An Alertmanager is told each minute and decides by itself.
    repeat_interval: Durations(MINUTE..=MONTH) = "4h";
    /// Whether it is told when an alert has ended.
    send_resolved: Switch() = "true";
    /// How often it is told that the agent runs. By default never.
    heartbeat: Durations(TEN_SECONDS..=DAY);
});
table!(
/// A bot and its chat.
RawTelegram {
    /// A file with the token of the bot.
    token_file: Filled("the path of a file");
    /// The number of the chat, or the name of a public channel.
    chat_id: ChatId();
    /// The address of the Bot API.
    api_url: WebAddress() = "https://api.telegram.org";
});
