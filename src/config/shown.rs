//! What a message may show of a value: nothing of what may be a password, in the right place or in the wrong one.

use std::path::Path;

use config::{Value, ValueKind};

/// What may be a value that became a key by a slip, as in `{password:secret}` and `{password, secret}`, is not shown.
pub(super) const HIDDEN: &str = "(a key that may hold a password)";

/// The whole key that a message is about, as in `servers.main.port`.
pub(super) fn key(key: &str) -> &str {
    if NEVER_A_KEY.iter().any(|sign| key.contains(sign)) {
        HIDDEN
    } else {
        key
    }
}

/// A key that nobody knows.
pub(super) fn unknown_key<'a>(key: &'a str, value: &Value) -> &'a str {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if key.chars().all(is_plain) && value.kind != ValueKind::Nil {
        key
    } else {
        HIDDEN
    }
}

/// The value itself, where no secret belongs.
pub(super) fn value(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::String(text) => quoted(text),
        _ => value.to_string(),
    }
}

/// What stands in the place of something else, without its value.
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

/// A path of a file with a password. A password given in its place is most probably read as a relative path.
pub(super) fn path(path: &Path) -> String {
    let is_path = path.is_absolute() || path.starts_with(".") || path.starts_with("..");
    if is_path {
        path.display().to_string()
    } else {
        "(a relative path, not shown)".to_owned()
    }
}

/// Connection strings, hashes of bcrypt, PEM: as a key they are a slip, and as text they are not shown.
const NEVER_A_KEY: [&str; 3] = ["://", "$2", "-----BEGIN"];
const SECRETIVE: [&str; 6] = [":", "$2", "-----BEGIN", "@", "=", "password"];

/// Text for a message, unless it may be a secret that was put in the wrong place.
pub(super) fn quoted(text: &str) -> String {
    if SECRETIVE.iter().any(|sign| text.contains(sign)) {
        "text that may hold a password (not shown)".to_owned()
    } else {
        format!("{text:?}")
    }
}
