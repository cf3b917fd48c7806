//! What is wrong with a text as YAML, told before anything is made of it: the parser behind `config` copies whatever an
//! alias stands for, and goes a step down the stack with each level. Its words show nothing of the text.

use std::collections::HashMap;

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;

/// No configuration is that deep.
const DEEPEST: usize = 64;

/// What all aliases of a text may stand for together, in keys and values. Ten lines can stand for thousands of millions.
const MOST_COPIED: usize = 100_000;

/// What there is in a value.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    /// Keys and values, with all in them.
    nodes: usize,
    /// Tables and lists in each other.
    depth: usize,
}

/// A table or list that has not ended.
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

/// What is wrong with it, on one line.
pub(super) fn scan(text: &str) -> Result<(), String> {
    let mut parser = Parser::new_from_str(text);
    let mut scan = Scan::default();
    loop {
        let next = parser.next_token().map_err(|error| error.to_string());
        let (event, place) = next?;
        if event == Event::StreamEnd {
            return Ok(());
        }
        scan.meet(&event)
            .map_err(|what| format!("line {} {what}", place.line()))?;
    }
}

impl Scan {
    fn meet(&mut self, event: &Event) -> Result<(), String> {
        match *event {
            Event::MappingStart(anchor, _) | Event::SequenceStart(anchor, _) => {
                let extent = Extent { nodes: 1, depth: 1 };
                self.open.push(Open { anchor, extent });
                self.check_depth(0)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(ended) = self.open.pop() {
                    self.put(ended.anchor, ended.extent);
                }
                Ok(())
            }
            Event::Scalar(_, _, anchor, _) => {
                self.put(anchor, Extent { nodes: 1, depth: 0 });
                Ok(())
            }
            Event::Alias(anchor) => self.copy(anchor),
            _ => Ok(()),
        }
    }

    fn copy(&mut self, anchor: usize) -> Result<(), String> {
        // One that is not known stands for nothing.
        let extent = self.anchored.get(&anchor).copied().unwrap_or_default();
        self.copied = self.copied.saturating_add(extent.nodes);
        if self.copied > MOST_COPIED {
            return Err(format!(
                "has one alias too many: together they stand for more than {MOST_COPIED} keys and values"
            ));
        }
        self.check_depth(extent.depth)?;
        self.put(0, extent);
        Ok(())
    }

    fn check_depth(&self, further: usize) -> Result<(), String> {
        if self.open.len() + further > DEEPEST {
            return Err(format!("lies more than {DEEPEST} tables or lists deep"));
        }
        Ok(())
    }

    /// A value is complete: what it is in has grown by it.
    fn put(&mut self, anchor: usize, extent: Extent) {
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
    use super::scan;

    /// Each level holds two of the one before: 2^levels values.
    fn doubling(levels: u32) -> String {
        let level = |n: u32| format!("l{n}: &l{n} [*l{0}, *l{0}]\n", n - 1);
        let levels: String = (1..=levels).map(level).collect();
        format!("l0: &l0 [x]\n{levels}")
    }

    /// Each level holds the one before: as deep as there are levels.
    fn deepening(levels: u32) -> String {
        let level = |n: u32| format!("l{n}: &l{n} [*l{}]\n", n - 1);
        let levels: String = (1..=levels).map(level).collect();
        format!("l0: &l0 [x]\n{levels}")
    }

    #[test]
    fn aliases_stand_for_no_more_than_anybody_needs() {
        assert_eq!(scan("a: &ca /ca.pem\nb: [*ca, *ca]\nc: {d: *ca}"), Ok(()));
        assert_eq!(scan(&doubling(10)), Ok(()));
        let refused = scan(&doubling(40)).expect_err("a million million values");
        assert_eq!(
            refused,
            "line 16 has one alias too many: together they stand for more than 100000 keys and values"
        );
    }

    #[test]
    fn no_text_is_deeper_than_it_looks() {
        assert_eq!(scan(&deepening(60)), Ok(()));
        let refused = scan(&deepening(10_000)).expect_err("ten thousand deep");
        assert_eq!(refused, "line 64 lies more than 64 tables or lists deep");
        assert_eq!(scan("a: &a [*a]"), Ok(()), "stands for nothing in itself");
    }
}
