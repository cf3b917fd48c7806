//! The text format of the exposition, version 0.0.4, for gauges and counters. The encoder of the `prometheus` crate needs an
//! owned string for every label name and value of every series; this one writes borrowed strings. A test compares the
//! output of both byte by byte.

use std::fmt::Write as _;

use crate::sample::Oid;

/// Writes the HELP and TYPE lines of a family.
pub(super) fn head(page: &mut String, name: &str, help: &str, kind: &str) {
    page.extend(["# HELP ", name, " "]);
    escape(page, help, false);
    page.extend(["\n# TYPE ", name, " ", kind, "\n"]);
}

/// Writes `name="value"`, without brace or comma.
pub(super) fn label(page: &mut String, name: &str, value: &str) {
    page.extend([name, "=\""]);
    escape(page, value, true);
    page.push('"');
}

/// Writes all labels of a database's statistics, with braces and the blank after them.
pub(super) fn labels_of_statistics(page: &mut String, server: &str, datid: Oid, datname: &str) {
    page.push('{');
    label(page, "server", server);
    write!(page, ",datid=\"{datid}\",").expect("writing to memory cannot fail");
    label(page, "datname", datname);
    page.push_str("} ");
}

/// Writes the shortest form without an exponent.
pub(super) fn number(page: &mut String, value: f64) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number below 2^53 is exact in both"
    )]
    let whole = value as i64;
    // Compares bits, because -0 is written with its sign.
    let exact = (whole as f64).to_bits() == value.to_bits() && whole.unsigned_abs() < 1 << 53;
    let written = if exact {
        write!(page, "{whole}")
    } else {
        write!(page, "{value}")
    };
    written.expect("writing to memory cannot fail");
}

fn escape(page: &mut String, text: &str, quotes: bool) {
    let special = |byte: u8| matches!(byte, b'\\' | b'\n') || quotes && byte == b'"';
    let mut rest = text;
    while let Some(at) = rest.bytes().position(special) {
        page.push_str(&rest[..at]);
        page.push_str(match rest.as_bytes()[at] {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    page.push_str(rest);
}
