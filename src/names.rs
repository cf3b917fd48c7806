//! Escapes names that tenants choose, for a terminal, for SQL, or because their bytes are not UTF-8.

use std::fmt::Write as _;

/// Escapes control characters, invisible characters and bidirectional overrides for a terminal. Quotes and backslashes are
/// harmless there and stay unescaped.
pub(crate) fn escape_for_terminal(text: &str) -> String {
    text.escape_debug()
        .to_string()
        .replace("\\'", "'")
        .replace("\\\"", "\"")
        .replace("\\\\", "\\")
}

/// The same for the first characters of a text.
pub(crate) fn escape_start_for_terminal(text: &str, characters: usize) -> String {
    let start: String = text.chars().take(characters).collect();
    escape_for_terminal(&start)
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

/// Writes a byte that is not UTF-8 as `\xe9`, and the backslash of a name that contains such an escape as `\x5c`. So two
/// names never become the same: Prometheus refuses a page with two equal series, and a tenant could choose such names.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut name = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for (at, character) in chunk.valid().char_indices() {
            if is_escape(&chunk.valid().as_bytes()[at..]) {
                name.push_str("\\x5c");
            } else {
                name.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(name, "\\x{byte:02x}");
        }
    }
    name
}

/// The name that [`readable`] shows so. None: its bytes are not UTF-8, so that no statement in UTF-8 can name the object. A statement with
/// the readable form could name an object of another tenant.
pub(crate) fn exact(shown: &str) -> Option<String> {
    String::from_utf8(meant(shown)).ok()
}

/// Decodes a readable name to the original bytes.
fn meant(shown: &str) -> Vec<u8> {
    let (mut rest, mut bytes) = (shown.as_bytes(), Vec::new());
    while let [first, after @ ..] = rest {
        if is_escape(rest) {
            let digit = |at: usize| char::from(rest[at]).to_digit(16).unwrap_or_default();
            bytes.extend(u8::try_from(digit(2) * 16 + digit(3)));
            rest = &rest[4..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

fn is_escape(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(bytes, [b'\\', b'x', high, low, ..] if is_digit(high) && is_digit(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn names_in_another_encoding_stay_apart() {
        assert_eq!(readable("größe 🐘".as_bytes()), "größe 🐘");
        assert_eq!(readable(b"caf\xe9\xe8!"), "caf\\xe9\\xe8!");
        assert_eq!(readable(br"caf\xe9"), r"caf\x5cxe9");
        assert_eq!(readable(br"back\slash\x\xE9"), r"back\slash\x\xE9");
    }

    proptest! {
        #[test]
        fn a_readable_name_is_unambiguous(
            parts in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 1..4),
                Just(br"\x5c".to_vec()), Just(br"\xe9".to_vec()), Just(b"\\".to_vec()), Just(b"x5".to_vec()),
                Just("é".as_bytes().to_vec()),
            ], 0..8),
        ) {
            let name = parts.concat();
            prop_assert_eq!(meant(&readable(&name)), name.clone());
            prop_assert_eq!(exact(&readable(&name)), String::from_utf8(name).ok());
        }
    }
}
