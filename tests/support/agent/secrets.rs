//! The secrets that an agent was given. Every test searches all output of the agent for them.

use std::fs;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::AgentSpec;

/// A shorter secret may occur by chance.
const MIN_LENGTH: usize = 6;

#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    given: Vec<String>,
    /// Files with only a password, or in the format of libpq's password file.
    files: Vec<PathBuf>,
}

impl Secrets {
    pub(super) fn of(spec: &AgentSpec<'_>) -> Self {
        let mut secrets = Self::default();
        for (name, value) in spec.env {
            match *name {
                "HOME" => secrets.files.push(PathBuf::from(value).join(".pgpass")),
                name if ["password", "_pass"]
                    .iter()
                    .any(|end| name.to_ascii_lowercase().ends_with(end)) =>
                {
                    secrets.given.push((*value).to_owned());
                }
                name if is_file(name) => secrets.files.push(value.into()),
                _ => secrets.find(value),
            }
        }
        let flags = spec.args.windows(2).filter(|pair| is_file(pair[0]));
        secrets.files.extend(flags.map(|pair| pair[1].into()));
        secrets.find(spec.config.unwrap_or_default());
        secrets
    }

    /// Finds secrets in a configuration file, or in a connection string of either form.
    fn find(&mut self, text: &str) {
        for (_, rest) in split_at_each(text, "://") {
            let url = rest
                .split(|c: char| c == '"' || c == '\'' || c.is_whitespace())
                .next();
            let login = url.and_then(|url| url.rsplit_once('@'));
            let password = login.and_then(|(login, _)| login.split_once(':'));
            self.given
                .extend(password.map(|(_, password)| password.to_owned()));
        }
        for key in ["password", "passfile", "password_file"] {
            for (_, rest) in split_at_each(text, key) {
                if let Some(value) = value_after(rest) {
                    if is_file(key) {
                        self.files.push(value.into());
                    } else {
                        self.given.push(value);
                    }
                }
            }
        }
    }

    /// Reads the files now: a rotated password is a secret too.
    fn all(&self) -> Vec<String> {
        let mut all = self.given.clone();
        // Opening a named pipe would block.
        for file in self.files.iter().filter(|file| file.is_file()) {
            let text = fs::read_to_string(file).unwrap_or_default();
            let last = |line: &str| line.splitn(5, ':').nth(4).map(str::to_owned);
            all.extend(text.lines().filter_map(last));
            all.push(text.trim_end_matches('\n').to_owned());
        }
        let decoded: Vec<_> = all.iter().map(|secret| decoded(secret)).collect();
        all.extend(decoded);
        all.retain(|secret| secret.len() >= MIN_LENGTH);
        all
    }

    /// Panics if the text contains a secret in clear text, percent-encoded, or with escapes.
    pub(super) fn assert_absent(&self, what: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let forms = [
            text.to_string(),
            decoded(&text),
            decoded(&text.replace('+', " ")),
            text.replace('\\', ""),
        ];
        for secret in self.all() {
            let secrets = [secret.replace('\\', ""), secret];
            let is_in = |form: &String| secrets.iter().any(|secret| form.contains(secret));
            assert!(
                !forms.iter().any(is_in),
                "{:?} is in {what}:\n{text}",
                secrets[1]
            );
        }
    }
}

fn is_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    name.ends_with("password_file") || name.ends_with("passfile")
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn split_at_each<'a>(text: &'a str, marker: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let places = text.match_indices(marker);
    places
        .map(|(at, marker)| (&text[..at], &text[at + marker.len()..]))
        .collect::<Vec<_>>()
        .into_iter()
}

/// The value after `: ` or `=`, with or without quotes.
fn value_after(rest: &str) -> Option<String> {
    let rest = rest.trim_start().strip_prefix([':', '='])?.trim_start();
    let quoted = ['\'', '"'].into_iter().find_map(|quote| {
        let inner = rest.strip_prefix(quote)?;
        let end = inner.find(quote)?;
        Some(inner[..end].to_owned())
    });
    let bare = || rest.split([',', '}', '\n', ' ']).next().map(str::to_owned);
    quoted.or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::{AgentSpec, Secrets};

    fn found(env: &[(&str, &str)], config: &str, text: &str) -> bool {
        let secrets = Secrets::of(&AgentSpec {
            env,
            config: Some(config),
            args: &[],
            ..AgentSpec::default()
        });
        std::panic::catch_unwind(|| secrets.assert_absent("it", text.as_bytes())).is_err()
    }

    #[test]
    fn a_secret_is_found_in_any_form_from_any_source() {
        let passfile = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(passfile.path(), "h:1:*:u:hun/ter 2\n").unwrap();
        let path = passfile.path().to_str().unwrap();
        for (env, config) in [
            (("DATABASE_URL", "postgres://u:hun%2Fter%202@h/d"), ""),
            (("DATABASE_URL", "host=h password='hun/ter 2' user=u"), ""),
            (("PGPASSWORD", "hun/ter 2"), ""),
            (("PGPASSFILE", path), ""),
            (("PGCOMMONS__SERVERS__A__PASSWORD", "hun/ter 2"), ""),
            (("X", ""), "servers: {a: {host: h, password: 'hun/ter 2'}}"),
            (("X", ""), &format!("servers: {{a: {{passfile: {path}}}}}")),
        ] {
            for text in [
                "<hun/ter 2>",
                "hun%2fter%202",
                "hun%2Fter+2",
                "x=hun\\/ter 2",
            ] {
                assert!(found(&[env], config, text), "{env:?} {config} {text}");
            }
            assert!(!found(&[env], config, "hunter 2"), "{env:?} {config}");
        }
    }
}
