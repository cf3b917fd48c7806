//! A `PgBouncer` of a server as a source: one job, which reads its pools, and now and then what changes seldom. A pooler that
//! is down affects only its own series.

use std::sync::Arc;
use std::time::Duration;

use super::source::{LogMessages, PollTiming, Publication, Session, Source, SourceId};
use crate::config::PoolerConfig;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::pooler::{PoolerTracker, PoolerView};
use crate::postgres::{Console, CredentialFiles, console_failure};
use crate::sample::pooler::PoolerAnswer;
use crate::state::Publisher;

/// How often entries, users, settings and counters are read.
const SETTINGS_INTERVAL: Duration = Duration::from_secs(15);
/// An entry that appears is read earlier, but not at each poll: clients can create entries.
const EARLY: Duration = Duration::from_secs(2);

pub(super) struct PoolerSource {
    config: Arc<PoolerConfig>,
    tracker: PoolerTracker,
    view: Option<Arc<PoolerView>>,
    settings_due: Duration,
    settings_read: Duration,
}

/// Whether to read the settings, too.
pub(crate) struct WithSettings(bool);

impl Session for Console {
    type Question = WithSettings;
    type Answer = PoolerAnswer;

    async fn ask(
        &mut self,
        question: &WithSettings,
        _: Duration,
    ) -> Result<PoolerAnswer, Failed<Outcome>> {
        let answer = Console::ask(self, question.0).await;
        answer.map_err(|error| Failed {
            why: error.outcome(),
            error: error.into(),
        })
    }

    async fn closed(&mut self) {
        Console::closed(self).await;
    }
}

impl Source for PoolerSource {
    type Config = PoolerConfig;
    type Session = Console;
    type Opener = CredentialFiles;
    const JOBS: &'static [&'static str] = &["pooler"];
    const MESSAGES: LogMessages = LogMessages {
        ready: "pooler connected",
        down: "pooler down",
    };

    fn new(config: Arc<PoolerConfig>) -> Self {
        Self {
            config,
            tracker: PoolerTracker::default(),
            view: None,
            settings_due: Duration::ZERO,
            settings_read: Duration::ZERO,
        }
    }

    fn id(config: &PoolerConfig) -> SourceId {
        SourceId {
            server: config.server.clone(),
            part: Some(config.pooler.clone()),
        }
    }

    fn config(&self) -> &Arc<PoolerConfig> {
        &self.config
    }

    /// `PgBouncer` has one thread: with many pools its console is asked less often.
    fn timing(&self) -> PollTiming {
        let config = &self.config;
        PollTiming::attached(config.interval, config.timeout, config.max_time_fraction)
    }

    async fn open(
        config: Arc<PoolerConfig>,
        files: &mut CredentialFiles,
    ) -> Result<Console, Failed<ConnectFailure>> {
        let console = Console::connect(&config.target, config.timeout, files).await;
        console.map_err(|error| Failed {
            why: console_failure(&error),
            error: error.into(),
        })
    }

    /// It may have been restarted with other entries.
    fn opened(&mut self, _: &Console) {
        self.settings_due = Duration::ZERO;
        self.view = None;
        self.tracker.mark_gap();
    }

    fn question(&mut self, _: usize, now: Duration) -> Option<WithSettings> {
        Some(WithSettings(now >= self.settings_due))
    }

    fn answered(
        &mut self,
        _: &Console,
        answer: PoolerAnswer,
        took: Duration,
        now: Duration,
    ) -> Duration {
        if answer.settings.is_some() {
            self.settings_read = now;
            self.settings_due = now + SETTINGS_INTERVAL;
        } else if self.tracker.has_unknown_alias(&answer.pools) {
            self.settings_due = self.settings_due.min(self.settings_read + EARLY);
        }
        let (hosts, window) = (&self.config.server_hosts, self.config.window);
        let view = self.tracker.observe(answer, hosts, now, window);
        self.view = Some(Arc::new(view));
        took
    }

    fn failed(&mut self, _: usize, _: Outcome, _: Duration, _: Duration) {
        self.view = None;
        self.tracker.mark_gap();
    }

    fn mark_gap(&mut self) {
        self.tracker.mark_gap();
    }

    fn reconfigure(&mut self, config: Arc<PoolerConfig>, _: Duration) -> bool {
        let old = std::mem::replace(&mut self.config, config);
        old.target != self.config.target || old.timeout != self.config.timeout
    }

    fn version(&self) -> String {
        let view = self.view.as_ref();
        view.map_or_else(String::new, |view| view.settings.version.clone())
    }

    fn publish(&self, publisher: &Publisher, publication: Publication) {
        let server = &self.config.server;
        publication.send(publisher, server, self.view.clone(), |attached, it| {
            attached.set_pooler(&self.config.pooler, it);
        });
    }
}
