//! The sources of a password. Files are read at every connect, so that a rotated password needs no restart.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::redact;

/// The sources in their order of precedence; the first one that is set is used.
#[derive(Debug, Clone, Default)]
pub(crate) struct PasswordSource {
    pub(crate) given: Option<SecretString>,
    /// A file that contains only the password, such as a Docker or Kubernetes secret.
    pub(crate) file: Option<PathBuf>,
    /// libpq's `.pgpass`; a missing file is ignored.
    pub(crate) passfile: Option<PathBuf>,
    /// Prints the password. None of the others is used beside it.
    pub(crate) command: Option<PasswordCommand>,
}

/// `servers.NAME.password_command`: a program that prints the password of one login.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasswordCommand {
    /// A path, or a name that is looked up in `PATH`.
    pub(crate) program: String,
    /// Passed as they are: there is no shell.
    pub(crate) arguments: Vec<String>,
    /// `password_command_timeout`
    pub(crate) timeout: Duration,
    /// The environment variables that the program does not get, because they hold secrets of the agent or address the agent itself.
    pub(crate) withheld: Vec<String>,
}

/// An argument may be a secret.
impl fmt::Debug for PasswordCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordCommand").finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read the password file {}", redact::path(path))]
pub(crate) struct PasswordError {
    path: PathBuf,
    source: std::io::Error,
}

/// The login that a line of the password file must match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) dbname: &'a str,
    pub(crate) user: &'a str,
}

impl PasswordSource {
    /// Reads the current password from the sources that are no command. None: none has one; the server may not require one.
    pub(crate) fn read(&self, login: Login<'_>) -> Result<Option<SecretString>, PasswordError> {
        if let Some(given) = &self.given {
            return Ok(Some(given.clone()));
        }
        if let Some(path) = &self.file {
            let text = read(path)?;
            return Ok(Some(SecretString::from(
                text.trim_end_matches(['\n', '\r']),
            )));
        }
        let Some(path) = self.passfile.as_deref().filter(|path| is_private(path)) else {
            return Ok(None);
        };
        Ok(find(&read(path)?, login).map(SecretString::from))
    }

    /// A `.pgpass` file that is ignored because its permissions let other users read it.
    pub(crate) fn ignored_passfile(&self) -> Option<&Path> {
        let path = self.passfile.as_deref()?;
        let is_next = self.given.is_none() && self.file.is_none() && self.command.is_none();
        (is_next && path.is_file() && !is_private(path)).then_some(path)
    }
}

impl PartialEq for PasswordSource {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.given, &other.given) {
            (Some(one), Some(two)) => one.expose_secret() == two.expose_secret(),
            (one, two) => one.is_none() && two.is_none(),
        };
        same && self.file == other.file
            && self.passfile == other.passfile
            && self.command == other.command
    }
}

fn read(path: &Path) -> Result<String, PasswordError> {
    fs::read_to_string(path).map_err(|source| PasswordError {
        path: path.to_owned(),
        source,
    })
}

/// libpq ignores a password file that group or others may access.
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path)
        .is_ok_and(|file| file.is_file() && file.permissions().mode().trailing_zeros() >= 6)
}

/// The password of the first line `host:port:dbname:user:password` that matches; `*` matches anything.
fn find(text: &str, login: Login<'_>) -> Option<String> {
    let port = login.port.to_string();
    let host = if login.host.starts_with('/') {
        "localhost"
    } else {
        login.host
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let fields = fields(line);
            let [line_host, line_port, dbname, user, password] = fields.as_slice() else {
                return None;
            };
            let matches = |pattern: &str, value: &str| pattern == "*" || pattern == value;
            (matches(line_host, host) || matches(line_host, login.host))
                .then_some(())
                .filter(|()| {
                    matches(line_port, &port)
                        && matches(dbname, login.dbname)
                        && matches(user, login.user)
                })
                .map(|()| password.clone())
        })
}

/// The five fields. A backslash escapes the next character; colons in the password need no escape.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == ':' && fields.len() < 5 {
            fields.push(String::new());
            continue;
        }
        let literal = if character == '\\' {
            characters.next()
        } else {
            Some(character)
        };
        if let (Some(field), Some(literal)) = (fields.last_mut(), literal) {
            field.push(literal);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOGIN: Login<'_> = Login {
        host: "db",
        port: 5432,
        dbname: "postgres",
        user: "pgcommons",
    };

    #[test]
    fn the_first_matching_line_gives_the_password() {
        let text = "# a comment\nother:*:*:*:no\ndb:5433:*:*:no\n*:*:postgres:pgcommons:a\\:b:c\n*:*:*:*:late\n";
        assert_eq!(find(text, LOGIN).as_deref(), Some("a:b:c"));
        assert_eq!(find("db:5432:postgres:nobody:x\nshort:line", LOGIN), None);
    }

    #[test]
    fn localhost_matches_a_socket() {
        let socket = Login {
            host: "/run/postgresql",
            ..LOGIN
        };
        assert_eq!(find("localhost:*:*:*:x", socket).as_deref(), Some("x"));
        assert_eq!(
            find("/run/postgresql:*:*:*:x", socket).as_deref(),
            Some("x")
        );
    }

    #[test]
    fn a_rotated_file_is_read_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("password");
        let source = PasswordSource {
            file: Some(path.clone()),
            ..PasswordSource::default()
        };
        assert!(source.read(LOGIN).is_err(), "not there yet");
        for password in ["first", "second"] {
            fs::write(&path, format!("{password}\n")).expect("written");
            let read = source.read(LOGIN).expect("readable").expect("a password");
            assert_eq!(read.expose_secret(), password);
        }
    }

    #[test]
    fn a_password_in_place_of_the_file_is_not_shown() {
        let source = PasswordSource {
            file: Some(PathBuf::from("hunter/2")),
            ..PasswordSource::default()
        };
        let error = source.read(LOGIN).expect_err("no such file");
        assert!(!error.to_string().contains("hunter"), "{error}");
    }

    #[test]
    fn a_passfile_that_others_may_read_is_ignored() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "*:*:*:*:x").expect("written");
        let source = PasswordSource {
            passfile: Some(file.path().to_owned()),
            ..PasswordSource::default()
        };
        for (mode, found) in [(0o600, true), (0o644, false), (0o640, false)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).expect("set");
            assert_eq!(source.ignored_passfile().is_none(), found, "{mode:o}");
            assert_eq!(
                source.read(LOGIN).expect("no error").is_some(),
                found,
                "{mode:o}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_line_with_its_colons_escaped_is_found(
            dbname in "\\PC{1,8}", user in "\\PC{1,8}", password in "\\PC{0,12}", noise in "([^\n]{0,20}\n){0,4}",
        ) {
            let escaped = |text: &str| text.replace('\\', r"\\").replace(':', r"\:");
            let line = [&*dbname, &user, &password].map(escaped).join(":");
            let login = Login { dbname: &dbname, user: &user, ..LOGIN };
            let text = format!("db:5432:{line}\n{noise}");
            prop_assert_eq!(find(&text, login), Some(password));
            let _ = find(&noise, login);
        }
    }
}
