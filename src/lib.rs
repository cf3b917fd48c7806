//! A monitoring agent for a PostgreSQL server that many applications share.
//!
//! One value flows one way: `config` → `pg` (a session) → `sample` → `roster`, `limits` and `window` → `memory` → `state` →
//! `snapshot` → `metrics` → `http`. `poll` drives it for one server, `fleet` for all; `check` does it once.

mod check;
pub mod cli;
mod clock;
mod collect;
mod config;
mod health;
mod healthcheck;
mod history;
mod http;
mod limits;
mod logging;
mod metrics;
mod outcome;
mod output;
mod policy;
mod postgres;
mod process;
mod sample;
mod series;
mod serve;
mod size_schedule;
mod snapshot;
mod state;
mod systemd;
mod tracker;

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use secrecy::{ExposeSecret, SecretString};

use check::{Level, Refusal, Thresholds};
use cli::{CheckArgs, Cli, Command, Global, HealthArgs, RoleArgs};
pub use config::Environment;
use config::{Config, ConfigError, Flag};
use healthcheck::Question;
use http::{Guard, WebFile};
use postgres::role::{self, NewRole};
use postgres::{Files, Session};
use systemd::Systemd;

/// The version of the package.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The revision it was built from; `unknown` outside a checkout.
const REVISION: &str = env!("PGCOMMONS_REVISION");

const fn version_line() -> &'static str {
    concat!(
        env!("CARGO_PKG_VERSION"),
        " (revision ",
        env!("PGCOMMONS_REVISION"),
        ")"
    )
}

/// Does what the command line asks for. The exit code is 0 when all went well, 2 for a configuration that cannot be used, 1
/// for everything else that went wrong; `check` has its own, in which 2 means critical and 3 that it does not know.
#[must_use]
pub fn run(cli: &Cli, environment: &Environment) -> ExitCode {
    process::end_on_panic();
    process::keep_memory_private();
    let code = execute(cli, environment).unwrap_or_else(|error| {
        complain(error.as_ref());
        match &cli.command {
            Some(Command::Check(args)) => {
                if args.json {
                    drop(print_json(&Refusal::new(error.as_ref())));
                }
                Level::Unknown.exit_code()
            }
            Some(Command::Healthcheck(_)) => 1, // Docker keeps 2 for itself
            _ if error.is::<ConfigError>() => 2,
            _ => 1,
        }
    });
    ExitCode::from(code)
}

/// A line for each problem, a line with its causes for everything else. Standard error may be full or gone.
fn complain(error: &(dyn std::error::Error + 'static)) {
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
        return config_check(&config).map(|()| 0);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting")?;
    let code = runtime.block_on(command(cli, environment));
    // Not waiting for threads that look up a name or read a file: either may hang.
    runtime.shutdown_background();
    code
}

async fn command(cli: &Cli, environment: &Environment) -> anyhow::Result<u8> {
    match &cli.command {
        Some(Command::RoleSql(args)) => role_sql(args, &cli.global, environment).await.map(|()| 0),
        Some(Command::Healthcheck(args)) => healthcheck(args, &cli.global, environment).map(|()| 0),
        Some(Command::Check(args)) => check(args, settings(&cli.global, environment)?).await,
        None => {
            let (config, web) = prepared(&cli.global, environment)?;
            logging::init(config.log_level);
            let systemd = Systemd::of(environment);
            let (global, environment) = (cli.global.clone(), environment.clone());
            let reread = move || settings(&global, &environment);
            serve::serve(config, web, &systemd, reread)
                .await
                .map(|()| 0)
        }
    }
}

/// A configuration that can be used; what is probably a mistake in it is no reason to fail.
fn config_check(config: &Config) -> anyhow::Result<()> {
    let mut out = io::stderr();
    for warning in config.review() {
        drop(writeln!(out, "pgcommons: warning: {warning}"));
    }
    print(&format!("configuration OK: {}\n", config.summary()))
}

/// All that the agent needs to serve; what is wrong with either file is said at once.
fn prepared(
    global: &Global,
    environment: &Environment,
) -> Result<(Config, (Option<WebFile>, Guard)), ConfigError> {
    let web = match &global.web_config_file {
        None => Ok((None, Guard::default())),
        Some(path) => WebFile::open(path).map(|(file, guard)| (Some(file), guard)),
    };
    match (settings(global, environment), web) {
        (Ok(config), Ok(web)) => Ok((config, web)),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        (Err(one), Err(other)) => Err(one.and(other)),
    }
}

/// The configuration, with what the command line says on top of it.
fn settings(global: &Global, environment: &Environment) -> Result<Config, ConfigError> {
    Config::load(global.config_file.as_deref(), environment, &flags(global))
}

fn flags(global: &Global) -> Vec<Flag<'_>> {
    let given = [
        (
            "--web.listen-address",
            ["web", "listen_address"],
            &global.listen_address,
        ),
        ("--log.level", ["log", "level"], &global.log_level),
    ];
    let flags = given.into_iter().filter_map(|(name, key, value)| {
        Some(Flag {
            name,
            key,
            value: value.as_deref()?,
        })
    });
    flags.collect()
}

async fn check(args: &CheckArgs, config: Config) -> anyhow::Result<u8> {
    anyhow::ensure!(
        args.warning <= args.critical,
        "--warning {} is above --critical {}",
        args.warning,
        args.critical
    );
    let thresholds = Thresholds {
        warning: args.warning,
        critical: args.critical,
    };
    let report = check::run(config.servers, thresholds, args.timeout).await;
    if args.json {
        print_json(&report)?;
    } else {
        print(&check::render(&report))?;
    }
    Ok(report.status.exit_code())
}

fn healthcheck(
    args: &HealthArgs,
    global: &Global,
    environment: &Environment,
) -> anyhow::Result<()> {
    let path = global.config_file.as_deref();
    let address = Config::listen_address(path, environment, &flags(global))?;
    let question = if args.ready {
        Question::Ready
    } else {
        Question::Healthy
    };
    Ok(healthcheck::ask(&address, question)?)
}

async fn role_sql(
    args: &RoleArgs,
    global: &Global,
    environment: &Environment,
) -> anyhow::Result<()> {
    let major = match args.server_version {
        Some(major) => major,
        None => server_major(settings(global, environment)?).await?,
    };
    let password = args.password_file.as_ref().map(|path| {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        anyhow::Ok(SecretString::from(text.trim_end_matches(['\n', '\r'])))
    });
    let password = password.transpose()?;
    anyhow::ensure!(
        password
            .as_ref()
            .is_none_or(|password| !password.expose_secret().is_empty()),
        "the password file is empty"
    );
    let sql = role::sql(&NewRole {
        name: &args.role,
        dbname: &args.dbname,
        major,
        password: password.as_ref(),
    })?;
    print(&sql)
}

async fn server_major(config: Config) -> anyhow::Result<u32> {
    let server = config
        .servers
        .first()
        .context("no server is configured; give --server-version")?;
    let session = Session::connect(
        &server.target,
        server.cadence.timeout,
        &mut Files::default(),
    )
    .await;
    let session = session.with_context(|| {
        format!(
            "asking {} for its version (or give --server-version)",
            server.name
        )
    })?;
    Ok(session.info().major())
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

fn print(text: &str) -> anyhow::Result<()> {
    output::print(text).context("writing to standard output")
}

/// Whether what clap prints to standard output can be read by anything.
#[must_use]
pub fn stdout_is_open() -> bool {
    output::is_open()
}
