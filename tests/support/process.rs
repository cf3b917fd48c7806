//! Processes: the account of the servers, signals, and /proc.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// User and group id for servers when the tests run as root, because PostgreSQL refuses to run as root.
pub(super) fn server_account() -> Option<(u32, u32)> {
    if own_uid() != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let ids = |user: &str| {
        let entry = passwd
            .lines()
            .find(|line| line.split(':').next() == Some(user))?;
        let mut numbers = entry.split(':').skip(2).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    let account = ids("postgres").or_else(|| ids("nobody"));
    Some(account.expect("/etc/passwd has postgres or nobody to run a server as"))
}

pub(crate) fn own_uid() -> u32 {
    let own = fs::metadata("/proc/self").expect("/proc is mounted");
    own.uid()
}

/// A command that runs under the server's account, with a clean environment and English messages.
pub(crate) fn server_command(program: &Path, cwd: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((uid, gid)) = server_account() {
        command.uid(uid).gid(gid);
    }
    clean(&mut command, cwd);
    command
}

/// A clean environment, English messages, and no input.
pub(crate) fn clean(command: &mut Command, cwd: &Path) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C")
        .current_dir(cwd)
        .stdin(Stdio::null());
}

/// Changes the owner of a file to the server's account.
pub(crate) fn give_to_server(path: &Path) {
    if let Some((uid, gid)) = server_account() {
        chown(path, Some(uid), Some(gid)).expect("root may change owners");
    }
}

/// Runs a command until it exits. Panics with its output if it fails.
pub(crate) fn must_run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Sends a signal (`TERM`, `STOP`, ...). A process that has ended already is no error.
pub(crate) fn signal(name: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    // The kill of the shell: the program kill is not installed everywhere.
    Command::new("sh")
        .args(["-c", r#"kill -s "$0" "$@""#, name])
        .args(pids.iter().map(ToString::to_string))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("sh can be run");
}

/// State letter and parent of a process; `None` when it is gone.
fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The process name before it may contain spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

pub(crate) fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| state_and_parent(*pid).is_some_and(|(_, ppid)| ppid == parent))
        .collect()
}

/// Whether the process is stopped or has ended.
pub(crate) fn is_stopped(pid: u32) -> bool {
    state_and_parent(pid).is_none_or(|(state, _)| matches!(state, 'T' | 'Z'))
}

pub(crate) fn is_gone(pid: u32) -> bool {
    state_and_parent(pid).is_none()
}
