//! The landing page: version, links, and whether each server is up. It shows nothing confidential.

use std::fmt::Write as _;

use crate::state::{Server, State};

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>pgcommons</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
table { border-collapse: collapse; margin: 1.5rem 0; width: 100%; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #ddd; }
.down { color: #b00020; font-weight: 600; }
a { color: #0b57d0; }
</style>
";

pub(super) fn landing(state: &State, metrics_path: &str) -> String {
    let metrics = escaped(metrics_path);
    let mut page = HEAD.to_owned();
    let _ = write!(
        page,
        "<h1>pgcommons</h1>\n<p>Version {}, revision {}</p>\n\
         <table>\n<tr><th>Server</th><th>Status</th><th>Metrics</th></tr>\n",
        escaped(crate::build_info::VERSION),
        escaped(crate::build_info::REVISION)
    );
    for server in &state.servers {
        row(&mut page, server, &metrics);
    }
    let _ = write!(
        page,
        "</table>\n<p><a href=\"{metrics}\">All metrics</a> · <a href=\"/-/ready\">Ready</a> · \
         <a href=\"/-/healthy\">Healthy</a></p>\n</html>\n",
    );
    page
}

fn row(page: &mut String, server: &Server, metrics: &str) {
    let status = match &server.status {
        Ok(snapshot) => format!("<td>up, PostgreSQL {}</td>", snapshot.info.short_version()),
        Err(down) => format!("<td class=\"down\">down: {}</td>", down.label()),
    };
    let query: String = form_urlencoded::byte_serialize(server.name.as_bytes()).collect();
    let _ = writeln!(
        page,
        "<tr><td>{}</td>{status}<td><a href=\"{metrics}?server={query}\">metrics</a></td></tr>",
        escaped(&server.name)
    );
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}
