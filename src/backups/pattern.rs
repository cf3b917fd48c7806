//! Patterns of file names: `pg-dump-{database}-{unixtime}.dmp`. They match bytes, because names can have any, and in bounded time.

use super::timestamp::{NamedTime, timestamps, unix_times};

/// A pattern without `/` matches the name of a file in any folder; one with `/` matches the whole path below the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(Vec<u8>),
    /// `*`: any bytes but `/`, or none.
    Any,
    /// At least one byte, none of them `/`.
    Database,
    Timestamp,
    UnixTime,
    /// Nothing, or a suffix of compression, and of encryption.
    Compression,
    /// The usual suffix of a dump, and `Compression`.
    Extension,
}

const PLACEHOLDERS: [(&str, Token); 5] = [
    ("{database}", Token::Database),
    ("{timestamp}", Token::Timestamp),
    ("{unixtime}", Token::UnixTime),
    ("{compression}", Token::Compression),
    ("{extension}", Token::Extension),
];

/// What a name says about a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) database: Option<Vec<u8>>,
    pub(super) time: Option<NamedTime>,
}

const COMPRESSED: [&[u8]; 6] = [b".gz", b".zst", b".xz", b".lz4", b".bz2", b""];
const ENCRYPTED: [&[u8]; 5] = [b".age", b".gpg", b".pgp", b".enc", b""];
const EXTENSIONS: [&[u8]; 8] = [
    b".sql", b".dump", b".dmp", b".tar", b".pgdump", b".backup", b".custom", b".psql",
];

/// The most bytes of a pattern. The time of a match grows with it.
const MAX_LENGTH: usize = 255;

impl Pattern {
    /// None: the pattern has an unknown placeholder, two databases or times, or is empty or too long.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let placeholder = PLACEHOLDERS.iter().find(|(name, _)| rest.starts_with(name));
            if let Some((name, token)) = placeholder {
                tokens.push(token.clone());
                rest = &rest[name.len()..];
                continue;
            }
            match first {
                '{' | '}' => return None,
                '*' => tokens.push(Token::Any),
                _ => literal(&mut tokens, first),
            }
            rest = &rest[first.len_utf8()..];
        }
        let count = |kinds: &[Token]| tokens.iter().filter(|token| kinds.contains(token)).count();
        let is_clear = count(&[Token::Database]) <= 1
            && count(&[Token::Timestamp, Token::UnixTime]) <= 1
            && !text.starts_with('/');
        (is_clear && !tokens.is_empty() && text.len() <= MAX_LENGTH).then(|| Self {
            text: text.to_owned(),
            tokens,
        })
    }

    /// `path` is relative to the directory of the backups.
    pub(super) fn matches(&self, path: &[u8]) -> Option<Named> {
        let start = if self.text.contains('/') {
            0
        } else {
            path.iter()
                .rposition(|byte| *byte == b'/')
                .map_or(0, |at| at + 1)
        };
        let name = &path[start..];
        let mut attempt = Attempt {
            tokens: &self.tokens,
            name,
            failed: vec![false; (self.tokens.len() + 1) * (name.len() + 1)],
            named: Named::default(),
        };
        attempt.from(0, 0).then_some(attempt.named)
    }
}

fn literal(tokens: &mut Vec<Token>, character: char) {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    match tokens.last_mut() {
        Some(Token::Literal(text)) => text.extend_from_slice(bytes),
        _ => tokens.push(Token::Literal(bytes.to_vec())),
    }
}

/// One match with backtracking. Remembers which pairs of token and position have failed, so that no name takes long.
struct Attempt<'a> {
    tokens: &'a [Token],
    name: &'a [u8],
    failed: Vec<bool>,
    named: Named,
}

