//! Any file and any environment gives a configuration or an error, and no error shows a password.

use proptest::prelude::*;
use std::time::Duration;

use super::*;

/// Tokens with a meaning in YAML or in the configuration.
const TOKENS: [&str; 40] = [
    "servers",
    "budgets",
    "poll",
    "interval",
    "databases",
    "include",
    "labels",
    "dsn",
    "port",
    "host",
    "web",
    "a",
    ": ",
    ":",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "'",
    "\"",
    "&a ",
    "*a",
    "!!str ",
    "|",
    ">-",
    "#",
    "? ",
    "---\n",
    "...",
    "%YAML 1.2\n",
    "<<: ",
    "\\",
    "~",
    "1e999",
    "postgres://u:p@h/d",
];

fn soup() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..40)
        .prop_map(|tokens| tokens.concat().into_bytes())
}

/// Typing errors: removes, inserts or replaces a character in some places of a text.
fn typos(text: &'static str, most: usize) -> impl Strategy<Value = String> {
    let typed = prop_oneof![
        Just(String::new()),
        "[ -~]".prop_map(String::from),
        Just("\n".to_owned()),
        Just("\t".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    let typo = (any::<prop::sample::Index>(), any::<bool>(), typed);
    prop::collection::vec(typo, 1..=most).prop_map(move |typos| {
        let mut text: Vec<String> = text.chars().map(String::from).collect();
        for (place, replaces, typed) in typos {
            let place = place.index(text.len());
            if replaces {
                text[place] = typed;
            } else {
                text[place].push_str(&typed);
            }
        }
        text.concat()
    })
}

fn load_bytes(bytes: &[u8], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("written");
    Config::load(Some(file.path()), &variables(environment), &[])
}

/// An error has a message, on one line for each problem.
fn assert_has_message(loaded: &Result<Config, ConfigError>) {
    match loaded {
        Err(ConfigError::Invalid(problems)) => assert!(!problems.is_empty()),
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        Ok(_) => {}
    }
}

const SECRET: &str = "hunterTwo2";
/// The secret in every place that takes one.
const GOOD: &str = "# a comment
poll: {interval: 500ms, timeout: 2s}
servers:
  one:
    host: db
    password: 'hunterTwo2'
    port: 5433
  two: {host: db2, password: hunterTwo2, user: bob}
  three: {dsn: 'postgres://bob:hunterTwo2@db:5432/app?sslmode=require'}
  four:
    dsn: \"host=db user=bob password='hunterTwo2' sslmode=prefer\"
budgets: {shop: {connections: 20, size: 10GiB}}
";

#[test]
fn the_unchanged_file_is_valid() {
    let config = load(GOOD, &[]).expect("good");
    assert_eq!(config.servers.len(), 4);
    assert_eq!(GOOD.matches(SECRET).count(), 4);
}

/// Whether the whole secret is shown. A typing error inside the secret changes it.
fn shown(error: &ConfigError) -> bool {
    crate::logging::chain(error).contains(SECRET)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_a_configuration_or_an_error(bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        soup(),
        typos(EXAMPLE, 6).prop_map(String::into_bytes),
    ]) {
        assert_has_message(&load_bytes(&bytes, &[]));
        assert_has_message(&load_bytes(&bytes, &[("DATABASE_URL", "postgres://u@h/d")]));
    }

    #[test]
    fn a_typo_shows_no_password(text in typos(GOOD, 1)) {
        if let Err(error) = load_bytes(text.as_bytes(), &[]) {
            prop_assert!(!shown(&error), "{text}\n{error}");
        }
    }

    #[test]
    fn a_typo_in_a_connection_string_shows_no_password(
        dsn in prop_oneof![
            typos("postgres://bob:hunterTwo2@db:5432/app?sslmode=require", 2),
            typos("host=db user=bob password='hunterTwo2' port=5432", 2),
        ],
    ) {
        for variable in ["DATABASE_URL", "PGCOMMONS__SERVERS__A__DSN"] {
            if let Err(error) = Config::load(None, &variables(&[(variable, &dsn)]), &[]) {
                prop_assert!(!shown(&error), "{dsn}\n{error}");
            }
        }
    }

    #[test]
    fn any_environment_is_a_configuration_or_an_error(
        pairs in prop::collection::btree_map(
            prop_oneof![
                "PGCOMMONS(__[A-Za-z_.]{0,8}){0,12}",
                prop::sample::select(&["PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGSSLMODE", "PGOPTIONS", "DATABASE_URL",
                    "PGCOMMONS__POLL__INTERVAL", "PGCOMMONS__BUDGETS__A__SIZE", "PGCOMMONS__DATABASES__INCLUDE"][..])
                    .prop_map(str::to_owned),
            ],
            any::<String>(), 0..6),
    ) {
        assert_has_message(&Config::load(None, &pairs, &[]));
    }

    #[test]
    fn a_duration_is_within_its_range_or_refused(text in prop_oneof![
        any::<String>(), "[0-9]{1,25} ?(ns|us|ms|s|m|min|h|d|w|M|y|years)?", "([0-9]{1,4}(ms|s|m|h))+",
    ]) {
        let env = [("PGHOST", "h"), ("PGCOMMONS__STATS__INTERVAL", &*text)];
        if let Ok(config) = Config::load(None, &variables(&env), &[]) {
            let stats = config.servers[0].cadence.stats;
            prop_assert!(stats >= Duration::from_secs(1) && stats <= Duration::from_hours(1), "{text}: {stats:?}");
        }
    }

    #[test]
    fn a_duration_keeps_its_value(millis in 100_u64..3_600_000) {
        let duration = Duration::from_millis(millis);
        let text = humantime::format_duration(duration).to_string();
        let env = [("PGHOST", "h"), ("PGCOMMONS__POLL__INTERVAL", &*text), ("PGCOMMONS__POLL__WINDOW", "1h")];
        let config = Config::load(None, &variables(&env), &[]).expect("a duration within the range");
        prop_assert_eq!(config.servers[0].cadence.poll, duration, "{}", text);
    }

    #[test]
    fn a_size_is_above_zero_or_refused(text in prop_oneof![
        any::<String>(), "-?[0-9]{0,25}([.][0-9]{0,5})?(e[0-9]{1,4})? ?[kKMGTPEZ]?i?[bB]?", "(inf|NaN|-0)",
    ]) {
        let env = [("PGHOST", "h"), ("PGCOMMONS__BUDGETS__A__SIZE", &*text)];
        if let Ok(config) = Config::load(None, &variables(&env), &[]) {
            let size = config.servers[0].policy.budget("a").and_then(|budget| budget.size_bytes);
            prop_assert!(size > Some(0), "{text}: {size:?}");
        }
    }

    #[test]
    fn a_size_keeps_its_value(number in 1_u64..8000, unit in 0_usize..6) {
        let name = ["", "KiB", "MiB", "GiB", "TiB", "PiB"][unit];
        let text = format!("{number}{name}");
        let env = [("PGHOST", "h"), ("PGCOMMONS__BUDGETS__A__SIZE", &*text)];
        let config = Config::load(None, &variables(&env), &[]).expect("a size");
        let size = config.servers[0].policy.budget("a").and_then(|budget| budget.size_bytes);
        prop_assert_eq!(size, Some(number << (10 * unit)), "{}", text);
    }
}

#[test]
fn no_single_typo_shows_a_password() {
    for (at, character) in GOOD.char_indices() {
        let (before, after) = (&GOOD[..at], &GOOD[at + character.len_utf8()..]);
        for typed in ["", " ", ":", "\n", "?", ",", "{", "'"] {
            let text = format!("{before}{typed}{after}");
            if let Err(error) = load(&text, &[]) {
                assert!(!shown(&error), "{text}\n{error}");
            }
        }
    }
}

/// The parser's own error message contains the whole table.
#[test]
fn a_table_as_a_key_shows_no_password() {
    let text = format!("servers: {{? {{password: {SECRET}}} : x}}");
    let error = load(&text, &[]).expect_err("no key");
    assert!(!shown(&error), "{error}");
}

/// Each level of nesting would need another stack frame.
#[test]
fn a_deeply_nested_variable_does_not_overflow_the_stack() {
    let name = format!("PGCOMMONS{}", "__A".repeat(40_000));
    let error = Config::load(None, &variables(&[(&name, "x"), ("PGHOST", "h")]), &[]);
    assert!(matches!(error, Err(ConfigError::Invalid(_))));
}

#[test]
fn deeply_nested_tables_do_not_overflow_the_stack() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(50_000),
        "? ".repeat(50_000),
    ] {
        assert!(load(&text, &[]).is_err());
    }
}
