//! The shapes of values: durations, numbers, sizes, choices, texts and lists. Secrets are never shown.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use config::{Value, ValueKind};

use super::keys::Shape;
use super::redact::{self, kind, quoted};
use super::values::Reader;

/// A duration with its unit.
pub(super) struct Durations(pub(super) RangeInclusive<Duration>);

impl Shape for Durations {
    type Value = Duration;

    fn want(&self) -> String {
        let ends = [self.0.start(), self.0.end()];
        let [least, most] = ends.map(|end| humantime::format_duration(*end));
        format!("a duration with its unit, from {least} to {most}")
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Duration> {
        match humantime::parse_duration(&scalar(&value)) {
            Ok(duration) if self.0.contains(&duration) => Some(duration),
            _ => {
                reader.problem(key, redact::value(&value), self.want());
                None
            }
        }
    }
}

pub(super) struct Numbers<T>(pub(super) RangeInclusive<T>);

impl<T: FromStr + PartialOrd + Display> Shape for Numbers<T> {
    type Value = T;

    fn want(&self) -> String {
        format!("a number from {} to {}", self.0.start(), self.0.end())
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<T> {
        match scalar(&value).parse() {
            Ok(number) if self.0.contains(&number) => Some(number),
            _ => {
                reader.problem(key, redact::value(&value), self.want());
                None
            }
        }
    }
}

/// A number of bytes.
pub(super) struct Size();

impl Shape for Size {
    type Value = u64;

    fn want(&self) -> String {
        "a size above 0, as in 10GiB or 500MB".to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<u64> {
        match scalar(&value).parse::<ByteSize>() {
            Ok(size) if size.as_u64() > 0 => Some(size.as_u64()),
            _ => {
                reader.problem(key, redact::value(&value), self.want());
                None
            }
        }
    }
}

/// One of several names, each with its meaning.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy> Shape for Choice<T> {
    type Value = T;

    fn want(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
        format!("one of {}", names.join(", "))
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<T> {
        let text = reader.text_like(key, value, &self.want())?;
        let choice = self.0.iter().find(|(name, _)| *name == text);
        if choice.is_none() {
            reader.problem(key, quoted(&text), self.want());
        }
        choice.map(|(_, choice)| *choice)
    }
}

/// Text, described in a few words.
pub(super) struct Text(pub(super) &'static str);

impl Shape for Text {
    type Value = String;

    fn want(&self) -> String {
        self.0.to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<String> {
        reader.text_like(key, value, self.0)
    }
}

/// Text that is not empty.
pub(super) struct Filled(pub(super) &'static str);

impl Shape for Filled {
    type Value = String;

    fn want(&self) -> String {
        self.0.to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<String> {
        let text = reader.text_like(key, value, self.0)?;
        if text.is_empty() {
            reader.problem(key, "empty text", self.0);
            return None;
        }
        Some(text)
    }
}

/// Text that messages never show, whatever value is in its place.
pub(super) struct Secret(pub(super) &'static str);

impl Shape for Secret {
    type Value = String;

    fn want(&self) -> String {
        self.0.to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<String> {
        let (got, want) = match value.kind {
            ValueKind::String(text) => return Some(text),
            ValueKind::Nil => ("nothing", self.0),
            ValueKind::Table(_) | ValueKind::Array(_) => (kind(&value), self.0),
            _ => ("a value that is not text (not shown)", "text in quotes"),
        };
        reader.problem(key, got, want);
        None
    }
}

pub(super) struct Switch();

impl Shape for Switch {
    type Value = bool;

    fn want(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<bool> {
        // A variable is always text.
        let from_variable = |text: &str| reader.is_from_variable(key).then(|| text.parse().ok());
        let boolean = match &value.kind {
            ValueKind::Boolean(boolean) => Some(*boolean),
            ValueKind::String(text) => from_variable(text).flatten(),
            _ => None,
        };
        if boolean.is_none() {
            reader.problem(key, redact::value(&value), self.want());
        }
        boolean
    }
}

/// A list of texts, with an example. A variable separates them by commas.
pub(super) struct List(pub(super) &'static str);

impl Shape for List {
    type Value = Vec<String>;

    fn want(&self) -> String {
        format!("a list, as in {}", self.0)
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<Vec<String>> {
        match value.kind {
            ValueKind::Array(items) => {
                let items = items.into_iter().enumerate();
                let texts = items
                    .filter_map(|(n, item)| reader.text_like(&format!("{key}[{n}]"), item, "text"));
                Some(texts.collect())
            }
            ValueKind::String(text) => {
                let items = text.split(',').map(str::trim);
                let texts = items.filter(|item| !item.is_empty());
                Some(texts.map(str::to_owned).collect())
            }
            _ => {
                let want = if reader.is_from_variable(key) {
                    let example = self.0.trim_matches(['[', ']']).replace(", ", ",");
                    format!("texts separated by commas, as in {example}")
                } else {
                    self.want()
                };
                reader.problem(key, redact::value(&value), want);
                None
            }
        }
    }
}

fn scalar(value: &Value) -> String {
    match &value.kind {
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => String::new(),
        _ => value.to_string(),
    }
}
