//! How the agent is called, and its sub-commands that exit by themselves.

use std::ffi::OsString;
use std::io::Write;
use std::panic;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::super::process::signal;
use super::secrets::Secrets;

pub(super) const LISTEN_FLAG: &str = "--web.listen-address";
const RUN_LIMIT: Duration = Duration::from_secs(30);

/// Arguments, the whole environment, and the text of the configuration file if there is to be one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AgentSpec<'a> {
    pub(crate) args: &'a [&'a str],
    pub(crate) env: &'a [(&'a str, &'a str)],
    pub(crate) config: Option<&'a str>,
    /// A command that is run with the agent's command line as arguments, and must `exec` it.
    pub(crate) through: &'a [&'a str],
}

impl AgentSpec<'_> {
    /// The command, and its configuration file, which must exist until the command has exited.
    pub(super) fn command(&self) -> (Command, Option<NamedTempFile>) {
        let agent = program();
        let mut command = match self.through {
            [] => Command::new(&agent),
            [program, args @ ..] => {
                let mut command = Command::new(program);
                command.args(args).arg(agent);
                command
            }
        };
        command.env_clear().stdin(Stdio::null());
        // An instrumented binary writes its coverage to LLVM_PROFILE_FILE.
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().copied());
        let config = self.config.map(config_file);
        if let Some(file) = &config {
            command.arg("--config.file").arg(file.path());
        }
        command.args(self.args);
        (command, config)
    }
}

/// The agent that Cargo built for the tests, or the one that `AGENT_PROGRAM` names.
fn program() -> OsString {
    std::env::var_os("AGENT_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_pgcommons").into())
}

fn config_file(text: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new()
        .prefix("pgcommons-")
        .suffix(".yaml")
        .tempfile()
        .expect("a temporary file can be made");
    file.write_all(text.as_bytes())
        .expect("a temporary file can be written");
    file
}

/// Runs the agent until it exits. Panics if that takes too long, or if the output contains a secret.
pub(crate) async fn run(spec: AgentSpec<'_>) -> Output {
    let (command, config) = spec.command();
    let running = tokio::task::spawn_blocking(move || run_blocking(command));
    let output = running.await;
    drop(config);
    let output = output.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()));
    let secrets = Secrets::of(&spec);
    secrets.assert_absent("what it prints", &output.stdout);
    secrets.assert_absent("its messages", &output.stderr);
    output
}

fn run_blocking(mut command: Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent can be run");
    let pid = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    if let Ok(output) = receiver.recv_timeout(RUN_LIMIT) {
        return output.expect("its output can be read");
    }
    signal("KILL", &[pid]);
    let output = receiver.recv_timeout(RUN_LIMIT);
    panic!("did not end within {RUN_LIMIT:?}: {command:?}\n{output:?}");
}
