//! Lines at a wrong indentation level, or missing lines: a value then takes the place of a table. No error shows a password,
//! whatever key it is set under.

use super::*;

const SECRET: &str = "hunterTwo2";
/// The secret in every place that takes one. Nothing in its text shows that it is a password.
const GOOD: &str = "\
poll:
  interval: 1s
budgets:
  shop:
    size: 10GiB
    labels:
      team: hunterTwo2
servers:
  one:
    host: db
    password: hunterTwo2
    databases:
      include: [hunterTwo2]
  two:
    user: hunterTwo2
    password: 'hunterTwo2'
    host: db2
    budgets:
      blog:
        owner: hunterTwo2
        size: 1GiB
";

fn assert_hidden(text: &str, environment: &[(&str, &str)]) {
    let Err(error) = load(text, environment) else {
        return;
    };
    let message = crate::logging::chain(&error);
    assert!(!message.contains(SECRET), "{text}\n{message}");
}

#[test]
fn a_line_at_a_wrong_level_shows_no_password() {
    assert!(load(GOOD, &[]).is_ok());
    let lines: Vec<_> = GOOD.lines().collect();
    for first in 0..lines.len() {
        for last in first..lines.len() {
            for indent in [None, Some(0), Some(2), Some(4), Some(6)] {
                let moved = lines.iter().enumerate().filter_map(|(n, line)| {
                    if !(first..=last).contains(&n) {
                        return Some((*line).to_owned());
                    }
                    let indent = indent?; // None: the lines are missing
                    Some(format!("{:indent$}{}", "", line.trim_start()))
                });
                assert_hidden(&moved.collect::<Vec<_>>().join("\n"), &[]);
            }
        }
    }
}

#[test]
fn a_variable_at_a_wrong_level_shows_no_password() {
    let segments = [
        "SERVERS",
        "BUDGETS",
        "MAIN",
        "PASSWORD",
        "LABELS",
        "DATABASES",
        "LOG",
        "WEB",
    ];
    for one in segments {
        for two in ["", "__MAIN", "__PASSWORD", "__LABELS", "__BUDGETS"] {
            for three in ["", "__PASSWORD", "__LABELS", "__SHOP", "__DSN"] {
                let variable = format!("PGCOMMONS__{one}{two}{three}");
                for file in ["", "servers: {main: {host: h}}", GOOD] {
                    assert_hidden(file, &[(&variable, SECRET), ("PGHOST", "h")]);
                }
            }
        }
    }
}
