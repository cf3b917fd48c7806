//! The queries of the dashboards.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::prometheus::text;

/// One query, with its variables replaced.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// Dashboard, panel and letter.
    pub(crate) place: String,
    pub(crate) expression: String,
    pub(crate) is_instant: bool,
}

/// A variable: a label, and the selector of the series that have it.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) place: String,
    pub(crate) label: String,
    pub(crate) selector: String,
}

pub(crate) struct Boards {
    pub(crate) queries: Vec<Query>,
    pub(crate) variables: Vec<Variable>,
}

/// Reads every file in `dashboards`, with all servers and databases selected.
pub(crate) fn read() -> Boards {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let mut boards = Boards {
        queries: Vec::new(),
        variables: Vec::new(),
    };
    for file in fs::read_dir(folder).expect("dashboards") {
        let file = file.expect("a file").path();
        let board: Value =
            serde_json::from_slice(&fs::read(&file).expect("a board")).expect("JSON");
        let name = file.file_stem().expect("a name").to_string_lossy();
        boards.queries.extend(panels(&board, &name));
        boards.queries.extend(annotations(&board, &name));
        boards.variables.extend(variables(&board, &name));
    }
    assert!(boards.queries.len() > 80, "only {}", boards.queries.len());
    boards
}

fn list<'a>(value: &'a Value, what: &str) -> impl Iterator<Item = &'a Value> {
    value[what].as_array().into_iter().flatten()
}

fn panels<'a>(board: &'a Value, name: &'a str) -> impl Iterator<Item = Query> + 'a {
    list(board, "panels").flat_map(move |panel| {
        list(panel, "targets").map(move |target| Query {
            place: format!(
                "{name}: {} ({})",
                text(&panel["title"]),
                text(&target["refId"])
            ),
            expression: interpolated(text(&target["expr"])),
            is_instant: target["instant"] == true,
        })
    })
}

/// The annotations that query Prometheus.
fn annotations<'a>(board: &'a Value, name: &'a str) -> impl Iterator<Item = Query> + 'a {
    let all = list(&board["annotations"], "list");
    let ours = all.filter(|annotation| annotation["expr"].is_string());
    ours.map(move |annotation| Query {
        place: format!("{name}: {}", text(&annotation["name"])),
        expression: interpolated(text(&annotation["expr"])),
        is_instant: false,
    })
}

fn variables<'a>(board: &'a Value, name: &'a str) -> impl Iterator<Item = Variable> + 'a {
    let all = list(&board["templating"], "list");
    let asked = all.filter(|variable| variable["type"] == "query");
    asked.map(move |variable| {
        let query = query_text(&variable["query"]);
        let (selector, label) = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(','))
            .unwrap_or_else(|| panic!("{name}: {query}"));
        Variable {
            place: format!("{name}: ${}", text(&variable["name"])),
            label: label.trim().to_owned(),
            selector: interpolated(selector),
        }
    })
}

/// Newer dashboards store the query as an object.
fn query_text(query: &Value) -> &str {
    text(if query.is_string() {
        query
    } else {
        &query["query"]
    })
}

/// Replaces variables almost like Grafana does, with "All" selected and a short range.
fn interpolated(expression: &str) -> String {
    expression
        .replace("=\"$server\"", "=~\".+\"")
        .replace("=\"$datname\"", "=~\".+\"")
        .replace("$server", ".+")
        .replace("$datname", ".+")
        .replace("$__rate_interval", "1m")
        .replace("$__range", "5m")
}
