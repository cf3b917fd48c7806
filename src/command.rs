//! Runs the command of the command line; one file for each command. `anyhow` is used only here.

mod advise;
mod audit;
mod backups;
mod check;
pub mod cli;
mod healthcheck;
mod notify;
mod output;
mod plan;
mod role_sql;
mod serve;
mod tenant_sql;
mod top;
mod workspaces;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::config::{Config, ConfigError, Environment, ExporterFlag, Flag};
use crate::findings::Severity;
use crate::http::{Protection, WebFile};
use crate::systemd::Systemd;
use crate::{logging, process};
use cli::{BackupsArgs, CheckArgs, Cli, Command, Global};

pub use output::is_open as stdout_is_open;

/// Runs the command. Exit codes: 0 success, 2 invalid configuration, 1 any other error. `check`, `audit`, `plan`, `backups` and `advise`
/// have their own exit codes: 2 means critical, and 3 means unknown.
#[must_use]
pub fn run(cli: &Cli, environment: &Environment) -> ExitCode {
    process::exit_on_panic();
    process::keep_memory_private();
    let code = execute(cli, environment).unwrap_or_else(|error| {
        print_error(error.as_ref());
        match &cli.command {
            Some(
                Command::Check(CheckArgs { json, .. }) | Command::Backups(BackupsArgs { json, .. }),
            ) => {
                if *json {
                    drop(print_json(&check::Refusal::new(error.as_ref())));
                }
                Severity::Unknown.exit_code()
            }
            Some(
                Command::Advise(_) | Command::Audit(_) | Command::Plan(_) | Command::Workspaces(_),
            ) => Severity::Unknown.exit_code(),
            Some(Command::Healthcheck(_)) => 1, // Docker reserves 2
            _ if error.is::<ConfigError>() => 2,
            _ => 1,
        }
    });
    ExitCode::from(code)
}

/// Prints one line for each problem of a configuration, or one line with all causes. Write errors are ignored: standard
/// error may be full or closed.
fn print_error(error: &(dyn std::error::Error + 'static)) {
    let mut out = io::stderr();
    match error.downcast_ref() {
        Some(ConfigError::Invalid(problems)) => {
            for problem in problems {
                drop(writeln!(out, "pgcommons: {problem}"));
            }
        }
        _ => drop(writeln!(out, "pgcommons: {}", logging::chain(error))),
    }
}

fn execute(cli: &Cli, environment: &Environment) -> anyhow::Result<u8> {
    if cli.global.config_check {
        let (config, _) = prepared(&cli.global, environment)?;
        config_check(&config);
        return Ok(0);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting")?;
    let code = runtime.block_on(command(cli, environment));
    // Does not wait for threads that resolve a name or read a file: they may hang.
    runtime.shutdown_background();
    code
}

async fn command(cli: &Cli, environment: &Environment) -> anyhow::Result<u8> {
    let global = &cli.global;
    match &cli.command {
        Some(Command::RoleSql(args)) => {
            let settings = || settings(global, environment);
            role_sql::run(args, settings).await.map(|()| 0)
        }
        Some(Command::TenantSql(args)) => tenant_sql::run(args).map(|()| 0),
        Some(Command::Healthcheck(args)) => {
            let path = global.config_file.as_deref();
            let addresses = Config::listen_addresses(path, environment, &flags(global))?;
            healthcheck::run(args, &addresses[0]).map(|()| 0)
        }
        Some(Command::Backups(args)) => backups::run(args, || settings(global, environment)).await,
        Some(Command::Check(args)) => check::run(args, settings(global, environment)?).await,
        Some(Command::Top(args)) => top::run(args, settings(global, environment)?)
            .await
            .map(|()| 0),
        Some(Command::Advise(args)) => {
            // Prometheus knows the servers; the configuration adds what is declared.
            let is_used = args.prometheus.is_none() || global.config_file.is_some();
            let config = is_used.then(|| settings(global, environment)).transpose()?;
            advise::run(args, config).await
        }
        Some(Command::Plan(args)) => plan::run(args, settings(global, environment)?).await,
        Some(Command::Workspaces(args)) => {
            workspaces::run(args, settings(global, environment)?).await
        }
        Some(Command::Notify(args)) => notify::run(args, settings(global, environment)?).await,
        Some(Command::Audit(args)) => audit::run(args, settings(global, environment)?).await,
        None => {
            let (config, web) = prepared(global, environment)?;
            logging::init(config.log_level, config.log_format);
            let systemd = Systemd::new(environment);
            let (global, variables) = (global.clone(), environment.clone());
            let load = move || settings(&global, &variables);
            let served = serve::run(config, web, &systemd, load).await;
            served.map(|()| 0)
        }
    }
}

/// Prints the warnings and the summary of a valid configuration. Warnings do not change the exit code.
fn config_check(config: &Config) {
    let mut out = io::stderr();
    for warning in config.review() {
        drop(writeln!(out, "pgcommons: warning: {warning}"));
    }
    drop(print(&format!("configuration OK: {}\n", config.summary()))); // the exit code has the result too
}

/// Loads the configuration and the web file. The error has the problems of both.
fn prepared(
    global: &Global,
    environment: &Environment,
) -> Result<(Config, (Option<WebFile>, Protection)), ConfigError> {
    let web = match &global.web_config_file {
        None => Ok((None, Protection::default())),
        Some(path) => WebFile::open(path).map(|(file, protection)| (Some(file), protection)),
    };
    match (settings(global, environment), web) {
        (Ok(config), Ok(web)) => Ok((config, web)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(one), Err(other)) => Err(one.and(other)),
    }
}

/// Loads the configuration; flags override its keys.
fn settings(global: &Global, environment: &Environment) -> Result<Config, ConfigError> {
    let mut config = Config::load(global.config_file.as_deref(), environment, &flags(global))?;
    let warnings = global.exporter.iter().filter_map(ExporterFlag::warning);
    config.warnings.extend(warnings);
    Ok(config)
}

fn flags(global: &Global) -> Vec<Flag<'_>> {
    let addresses = &global.listen_addresses;
    let addresses = (!addresses.is_empty()).then(|| Flag {
        name: "--web.listen-address",
        key: ["web", "listen_address"],
        value: addresses.join(",").into(),
    });
    let given = [
        (
            "--web.telemetry-path",
            ["web", "telemetry_path"],
            &global.telemetry_path,
        ),
        ("--web.page", ["web", "page"], &global.page),
        ("--state.dir", ["state", "dir"], &global.state_dir),
        ("--log.level", ["log", "level"], &global.log_level),
        ("--log.format", ["log", "format"], &global.log_format),
    ];
    let flags = given.into_iter().filter_map(|(name, key, value)| {
        Some(Flag {
            name,
            key,
            value: value.as_deref()?.into(),
        })
    });
    let of_exporter = global.exporter.iter().filter_map(ExporterFlag::as_flag);
    of_exporter.chain(addresses).chain(flags).collect()
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

fn print(text: &str) -> anyhow::Result<()> {
    output::print(text).context("writing to standard output")
}
