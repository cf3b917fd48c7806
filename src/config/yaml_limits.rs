//! Reads YAML text as events and limits its depth and its alias expansion: the reader of the events copies what an alias refers
//! to, and nested values could overflow the stack. Messages show nothing of the text.

use std::collections::HashMap;

use yaml_rust2::Event;
use yaml_rust2::ScanError;
use yaml_rust2::parser::Parser;

/// No configuration is nested deeper.
const MAX_DEPTH: usize = 64;

/// Maximum number of keys and values that all aliases of a text expand to. Ten lines can expand to thousands of millions.
const MAX_EXPANDED: usize = 100_000;

/// The size of a value.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    /// Number of keys and values, nested ones included.
    nodes: usize,
    /// Levels of nested tables and lists.
    depth: usize,
}

/// A table or list whose end is not parsed yet.
struct Open {
    anchor: usize,
    extent: Extent,
}

#[derive(Default)]
struct Scan {
    open: Vec<Open>,
    anchored: HashMap<usize, Extent>,
    copied: usize,
}

/// Calls `on_event` with each event and its line, once the event is within the limits. An error is one line.
pub(super) fn events(
    text: &str,
    mut on_event: impl FnMut(Event, usize) -> Result<(), &'static str>,
) -> Result<(), String> {
    let mut parser = Parser::new_from_str(text);
    let mut scan = Scan::default();
    loop {
        let next = parser.next_token().map_err(|error| explained(&error));
        let (event, place) = next?;
        if event == Event::StreamEnd {
            return Ok(());
        }
        let line = place.line();
        let in_line = |what: &str| format!("line {line} {what}");
        scan.on_event(&event).map_err(|what| in_line(&what))?;
        on_event(event, line).map_err(in_line)?;
    }
}

/// Parts of the parser's messages, each with what would be right.
const HINTS: [(&str, &str); 7] = [
    ("simple key", "want a colon and a blank after each key"),
    (
        "mapping values",
        "want a blank after the colon of a key, and quotes around a value with a colon",
    ),
    (
        "unexpected character",
        "want quotes around a value that begins with this character",
    ),
    (
        "unknown anchor",
        "want quotes around a value that begins with *",
    ),
    ("tabs disallowed", "want blanks in place of tabs"),
    (
        "expected key",
        "want the keys of a table in the same column, and no bracket too many",
    ),
    ("document start", "want key: value"),
];

/// The message of the parser, with its line and column, and what would be right.
fn explained(error: &ScanError) -> String {
    let message = error.to_string();
    let hint = HINTS.iter().find(|(part, _)| message.contains(part));
    hint.map_or_else(|| message.clone(), |(_, hint)| format!("{message}, {hint}"))
}

impl Scan {
    fn on_event(&mut self, event: &Event) -> Result<(), String> {
        match *event {
            Event::MappingStart(anchor, _) | Event::SequenceStart(anchor, _) => {
                let extent = Extent { nodes: 1, depth: 1 };
                self.open.push(Open { anchor, extent });
                self.check_depth(0)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(ended) = self.open.pop() {
                    self.add(ended.anchor, ended.extent);
                }
                Ok(())
            }
            Event::Scalar(_, _, anchor, _) => {
                self.add(anchor, Extent { nodes: 1, depth: 0 });
                Ok(())
            }
            Event::Alias(anchor) => self.copy(anchor),
            _ => Ok(()),
        }
    }

    fn copy(&mut self, anchor: usize) -> Result<(), String> {
        // An alias inside its own anchor expands to nothing.
        let extent = self.anchored.get(&anchor).copied().unwrap_or_default();
        self.copied = self.copied.saturating_add(extent.nodes);
        if self.copied > MAX_EXPANDED {
            return Err(format!(
                "has too many aliases: together they expand to more than {MAX_EXPANDED} keys and values"
            ));
        }
        self.check_depth(extent.depth)?;
        self.add(0, extent);
        Ok(())
    }

    fn check_depth(&self, further: usize) -> Result<(), String> {
        if self.open.len() + further > MAX_DEPTH {
            return Err(format!(
                "is nested more than {MAX_DEPTH} tables or lists deep"
            ));
        }
        Ok(())
    }

    /// Adds the size of a complete value to the table or list that contains it.
    fn add(&mut self, anchor: usize, extent: Extent) {
        if anchor > 0 {
            self.anchored.insert(anchor, extent);
        }
        if let Some(around) = self.open.last_mut() {
            around.extent.nodes = around.extent.nodes.saturating_add(extent.nodes);
            around.extent.depth = around.extent.depth.max(extent.depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::events;

    fn check(text: &str) -> Result<(), String> {
        events(text, |_, _| Ok(()))
    }

    /// Each level refers to the previous one twice: 2^levels values.
    fn doubling(levels: u32) -> String {
        let level = |n: u32| format!("l{n}: &l{n} [*l{0}, *l{0}]\n", n - 1);
        let levels: String = (1..=levels).map(level).collect();
        format!("l0: &l0 [x]\n{levels}")
    }

    /// Each level contains the previous one: the depth is the number of levels.
    fn deepening(levels: u32) -> String {
        let level = |n: u32| format!("l{n}: &l{n} [*l{}]\n", n - 1);
        let levels: String = (1..=levels).map(level).collect();
        format!("l0: &l0 [x]\n{levels}")
    }

    #[test]
    fn aliases_expand_to_a_limited_number_of_values() {
        assert_eq!(check("a: &ca /ca.pem\nb: [*ca, *ca]\nc: {d: *ca}"), Ok(()));
        assert_eq!(check(&doubling(10)), Ok(()));
        let refused = check(&doubling(40)).expect_err("a million million values");
        assert_eq!(
            refused,
            "line 16 has too many aliases: together they expand to more than 100000 keys and values"
        );
    }

    #[test]
    fn the_depth_includes_aliases() {
        assert_eq!(check(&deepening(60)), Ok(()));
        let refused = check(&deepening(10_000)).expect_err("ten thousand deep");
        assert_eq!(
            refused,
            "line 64 is nested more than 64 tables or lists deep"
        );
        assert_eq!(
            check("a: &a [*a]"),
            Ok(()),
            "an alias inside its own anchor"
        );
    }
}
