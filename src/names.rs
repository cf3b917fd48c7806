//! Names that tenants choose, escaped for where they go: a terminal, or SQL.

/// A name may hold newlines, escape sequences, and characters that are not seen or turn the line around: none of these must
/// reach a terminal. What Rust escapes beside them is harmless, and is left as it was.
pub(crate) fn plain(text: &str) -> String {
    text.escape_debug()
        .to_string()
        .replace("\\'", "'")
        .replace("\\\"", "\"")
        .replace("\\\\", "\\")
}

/// As an identifier of SQL, in quotes.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// As a string constant of SQL, whatever `standard_conforming_strings` is.
pub(crate) fn literal(text: &str) -> String {
    let escaped = postgres_protocol::escape::escape_literal(text);
    escaped.trim().to_owned() // it begins with a blank where it begins with E
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_quote_ends_a_name_in_sql() {
        assert_eq!(identifier("a\"; DROP"), "\"a\"\"; DROP\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'"), r"E'\\'''");
    }

    #[test]
    fn what_could_move_the_cursor_is_spelt_out() {
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
            assert_eq!(plain(text), shown);
        }
    }
}
