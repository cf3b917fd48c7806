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
