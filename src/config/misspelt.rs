//! Warns of variables that set nothing, such as `PGCOMMONS_POLL_INTERVAL`, which has one underscore instead of two.

use super::env::{Environment, PREFIX};
use super::keys::Content as _;
use super::problem::Problem;
use super::raw::RawConfig;

/// One warning for each variable that resembles a key.
pub(super) fn warnings(environment: &Environment) -> Vec<Problem> {
    let misspelt = environment.keys().filter_map(|variable| {
        Some(Problem {
            key: variable.clone(),
            got: "a variable that sets nothing".to_owned(),
            want: intended(variable)?,
        })
    });
    misspelt.collect()
}

/// What sets a flag or the server, but not as a key of the configuration.
const NO_KEYS: [(&str, &str); 3] = [
    ("DATABASE_URL", "DATABASE_URL, without a prefix"),
    ("CONFIG_FILE", "the flag --config.file"),
    ("WEB_CONFIG_FILE", "the flag --web.config.file"),
];

/// What the operator probably meant.
fn intended(variable: &str) -> Option<String> {
    const START: &str = "PGCOMMONS_";
    let (start, rest) = variable.split_at_checked(START.len())?;
    // Kubernetes sets such variables for a Service named pgcommons.
    let is_service = rest.contains("SERVICE_") || rest.contains("PORT_");
    if !start.eq_ignore_ascii_case(START) || variable.starts_with(PREFIX) || is_service {
        return None;
    }
    let words = rest.trim_start_matches('_').replace("__", "_");
    if let Some((_, want)) = NO_KEYS.iter().find(|(name, _)| *name == words) {
        return Some((*want).to_owned());
    }
    let mut paths = Vec::new();
    RawConfig::paths("", &mut paths);
    let found = paths.iter().filter_map(|path| filled(path, &words));
    // The longest key, if two of them end the variable.
    let (_, path) = found.min()?;
    Some(format!("{PREFIX}{path}"))
}

/// The rest of the variable of a key, if it consists of these words, and the length of the name in it: `SERVERS__Main__PORT`
/// for `servers.NAME.port` and `SERVERS_Main_PORT`.
fn filled(path: &str, words: &str) -> Option<(usize, String)> {
    let path = path.to_uppercase();
    let upper = words.to_ascii_uppercase();
    let [table, _, keys @ ..] = &path.split('.').collect::<Vec<_>>()[..] else {
        return None;
    };
    if keys.is_empty() {
        return (upper == path.replace('.', "_")).then(|| (0, path.replace('.', "__")));
    }
    let (key, levels) = (keys.join("_"), keys.join("__"));
    let start = table.len() + 1;
    let end = upper.len().checked_sub(key.len() + 1)?;
    let is_key = upper.starts_with(&format!("{table}_")) && upper.ends_with(&format!("_{key}"));
    let name = words.get(start..end).filter(|name| !name.is_empty())?; // in its original case
    is_key.then(|| (name.len(), format!("{table}__{name}__{levels}")))
}
