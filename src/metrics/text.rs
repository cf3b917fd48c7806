//! The text format of the exposition, version 0.0.4, for gauges and counters. The library's own encoder wants every name
//! and value of a label as a string of its own, for every series of every page; this one writes what is borrowed. A test
//! holds the two against each other, byte for byte.

use std::fmt::Write as _;

use crate::sample::Oid;

/// Writes into `page` what no reader mistakes for the end of a help text.
pub(super) fn head(page: &mut String, name: &str, help: &str, kind: &str) {
    page.extend(["# HELP ", name, " "]);
    escape(page, help, false);
    page.extend(["\n# TYPE ", name, " ", kind, "\n"]);
}

/// ` name="value"`, without what stands before the first or between two.
pub(super) fn label(page: &mut String, name: &str, value: &str) {
    page.extend([name, "=\""]);
    escape(page, value, true);
    page.push('"');
}

/// All labels of a database's statistics, and what stands between them and a value.
pub(super) fn labels_of_statistics(page: &mut String, server: &str, datid: Oid, datname: &str) {
    page.push('{');
    label(page, "server", server);
    write!(page, ",datid=\"{datid}\",").expect("writing to memory cannot fail");
    label(page, "datname", datname);
    page.push_str("} ");
}

/// As short as it can be said, without an exponent.
pub(super) fn number(page: &mut String, value: f64) {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number below 2^53 is exact in both"
    )]
    let whole = value as i64;
    // Bit by bit, for -0 is written with its sign.
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
