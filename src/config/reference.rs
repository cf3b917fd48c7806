//! The tables of keys in `docs/configuration.md` and `docs/web.md`, from the definitions in `raw`.

use std::fmt::Write as _;

use super::dsn::PARAMETERS;
use super::env::PREFIX;
use super::keys::{Content, Key, Shape, path};

/// The keys of one table.
pub(super) struct Section {
    /// The path of the table, such as `servers.NAME`; empty for the top level.
    path: String,
    about: &'static str,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    path: String,
    values: String,
    default: Option<&'static str>,
    meaning: &'static str,
    is_table: bool,
    has_variable: bool,
}

impl Section {
    pub(super) fn new(path: &str, about: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            about,
            rows: Vec::new(),
        }
    }
}

impl Row {
    pub(super) fn new<S: Shape>(table: &str, key: &Key<S>, meaning: &'static str) -> Self {
        Self {
            path: path(table, key.name),
            values: key.want(),
            default: key.default,
            meaning,
            is_table: false,
            has_variable: key.shape.has_variable(),
        }
    }

    /// A table that is described in one row.
    pub(super) fn table(table: &str, name: &str, meaning: &'static str) -> Self {
        Self {
            path: path(table, name),
            values: "a table".to_owned(),
            default: None,
            meaning,
            is_table: true,
            has_variable: true,
        }
    }

    fn line(&self, with_variables: bool) -> String {
        let mut key = format!("`{}`", self.path);
        if with_variables && self.has_variable {
            let variable = self.path.to_uppercase().replace('.', "__");
            let below = if self.is_table { "__..." } else { "" };
            let _ = write!(key, "<br>`{PREFIX}{variable}{below}`");
            let mut others = PARAMETERS.into_iter().chain([("DATABASE_URL", "dsn")]);
            let other = others.find(|(_, name)| self.path == path("servers.NAME", name));
            if let Some((variable, _)) = other {
                let _ = write!(key, "<br>`{variable}`");
            }
        }
        let default = self
            .default
            .map_or("none".to_owned(), |default| format!("`{default}`"));
        let (meaning, values) = (self.meaning.trim(), &self.values);
        format!("| {key} | {default} | {meaning}<br>Value: {values} |\n")
    }
}

/// The tables of all keys, as Markdown.
pub(super) fn keys<T: Content>(with_variables: bool) -> String {
    let mut sections = Vec::new();
    T::sections("", &mut sections);
    let mut page = String::new();
    for section in sections.iter().filter(|section| !section.rows.is_empty()) {
        if !section.path.is_empty() {
            let _ = writeln!(page, "\n### `{}`", section.path);
        }
        if !section.about.is_empty() {
            let _ = writeln!(page, "\n{}", section.about.trim());
        }
        let first = if with_variables {
            "key and variable"
        } else {
            "key"
        };
        let _ = writeln!(page, "\n| {first} | default | meaning |\n|---|---|---|");
        page.extend(section.rows.iter().map(|row| row.line(with_variables)));
    }
    page
}
