//! `servers.NAME.password_command`: reads the program and its arguments. No message shows them, because one may be a secret.

use config::{Value, ValueKind};

use super::PasswordCommand;
use super::env::{Environment, PREFIX};
use super::keys::Shape;
use super::raw::{Leaf, RawServer};
use super::redact::kind;
use super::values::Reader;

/// A program with its arguments.
pub(super) struct Program();

impl Shape for Program {
    type Value = (String, Vec<String>);

    fn want(&self) -> String {
        "a list of a program and its arguments, as in [/usr/local/bin/token, --short]".to_owned()
    }

    #[cfg(test)]
    fn has_variable(&self) -> bool {
        false
    }

    fn read(&self, reader: &mut Reader, key: &str, value: Value) -> Option<(String, Vec<String>)> {
        let got = kind(&value);
        let ValueKind::Array(items) = value.kind else {
            reader.problem(key, got, self.want());
            return None;
        };
        if items.is_empty() {
            reader.problem(key, "an empty list", self.want());
        }
        let mut texts = Vec::new();
        for (n, item) in items.into_iter().enumerate() {
            texts.extend(text(reader, &format!("{key}[{n}]"), item));
        }
        let mut texts = texts.into_iter();
        Some((texts.next()?, texts.collect()))
    }
}

/// An argument. The program itself, the first, may not be empty.
fn text(reader: &mut Reader, key: &str, item: Value) -> Option<String> {
    let (got, want) = match item.kind {
        ValueKind::String(text) if text.contains('\0') => ("a zero byte", "text without it"),
        ValueKind::String(text) if text.is_empty() && key.ends_with("[0]") => {
            ("empty text", "the path of a program")
        }
        ValueKind::String(text) => return Some(text),
        _ => (kind(&item), "text in quotes"),
    };
    reader.problem(key, got, want);
    None
}

/// The two keys of the command, as given.
#[derive(Default)]
pub(super) struct RawCommand {
    pub(super) program: Leaf,
    pub(super) timeout: Leaf,
}

impl RawCommand {
    /// None: there is no command, or it has a problem. `passwords` are the keys of the same server that also give its password.
    pub(super) fn read(
        self,
        reader: &mut Reader,
        table: &str,
        passwords: &[&str],
        environment: &Environment,
    ) -> Option<PasswordCommand> {
        let (key, limit) = (
            RawServer::password_command(),
            RawServer::password_command_timeout(),
        );
        let timeout = reader.value(table, self.timeout, &limit);
        let program = reader.optional(table, self.program, &key);
        let (program, arguments) = program?;
        if let Some(other) = passwords.first() {
            let got = format!("a command beside {other}");
            reader.problem(&format!("{table}.{}", key.name), got, "one of the two");
        }
        Some(PasswordCommand {
            program,
            arguments,
            timeout,
            withheld: withheld(environment),
        })
    }
}

/// The variables that may hold passwords of servers, and those by which systemd is notified.
fn withheld(environment: &Environment) -> Vec<String> {
    const ALWAYS: [&str; 5] = [
        "PGPASSWORD",
        "DATABASE_URL",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
    ];
    let is_ours = |name: &&String| name.starts_with(PREFIX) || name.starts_with("DATA_SOURCE_");
    let ours = environment.keys().filter(is_ours).cloned();
    ALWAYS.map(str::to_owned).into_iter().chain(ours).collect()
}
