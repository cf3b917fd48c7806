//! Redacts values in messages: a value that may be a password is never shown, even if it is set under the wrong key.

use std::path::Path;

use config::{Value, ValueKind};

/// Shown instead of a key that may be a value: `{password:secret}` and `{password, secret}` are typing errors that make a
/// password a key.
pub(super) const HIDDEN: &str = "(a key that may hold a password)";

/// YAML 1.1 merges the keys of another table in its place.
pub(super) const MERGE: &str = "<<";

/// The full key of a message, such as `servers.main.port`.
pub(super) fn key(key: &str) -> &str {
    if NEVER_A_KEY.iter().any(|sign| key.contains(sign)) {
        HIDDEN
    } else {
        key
    }
}

/// A key that is not part of the configuration.
pub(super) fn unknown_key<'a>(key: &'a str, value: &Value) -> &'a str {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.is_empty() {
        return "\"\"";
    }
    if key == MERGE || key.chars().all(is_plain) && value.kind != ValueKind::Nil {
        key
    } else {
        HIDDEN
    }
}

/// The value of a key that takes no secret.
pub(super) fn value(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::String(text) => quoted(text),
        _ => value.to_string(),
    }
}

/// The kind of a value, without the value.
pub(super) fn kind(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        ValueKind::String(_) => "text (not shown)",
        ValueKind::Boolean(_) => "true or false (not shown)",
        _ => "a number (not shown)",
    }
}

/// The path of a password file. A relative path is not shown: it may be the password itself.
pub(crate) fn path(path: &Path) -> String {
    let is_path = path.is_absolute() || path.starts_with(".") || path.starts_with("..");
    if is_path {
        path.display().to_string()
    } else {
        "(a relative path, not shown)".to_owned()
    }
}

/// Signs of connection strings, bcrypt hashes and PEM. A key that contains one is a typing error and is not shown.
const NEVER_A_KEY: [&str; 3] = ["://", "$2", "-----BEGIN"];
/// Signs of text that may hold a secret.
const SECRET_SIGNS: [&str; 6] = [":", "$2", "-----BEGIN", "@", "=", "password"];

pub(crate) fn may_be_secret(text: &str) -> bool {
    SECRET_SIGNS.iter().any(|sign| text.contains(sign))
}

/// The quoted text, unless it may hold a secret.
pub(super) fn quoted(text: &str) -> String {
    if may_be_secret(text) {
        "text that may hold a password (not shown)".to_owned()
    } else {
        format!("{text:?}")
    }
}
