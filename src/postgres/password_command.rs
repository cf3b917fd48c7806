//! Runs `password_command`: a program that prints the password of one login. It runs in a process group of its own, with a deadline,
//! and without a shell. What it prints is the password and must not reach a log, an error or a metric.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use secrecy::SecretString;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep, timeout_at};
use zeroize::Zeroizing;

use crate::blocking::OneAtATime;
use crate::config::{PasswordCommand, shown_path};

/// The longest password that PostgreSQL reads (`PG_MAX_AUTH_TOKEN_LENGTH`), in bytes.
const MAX_BYTES: usize = 65_535;
/// How often the agent looks whether the program has exited: a process that it left behind may keep its output open.
const EXIT_CHECK: Duration = Duration::from_millis(20);

/// No password was printed. The text has nothing of what the program printed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordCommandError {
    #[error("password_command cannot start {program}")]
    Start { program: String, source: io::Error },
    #[error("password_command printed no password within {0}")]
    Timeout(humantime::FormattedDuration),
    #[error("password_command failed with {0}")]
    Failed(ExitStatus),
    #[error("password_command printed more than {MAX_BYTES} bytes")]
    TooLong,
    #[error("password_command did not print one line of text")]
    NoPassword,
    #[error("the output of password_command cannot be read")]
    Read(#[source] io::Error),
}

/// Runs the command of one target. A thread starts the program, because the file may be on a dead mount, and waits for the end of one
/// that was killed. The next login waits for that thread: a program that cannot be ended exists once.
#[derive(Default)]
pub(super) struct PasswordCommands(OneAtATime<io::Result<Option<Program>>>);

impl PasswordCommands {
    /// The password that the program prints, within the deadline of the command.
    pub(super) async fn run(
        &mut self,
        command: &PasswordCommand,
    ) -> Result<SecretString, PasswordCommandError> {
        let deadline = Instant::now() + command.timeout;
        let timed_out =
            |_| PasswordCommandError::Timeout(humantime::format_duration(command.timeout));
        let started = timeout_at(deadline, self.start(command)).await;
        let mut program = started.map_err(timed_out)??;
        let printed = timeout_at(deadline, program.output()).await;
        match printed.map_err(timed_out).flatten() {
            Ok(printed) => {
                let status = program.end().map_err(PasswordCommandError::Read)?;
                if !status.success() {
                    return Err(PasswordCommandError::Failed(status));
                }
                password(&printed).ok_or(PasswordCommandError::NoPassword)
            }
            Err(error) => {
                self.0.begin(move || program.end().map(|_| None));
                Err(error)
            }
        }
    }

    async fn start(&mut self, command: &PasswordCommand) -> Result<Program, PasswordCommandError> {
        let start = command.clone();
        let started = self.0.run(move || Program::start(&start).map(Some)).await;
        let started = started.and_then(|started| started.ok_or(io::ErrorKind::NotFound.into()));
        started.map_err(|source| PasswordCommandError::Start {
            program: shown_path(command.program.as_ref()),
            source,
        })
    }
}

/// A program that runs, and leads a process group. Dropping it kills the group.
struct Program {
    /// None: it was waited for.
    child: Option<Child>,
    group: Pid,
}

impl Program {
    fn start(command: &PasswordCommand) -> io::Result<Self> {
        let mut program = Command::new(&command.program);
        program
            .args(&command.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        for variable in &command.withheld {
            program.env_remove(variable);
        }
        let child = program.spawn()?;
        let group = Pid::from_child(&child);
        Ok(Self {
            child: Some(child),
            group,
        })
    }

    /// What the program has printed when it exits. Later output of processes that it left behind is not read.
    async fn output(&mut self) -> Result<Zeroizing<Vec<u8>>, PasswordCommandError> {
        let output = self.child.as_mut().and_then(|child| child.stdout.take());
        let output = output.ok_or(PasswordCommandError::NoPassword)?;
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output));
        let output = output.map_err(PasswordCommandError::Read)?;
        // Never grows: that would leave a copy behind.
        let mut printed = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        let mut is_open = true;
        loop {
            if self.has_exited() {
                // Tokio may not know yet that there is something to read.
                let read = |buffer: &mut [u8]| Ok(rustix::io::read(&output, buffer)?);
                read_available(read, &mut printed)?;
                return Ok(printed);
            }
            is_open = is_open && read_available(|buffer| output.try_read(buffer), &mut printed)?;
            tokio::select! {
                _ = output.readable(), if is_open => {}
                () = sleep(EXIT_CHECK) => {}
            }
        }
    }

    /// Leaves the program a zombie, so that no other process gets its id.
    fn has_exited(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
    }

    /// Kills the group, and waits for the program. Returns at once if it has exited.
    fn end(mut self) -> io::Result<ExitStatus> {
        self.kill_group();
        let child = self.child.take();
        child.map_or(Err(io::ErrorKind::NotFound.into()), |mut it| it.wait())
    }

    /// Also the processes that the program left behind. It was not waited for, so the id still belongs to this group.
    fn kill_group(&self) {
        let _ = kill_process_group(self.group, Signal::KILL); // fails if all have ended
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            self.kill_group();
            // On another thread, because a process that waits for a disk does not end at once.
            let waiting = std::thread::Builder::new().spawn(move || child.wait());
            drop(waiting); // without a thread, a zombie remains until the agent ends
        }
    }
}

/// Appends what is there. False: the output is closed.
fn read_available(
    read: impl Fn(&mut [u8]) -> io::Result<usize>,
    printed: &mut Vec<u8>,
) -> Result<bool, PasswordCommandError> {
    let mut buffer = Zeroizing::new([0; 4096]);
    loop {
        match read(&mut buffer[..]) {
            Ok(0) => return Ok(false),
            Ok(count) if printed.len() + count > MAX_BYTES => {
                return Err(PasswordCommandError::TooLong);
            }
            Ok(count) => printed.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(PasswordCommandError::Read(error)),
        }
    }
}

/// One line. None: there is no text, or more than one line.
fn password(printed: &[u8]) -> Option<SecretString> {
    let text = std::str::from_utf8(printed).ok()?;
    let line = text.trim_end_matches(['\n', '\r']);
    let is_line = !line.is_empty() && !line.contains(['\n', '\r', '\0']);
    is_line.then(|| SecretString::from(line))
}

#[cfg(test)]
mod tests;
