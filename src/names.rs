//! Escapes names that tenants choose, for a terminal or for SQL.

/// Escapes control characters, invisible characters and bidirectional overrides for a terminal. Quotes and backslashes are
/// harmless there and stay unescaped.
pub(crate) fn escape_for_terminal(text: &str) -> String {
    text.escape_debug()
        .to_string()
        .replace("\\'", "'")
        .replace("\\\"", "\"")
        .replace("\\\\", "\\")
}

/// A quoted SQL identifier.
pub(crate) fn identifier(name: &str) -> String {
    postgres_protocol::escape::escape_identifier(name)
}

/// A quoted SQL identifier on one line, without invisible characters: for scripts that a person reads first. Needs
/// `standard_conforming_strings`, which is on by default.
pub(crate) fn identifier_on_one_line(name: &str) -> String {
    use std::fmt::Write as _;
    let is_plain = |c: char| matches!(c, '\'' | '"' | '\\') || c.escape_debug().eq([c]);
    if name.chars().all(is_plain) {
        return identifier(name);
    }
    let mut escaped = "U&\"".to_owned();
    for c in name.chars() {
        match c {
            '"' => escaped.push_str("\"\""),
            '\\' => escaped.push_str("\\\\"),
            c if is_plain(c) => escaped.push(c),
            c => drop(write!(escaped, "\\+{:06X}", u32::from(c))),
        }
    }
    escaped + "\""
}

/// A SQL string literal that is valid for both values of `standard_conforming_strings`.
pub(crate) fn literal(text: &str) -> String {
    let escaped = postgres_protocol::escape::escape_literal(text);
    escaped.trim().to_owned() // it starts with a blank if it is an E'' literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_name_are_escaped_in_sql() {
        assert_eq!(identifier("a\"; DROP"), "\"a\"\"; DROP\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'"), r"E'\\'''");
    }

    #[test]
    fn an_identifier_on_one_line_has_no_invisible_character() {
        assert_eq!(identifier_on_one_line("größe\\\""), "\"größe\\\"\"\"");
        let name = "a\n\"\\\u{202e}";
        let escaped = r#"U&"a\+00000A""\\\+00202E""#;
        assert_eq!(identifier_on_one_line(name), escaped);
    }

    #[test]
    fn characters_that_change_a_terminal_are_escaped() {
        for (text, shown) in [
            ("größe 🐘 ไทย", "größe 🐘 ไทย"),
            (r#"it's "a\b\'c\\"#, r#"it's "a\b\'c\\"#),
            ("\u{1b}[2J\u{7}\r\n\t\u{7f}", r"\u{1b}[2J\u{7}\r\n\t\u{7f}"),
            ("\u{9b}31m", r"\u{9b}31m"),
            (
                "\u{202e}nimda\u{200b}\u{2028}",
                r"\u{202e}nimda\u{200b}\u{2028}",
            ),
        ] {
            assert_eq!(escape_for_terminal(text), shown);
        }
    }
}