impl Attempt<'_> {
    fn from(&mut self, token: usize, at: usize) -> bool {
        let Some(kind) = self.tokens.get(token) else {
            return at == self.name.len();
        };
        let cell = token * (self.name.len() + 1) + at;
        if self.failed[cell] {
            return false;
        }
        let matched = self.token(kind, token, at);
        self.failed[cell] = !matched;
        matched
    }

    fn token(&mut self, kind: &Token, token: usize, at: usize) -> bool {
        let rest = &self.name[at..];
        let segment = rest
            .iter()
            .position(|byte| *byte == b'/')
            .unwrap_or(rest.len());
        match kind {
            Token::Literal(text) => rest.starts_with(text) && self.from(token + 1, at + text.len()),
            Token::Any => (0..=segment)
                .rev()
                .any(|length| self.from(token + 1, at + length)),
            Token::Database => {
                let length = (1..=segment)
                    .rev()
                    .find(|length| self.from(token + 1, at + length));
                self.named.database = length.map(|length| rest[..length].to_vec());
                length.is_some()
            }
            Token::Timestamp => self.time(timestamps(rest), token, at),
            Token::UnixTime => self.time(unix_times(rest), token, at),
            Token::Compression => self.suffix(&[b""], token, at),
            Token::Extension => self.suffix(&EXTENSIONS, token, at),
        }
    }

    fn time(&mut self, times: Vec<(usize, NamedTime)>, token: usize, at: usize) -> bool {
        let found = times
            .into_iter()
            .find(|(length, _)| self.from(token + 1, at + length));
        self.named.time = found.map(|(_, time)| time);
        found.is_some()
    }

    fn suffix(&mut self, first: &[&[u8]], token: usize, at: usize) -> bool {
        let after = |at: usize, suffix: &&[u8]| {
            let starts = self.name[at..].starts_with(suffix);
            starts.then_some(at + suffix.len())
        };
        let ends: Vec<usize> = first
            .iter()
            .filter_map(|suffix| after(at, suffix))
            .flat_map(|at| {
                COMPRESSED
                    .iter()
                    .filter_map(move |suffix| after(at, suffix))
            })
            .flat_map(|at| ENCRYPTED.iter().filter_map(move |suffix| after(at, suffix)))
            .collect();
        ends.into_iter().any(|at| self.from(token + 1, at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn database(pattern: &str, path: &str) -> Option<String> {
        let pattern = Pattern::parse(pattern).expect("a good pattern");
        let named = pattern.matches(path.as_bytes())?;
        Some(String::from_utf8(named.database.unwrap_or_default()).expect("UTF-8"))
    }

    #[test]
    fn a_name_gives_the_database() {
        for (pattern, path, found) in [
            ("{database}_backup.sql", "shop_backup.sql", Some("shop")),
            (
                "{database}_backup.sql",
                "a/b/my_backup_backup.sql",
                Some("my_backup"),
            ),
            ("{database}_backup.sql", "_backup.sql", None),
            (
                "pg-dump-{database}-{unixtime}.dmp",
                "t/r/pg-dump-my-shop-1769828645.dmp",
                Some("my-shop"),
            ),
            (
                "pg-dump-{database}-{unixtime}.dmp",
                "pg-dump-shop-17698286.dmp",
                None,
            ),
            (
                "{database}-{timestamp}.sql{compression}",
                "a-b-20260131-030405.sql.gz",
                Some("a-b"),
            ),
            (
                "{database}-{timestamp}.sql{compression}",
                "a-20260131.sql.zst.age",
                Some("a"),
            ),
            (
                "{database}-{timestamp}.sql{compression}",
                "a-20260131.sql.part",
                None,
            ),
            (
                "weekly/{database}-*.sql.gz",
                "weekly/my-shop-202605.sql.gz",
                Some("my-shop"),
            ),
            (
                "weekly/{database}-*.sql.gz",
                "daily/shop-202605.sql.gz",
                None,
            ),
            ("*/{database}.dump", "a/b/shop.dump", None),
            ("{database}{extension}", "shop.tar.gz", Some("shop")),
            ("{database}{extension}", "shop.md5", None),
            ("all.sql", "all.sql", Some("")),
        ] {
            assert_eq!(
                database(pattern, path).as_deref(),
                found,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn an_unclear_pattern_is_refused() {
        for text in [
            "",
            "{db}",
            "{database}{database}",
            "{timestamp}{unixtime}",
            "a}",
            "/abs",
        ] {
            assert!(Pattern::parse(text).is_none(), "{text}");
        }
        assert!(Pattern::parse(&"*".repeat(256)).is_none());
    }

    #[test]
    fn many_stars_take_bounded_time() {
        let pattern = Pattern::parse(&("*a".repeat(120) + "b")).expect("a good pattern");
        assert!(pattern.matches(&[b'a'; 255]).is_none());
    }

    proptest! {
        #[test]
        fn no_name_panics(text in "[*a{}/]{0,8}(\\{database\\}|\\{timestamp\\}|\\{extension\\})?[*a-]{0,4}",
                          path in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(pattern) = Pattern::parse(&text) {
                pattern.matches(&path);
            }
        }
    }
}
