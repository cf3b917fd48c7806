//! The shapes of the values of a receiver: addresses, which may be secrets, the chat of a bot, and labels.

use std::collections::BTreeMap;

use config::{Value, ValueKind};
use serde::Deserialize as _;
use wildmatch::WildMatch;

use super::file;
use crate::config::keys::Shape;
use crate::config::raw::RawTelegram;
use crate::config::redact::kind;
use crate::config::values::Reader;
use crate::notify::Destination;
use crate::web_client::Url;

/// An address that may be a secret.
pub(in crate::config) struct WebAddress();

impl Shape for WebAddress {
    type Value = Url;

    fn want(&self) -> String {
        Url::WANT.to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Url> {
        let got = kind(&value);
        let ValueKind::String(text) = value.kind else {
            reader.problem(key, got, self.want());
            return None;
        };
        let url = Url::parse(&text);
        if url.is_none() {
            reader.problem(key, "text (not shown)", self.want());
        }
        url
    }
}

/// `telegram`
pub(in crate::config) struct TelegramTable();

impl Shape for TelegramTable {
    type Value = Destination;

    fn want(&self) -> String {
        "a table, as in {token_file: /run/secrets/bot, chat_id: 12345678}".to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Destination> {
        if !matches!(value.kind, ValueKind::Table(_)) {
            reader.problem(key, kind(&value), self.want());
            return None;
        }
        let raw = RawTelegram::deserialize(value).ok()?; // a table of any values
        reader.unknown(key, &raw);
        if raw.token_file.is_none() || raw.chat_id.is_none() {
            reader.problem(key, "a table without one of them", "token_file and chat_id");
        }
        let api = reader.value(key, raw.api_url, &RawTelegram::api_url());
        let chat_id = reader.optional(key, raw.chat_id, &RawTelegram::chat_id());
        let token_file = file(reader, key, raw.token_file, &RawTelegram::token_file());
        Some(Destination::Telegram {
            api,
            token_file: token_file?,
            chat_id: chat_id?,
        })
    }
}

/// A number, which YAML has read as one, or `@channel`.
pub(in crate::config) struct ChatId();

impl Shape for ChatId {
    type Value = String;

    fn want(&self) -> String {
        "a number, or the name of a channel as in \"@channel\"".to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<String> {
        let text = match &value.kind {
            ValueKind::String(text) => text.clone(),
            ValueKind::I64(number) => number.to_string(),
            _ => String::new(),
        };
        if text.parse::<i64>().is_ok() || text.starts_with('@') && text.len() > 1 {
            return Some(text);
        }
        reader.problem(key, kind(&value), self.want());
        None
    }
}

/// `match`
pub(in crate::config) struct Matchers();

impl Shape for Matchers {
    type Value = BTreeMap<String, WildMatch>;

    fn want(&self) -> String {
        "a table of labels, as in {team: web}".to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Self::Value> {
        let got = kind(&value);
        let ValueKind::Table(table) = value.kind else {
            reader.problem(key, got, self.want());
            return None;
        };
        let mut matchers = BTreeMap::new();
        for (label, value) in table {
            let pattern = reader.text_like(&format!("{key}.{label}"), value, "text");
            matchers.extend(pattern.map(|text| (label, WildMatch::new(&text))));
        }
        Some(matchers)
    }
}
