//! The directories of backups of a server as a source: one job, which lists them. One thread lists, another one reads the content
//! of files at a limited rate; a file system that hangs occupies both, and affects only the series of the backups.

mod session;

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::source::{LogMessages, PollTiming, Publication, Source, SourceId};
use crate::backups::{DirectoryReport, Report};
use crate::config::BackupConfig;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::state::Publisher;
use session::BackupSession;

pub(super) struct BackupSource {
    config: Arc<BackupConfig>,
    /// The last report; None: there was none yet.
    report: Option<Arc<Report>>,
    /// What was logged last about each directory.
    problems: Vec<Option<String>>,
}

impl Source for BackupSource {
    type Config = BackupConfig;
    type Session = BackupSession;
    type Opener = ();
    const JOBS: &'static [&'static str] = &["backups"];
    const MESSAGES: LogMessages = LogMessages {
        ready: "backups listed",
        down: "backups not listed",
    };

    fn new(config: Arc<BackupConfig>) -> Self {
        Self {
            config,
            report: None,
            problems: Vec::new(),
        }
    }

    fn id(config: &BackupConfig) -> SourceId {
        SourceId {
            server: config.server.clone(),
            part: None,
        }
    }

    fn config(&self) -> &Arc<BackupConfig> {
        &self.config
    }

    /// The session itself makes listings that take long less frequent.
    fn timing(&self) -> PollTiming {
        let config = &self.config;
        PollTiming::attached(config.cadence.interval, config.timeout, 1.0)
    }

    async fn open(
        config: Arc<BackupConfig>,
        (): &mut (),
    ) -> Result<BackupSession, Failed<ConnectFailure>> {
        Ok(BackupSession::new(config))
    }

    fn question(&mut self, _: usize, _: Duration) -> Option<()> {
        Some(())
    }

    /// None: a listing is in progress, and the last report stays.
    fn answered(
        &mut self,
        _: &BackupSession,
        report: Option<Report>,
        took: Duration,
        _: Duration,
    ) -> Duration {
        if let Some(report) = report {
            self.log(&report.directories);
            self.report = Some(Arc::new(report));
        }
        took
    }

    fn failed(&mut self, _: usize, _: Outcome, _: Duration, _: Duration) {
        self.report = None;
    }

    /// Other directories or another rate need other threads.
    fn reconfigure(&mut self, config: Arc<BackupConfig>, _: Duration) -> bool {
        let old = std::mem::replace(&mut self.config, config);
        let is_changed = old != self.config;
        if is_changed {
            self.report = None;
            self.problems.clear();
        }
        is_changed
    }

    fn publish(&self, publisher: &Publisher, publication: Publication) {
        let server = &self.config.server;
        publication.send(publisher, server, self.report.clone(), |attached, it| {
            attached.set_backups(it);
        });
    }
}

impl BackupSource {
    /// Logs a directory when its problem changes.
    fn log(&mut self, directories: &[DirectoryReport]) {
        self.problems.resize(directories.len(), None);
        for (directory, logged) in directories.iter().zip(&mut self.problems) {
            let problem = directory.problem_text();
            if *logged == problem {
                continue;
            }
            let (server, path) = (&self.config.server, directory.path.display());
            if let Some(problem) = &problem {
                warn!(server, %path, problem, "backups are not all known");
            } else {
                info!(server, %path, "backups are known again");
            }
            *logged = problem;
        }
    }
}
