//! `pgcommons backups`: scans the directories of backups once, for people and for monitoring plugins (Nagios exit codes).

mod report;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::timeout;

use super::cli::BackupsArgs;
use super::{print, print_json};
use crate::backups::{
    BackupDirectory, Cache, DEFAULT_BYTES_PER_SECOND, Look, Pace, Pattern, Preset, Report, Scanner,
};
use crate::blocking::lower_priority;
use crate::clock::wall_clock;
use crate::config::{Config, ConfigError, PATTERN_RULES, ServerConfig};
use crate::logging::chain;
use crate::policy::Policy;
use crate::postgres::{ActivityQuestion, CredentialFiles, Session};
use crate::sample::Catalogue;
use report::{BackupsReport, Scanned};

pub(super) use report::findings_of;

/// The directories of one server.
struct Task {
    /// The server; None: the directories are from the command line.
    server: Option<ServerConfig>,
    directories: Vec<BackupDirectory>,
}

/// Returns the exit code of the worst finding. With `--path` the configuration is not read.
pub(super) async fn run(
    args: &BackupsArgs,
    settings: impl FnOnce() -> Result<Config, ConfigError>,
) -> anyhow::Result<u8> {
    let (tasks, bytes_per_second) = tasks(args, settings)?;
    let stop = Arc::new(AtomicBool::new(false));
    let pace = Arc::new(Pace::new(bytes_per_second, Arc::clone(&stop)));
    let mut servers = Vec::new();
    for task in tasks {
        let directories = Arc::new(task.directories);
        let databases = match &task.server {
            None => None,
            Some(server) => Some(databases(server).await),
        };
        let scanned = scan(directories, &pace, args.timeout, &stop).await;
        servers.push(report::server(Scanned {
            name: task.server.as_ref().map(|server| server.name.clone()),
            policy: task
                .server
                .map_or_else(Policy::default, |server| server.policy),
            databases,
            report: scanned,
            now: now(),
        }));
    }
    let report = BackupsReport::of(servers);
    if args.json {
        print_json(&report)?;
    } else {
        print(&table::render(&report))?;
    }
    Ok(report.status.exit_code())
}

fn tasks(
    args: &BackupsArgs,
    settings: impl FnOnce() -> Result<Config, ConfigError>,
) -> anyhow::Result<(Vec<Task>, u64)> {
    if !args.path.is_empty() {
        let directories = directories(args)?;
        let task = Task {
            server: None,
            directories,
        };
        return Ok((
            vec![task],
            args.max_bytes_per_second
                .unwrap_or(DEFAULT_BYTES_PER_SECOND),
        ));
    }
    let config = settings()?;
    let servers = config
        .servers
        .into_iter()
        .filter(|server| !server.backups.is_empty());
    let tasks: Vec<_> = servers
        .map(|server| Task {
            directories: server.backups.clone(),
            server: Some(server),
        })
        .collect();
    anyhow::ensure!(
        !tasks.is_empty(),
        "no server has backups in the configuration; set servers.NAME.backups, or --path"
    );
    let first = tasks.first().and_then(|task| task.server.as_ref());
    let configured = first.map(|server| server.cadence.backups.bytes_per_second); // the same for all
    let rate = args.max_bytes_per_second.or(configured);
    Ok((tasks, rate.unwrap_or(DEFAULT_BYTES_PER_SECOND)))
}

/// The directories of the command line, which share their patterns. A preset's come after the others.
fn directories(args: &BackupsArgs) -> anyhow::Result<Vec<BackupDirectory>> {
    let mut patterns = Vec::new();
    for text in &args.pattern {
        let pattern = Pattern::parse(text);
        patterns
            .push(pattern.with_context(|| format!("--pattern {text:?}: want {PATTERN_RULES}"))?);
    }
    let named = Preset::ALL
        .iter()
        .find(|(name, _)| Some(*name) == args.preset.as_deref());
    if let Some((_, preset)) = named {
        patterns.extend(preset.patterns());
    }
    if patterns.is_empty() {
        patterns = Preset::Plain.patterns();
    }
    let exclude: Vec<_> = args
        .exclude
        .iter()
        .map(|text| wildmatch::WildMatch::new(text))
        .collect();
    let directory = |path: &std::path::PathBuf| BackupDirectory {
        path: path.clone(),
        patterns: patterns.clone(),
        max_age: args.max_age,
        exclude: exclude.clone(),
    };
    Ok(args.path.iter().map(directory).collect())
}

/// Scans on a thread of its own. None: the file system did not answer.
pub(super) async fn scan(
    directories: Arc<Vec<BackupDirectory>>,
    pace: &Arc<Pace>,
    limit: Duration,
    stop: &AtomicBool,
) -> Option<Report> {
    const GRACE: Duration = Duration::from_secs(5);
    let pace = Arc::clone(pace);
    let mut scanning = tokio::task::spawn_blocking(move || {
        lower_priority();
        let scanner = Scanner {
            directories: &directories,
            pace: &pace,
            look: Look::Once,
        };
        scanner.scan(&mut Cache::default(), now())
    });
    let scanned = if let Ok(scanned) = timeout(limit, &mut scanning).await {
        scanned
    } else {
        stop.store(true, Ordering::Relaxed);
        timeout(GRACE, scanning).await.ok()?
    };
    scanned.ok()
}

/// A database of the server.
pub(super) struct Existing {
    pub(super) name: String,
    pub(super) is_invalid: bool,
}

/// Every database of the server, or why they are not known.
async fn databases(server: &ServerConfig) -> Result<Vec<Existing>, String> {
    let deadline = server.cadence.timeout;
    let mut files = CredentialFiles::default();
    let session = Session::connect(&server.target, deadline, &mut files).await;
    let session = session.map_err(|error| chain(&error))?;
    let activity = timeout(deadline, session.activity(&ActivityQuestion::default())).await;
    let activity = activity
        .map_err(|_| format!("no answer within {}", humantime::format_duration(deadline)))?;
    let catalogue = activity.map_err(|error| chain(&error))?.catalogue;
    Ok(existing(&catalogue))
}

pub(super) fn existing(catalogue: &Catalogue) -> Vec<Existing> {
    let databases = catalogue.databases.iter();
    let databases = databases.map(|row| Existing {
        name: row.name.clone(),
        is_invalid: row.is_invalid(),
    });
    databases.collect()
}

/// Seconds since 1970.
#[expect(
    clippy::cast_possible_truncation,
    reason = "seconds fit for billions of years"
)]
pub(super) fn now() -> i64 {
    wall_clock() as i64
}
