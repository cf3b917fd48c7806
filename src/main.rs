//! The entry point: arguments, environment, and the exit code.

use std::io::Write as _;
use std::process::ExitCode;

use pgcommons::cli::{Cli, usage_error};

fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    match Cli::from_arguments(std::env::args_os().collect()) {
        Ok(cli) => pgcommons::run(&cli, &environment),
        Err(error) => {
            // `--help` and `--version` fail only if they cannot be printed. For the checks, an exit code of 2 would mean critical.
            let is_help = !error.use_stderr();
            let checks = ["advise", "check", "audit", "plan", "backups"];
            let is_check =
                std::env::args_os().any(|argument| checks.iter().any(|it| argument == *it));
            let printed = if is_help {
                error.print().is_ok() && pgcommons::stdout_is_open()
            } else {
                writeln!(std::io::stderr(), "{}", usage_error(&error)).is_ok()
            };
            ExitCode::from(match (is_help, printed, is_check) {
                (true, true, _) => 0,
                (true, false, false) => 1,
                (false, _, false) => 2,
                (_, _, true) => 3,
            })
        }
    }
}
