//! Writes HTML. Text is escaped here and nowhere else.

use std::fmt::{self, Display, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A page that is written.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup, without any name.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text between tags, or an attribute between double quotes.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        write!(Escaped(&mut self.0), "{text}").expect("writing to memory cannot fail");
        self
    }

    /// A whole element without attributes.
    pub(super) fn element(&mut self, name: &str, text: impl Display) -> &mut Self {
        self.open(name).text(text).close(name)
    }

    pub(super) fn open(&mut self, name: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">")
    }

    pub(super) fn close(&mut self, name: &str) -> &mut Self {
        self.raw("</").raw(name).raw(">")
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // A name cannot turn the direction of what follows, and an invisible character cannot hide in it.
                other if is_invisible(other) => write!(self.0, "{}", other.escape_unicode())?,
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// Control characters, and characters of format that are no part of an emoji or of a script.
fn is_invisible(character: char) -> bool {
    match character {
        '\u{200c}' | '\u{200d}' => false, // joiners
        '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => true,
        other => other.is_control() && other != '\n',
    }
}

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// One segment of a path. A point is encoded too: browsers would resolve a segment `..`.
pub(super) fn segment(name: &str) -> impl Display + '_ {
    utf8_percent_encode(name, SEGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_cannot_turn_the_direction() {
        let mut html = Html::default();
        html.text("<script>alert(1)</script>\"'&\u{202e}\u{7}👩‍🚀\n");
        let expected =
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\u{202e}\\u{7}👩\u{200d}🚀\n";
        assert_eq!(html.finish(), expected);
    }

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(segment("a/b?c#d").to_string(), "a%2Fb%3Fc%23d");
        // Browsers resolve %2e%2e as well, so the pages of these two names cannot be linked.
        assert_eq!(segment("..").to_string(), "%2E%2E");
    }
}
