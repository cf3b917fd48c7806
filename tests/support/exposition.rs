//! A strict parser of the Prometheus text format.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels
            .iter()
            .all(|(name, value)| self.label(name) == Some(*value))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Scrape {
    text: String,
    samples: Vec<Sample>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    /// Panics on what Prometheus refuses: malformed lines, duplicate series, duplicate types.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "the last line has no end"
        );
        let mut types = BTreeMap::new();
        let mut samples = Vec::new();
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                if let Some((name, kind)) = parse_type(comment) {
                    let before = types.insert(name.to_owned(), kind.to_owned());
                    assert_eq!(before, None, "second type: {line}");
                }
                continue;
            }
            let sample = parse_sample(line).unwrap_or_else(|| panic!("malformed: {line}"));
            let series = (sample.name.clone(), sample.labels.clone());
            assert!(seen.insert(series), "series given twice: {line}");
            samples.push(sample);
        }
        Self {
            text: text.to_owned(),
            samples,
            types,
        }
    }

    /// The unparsed page.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.samples.iter().map(|s| s.name.as_str()).collect()
    }

    /// `gauge`, `counter`, ...
    pub(crate) fn type_of(&self, name: &str) -> Option<&str> {
        self.types.get(name).map(String::as_str)
    }

    pub(crate) fn series(&self, name: &str) -> Vec<Sample> {
        self.matching(name, &[]).cloned().collect()
    }

    /// The value of the one series with at least these labels; panics if there are several.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<&Sample> = self.matching(name, labels).collect();
        assert!(found.len() < 2, "{name} {labels:?} is not one: {found:#?}");
        found.first().map(|sample| sample.value)
    }

    /// The sum of the series with at least these labels; 0 if there is none.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        // Not `sum()`, whose empty sum is -0.
        self.matching(name, labels)
            .fold(0.0, |sum, sample| sum + sample.value)
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.name == name && sample.has(labels))
    }
}

fn parse_type(comment: &str) -> Option<(&str, &str)> {
    comment.trim_start().strip_prefix("TYPE ")?.split_once(' ')
}

fn parse_sample(line: &str) -> Option<Sample> {
    let (name, rest) = split_name(line, true)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let mut fields = rest.strip_prefix(' ')?.split_whitespace();
    let value = fields.next()?.parse().ok()?;
    let timestamp = fields.next().map(str::parse::<i64>);
    let is_whole = timestamp.is_none_or(|stamp| stamp.is_ok()) && fields.next().is_none();
    is_whole.then(|| Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// The name of a metric may contain colons, that of a label may not.
fn split_name(text: &str, is_metric: bool) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (is_metric && c == ':');
    let (name, rest) = text.split_at(text.find(|c| !is_part(c))?);
    let is_valid = name.starts_with(|c: char| !c.is_ascii_digit());
    is_valid.then_some((name, rest))
}

/// Parses the text after the opening brace. Returns the labels, and the text after the closing brace.
fn parse_labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, after) = split_name(rest, false)?;
        let (value, after) = parse_quoted(after.strip_prefix("=\"")?)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        rest = match after.strip_prefix(',') {
            Some(after) => after,
            None if after.starts_with('}') => after,
            None => return None,
        };
    }
}

/// Parses the text after the opening quote. Returns the value, and the text after the closing quote.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            plain => value.push(plain),
        }
    }
}
