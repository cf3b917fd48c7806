//! Parses YAML into a table of values. Keys keep their text: a database may be named `0123`, `1e3` or `null`, which a YAML
//! loader would convert. No message shows a value.

use std::collections::HashMap;

use config::{Value, ValueKind};
use yaml_rust2::parser::Tag;
use yaml_rust2::scanner::TScalarStyle;
use yaml_rust2::{Event, Yaml};

use super::env::Table;
use super::problem::Problem;
use super::redact;
use super::yaml_limits;

/// A parsed file, before variables and flags override its keys.
#[derive(Default)]
pub(super) struct Document {
    pub(super) table: Table,
    /// Duplicate keys.
    pub(super) repeated: Vec<Problem>,
    /// What was found about the file itself.
    pub(super) warnings: Vec<Problem>,
}

/// A complete value; a scalar also has its source text.
#[derive(Clone)]
struct Node {
    value: Value,
    text: Option<String>,
}

/// A key and the line that it stands in.
#[derive(Clone)]
struct Key {
    text: String,
    line: usize,
}

/// A table or list whose end is not parsed yet.
enum Open {
    List(usize, Vec<Value>),
    Table(usize, OpenTable),
}

#[derive(Default)]
struct OpenTable {
    values: Table,
    lines: HashMap<String, usize>,
    key: Option<Key>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchored: HashMap<usize, Node>,
    documents: usize,
    root: Option<Value>,
    repeated: Vec<Problem>,
}

/// The parsed table, or an error message of one line.
pub(super) fn parse(text: &str) -> Result<Document, String> {
    let mut builder = Builder::default();
    yaml_limits::events(text, |event, line| builder.on_event(event, line))?;
    builder.document()
}

impl Builder {
    fn document(self) -> Result<Document, String> {
        let table = match self.root.map(|root| root.kind) {
            None | Some(ValueKind::Nil) => Table::new(),
            Some(ValueKind::Table(table)) => table,
            Some(_) => return Err("got no keys, want a table of keys".to_owned()),
        };
        Ok(Document {
            table,
            repeated: self.repeated,
            warnings: Vec::new(),
        })
    }

    fn on_event(&mut self, event: Event, line: usize) -> Result<(), &'static str> {
        match event {
            Event::DocumentStart => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("begins a second document, want only one");
                }
            }
            Event::MappingStart(anchor, _) => {
                self.open.push(Open::Table(anchor, OpenTable::default()));
            }
            Event::SequenceStart(anchor, _) => self.open.push(Open::List(anchor, Vec::new())),
            Event::MappingEnd | Event::SequenceEnd => return self.close(line),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_ref());
                let text = Some(text);
                return self.add(anchor, Node { value, text }, line);
            }
            Event::Alias(anchor) => {
                // A list or table that contains itself is not complete: the alias becomes nothing.
                let nothing = || Node {
                    value: Value::new(None, ValueKind::Nil),
                    text: None,
                };
                let node = self.anchored.get(&anchor).cloned();
                return self.add(0, node.unwrap_or_else(nothing), line);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, line: usize) -> Result<(), &'static str> {
        let (anchor, kind) = match self.open.pop() {
            Some(Open::List(anchor, values)) => (anchor, ValueKind::Array(values)),
            Some(Open::Table(anchor, table)) => (anchor, ValueKind::Table(table.values)),
            None => return Ok(()),
        };
        let value = Value::new(None, kind);
        self.add(anchor, Node { value, text: None }, line)
    }

    /// Adds a complete node to the open table or list, as a key or a value.
    fn add(&mut self, anchor: usize, node: Node, line: usize) -> Result<(), &'static str> {
        if anchor > 0 {
            self.anchored.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node.value),
            Some(Open::List(_, values)) => values.push(node.value),
            Some(Open::Table(_, table)) => match table.key.take() {
                None => {
                    let text = node.text.ok_or("has a table or a list in place of a key")?;
                    table.key = Some(Key { text, line });
                }
                Some(key) => {
                    let repeated = table.insert(key, node.value);
                    self.repeated
                        .extend(repeated.map(|repeated| self.problem(&repeated)));
                }
            },
        }
        Ok(())
    }

    fn problem(&self, repeated: &Repeated) -> Problem {
        let above = self.open.iter().filter_map(|open| match open {
            Open::Table(_, table) => table.key.as_ref().map(|key| key.text.as_str()),
            Open::List(..) => None,
        });
        let path: Vec<_> = above.chain([repeated.key.as_str()]).collect();
        let [first, again] = repeated.lines;
        Problem {
            key: redact::key(&path.join(".")).to_owned(),
            got: format!("the key in line {first} and again in line {again}"),
            want: "it only once".to_owned(),
        }
    }
}

struct Repeated {
    key: String,
    lines: [usize; 2],
}

impl OpenTable {
    /// Returns the key if it is a duplicate.
    fn insert(&mut self, key: Key, value: Value) -> Option<Repeated> {
        let shown = redact::unknown_key(&key.text, &value).to_owned();
        let before = self.lines.insert(key.text.clone(), key.line);
        self.values.insert(key.text, value);
        before.map(|before| Repeated {
            key: shown,
            lines: [before, key.line],
        })
    }
}

/// An unquoted scalar may be a number, a boolean or nothing; one in quotes or with a custom tag is text.
fn scalar(text: &str, style: TScalarStyle, tag: Option<&Tag>) -> Value {
    let is_core = |tag: &Tag| tag.handle == "tag:yaml.org,2002:" && tag.suffix != "str";
    if style != TScalarStyle::Plain || !tag.is_none_or(is_core) {
        return Value::from(text);
    }
    plain(text)
}

/// The value of an unquoted scalar.
pub(super) fn plain(text: &str) -> Value {
    let kind = match Yaml::from_str(text) {
        Yaml::Null => ValueKind::Nil,
        Yaml::Boolean(boolean) => ValueKind::Boolean(boolean),
        Yaml::Integer(number) => ValueKind::I64(number),
        Yaml::Real(number) => number
            .parse()
            .map_or_else(|_| ValueKind::String(number), ValueKind::Float),
        _ => ValueKind::String(text.to_owned()),
    };
    Value::new(None, kind)
}
