//! The life of the process: arguments, environment, and the exit code that comes out.

use std::process::ExitCode;

use clap::Parser;
use pgcommons::cli::Cli;

fn main() -> ExitCode {
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    match Cli::try_parse() {
        Ok(cli) => pgcommons::run(&cli, &environment),
        Err(error) => {
            // Asking for help is no mistake, unless it cannot be shown; for `check`, 2 would mean critical.
            let asked = !error.use_stderr();
            let checking = std::env::args_os().any(|argument| argument == "check");
            let printed = error.print().is_ok() && pgcommons::stdout_is_open();
            ExitCode::from(match (asked, printed, checking) {
                (true, true, _) => 0,
                (true, false, false) => 1,
                (false, _, false) => 2,
                (_, _, true) => 3,
            })
        }
    }
}
