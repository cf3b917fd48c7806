//! A volume of a server as a source: one job, which measures its space. A measurement that fails or hangs affects only the
//! series of this volume.

use std::sync::Arc;
use std::time::Duration;

use super::source::{LogMessages, PollTiming, Publication, Session, Source, SourceId};
use crate::config::VolumeConfig;
use crate::outcome::{ConnectFailure, Failed, Outcome};
use crate::sample::Space;
use crate::state::Publisher;
use crate::storage::{MeasureError, VolumeMeter};

pub(super) struct VolumeSource {
    config: Arc<VolumeConfig>,
    /// The last measurement; None: there was none yet.
    space: Option<Space>,
}

pub(super) struct VolumeSession {
    config: Arc<VolumeConfig>,
    meter: VolumeMeter,
}

impl Session for VolumeSession {
    type Question = ();
    type Answer = Space;

    /// Gives up before the poller does: the poller would then close this session, and the next one would begin another
    /// measurement beside the one that hangs.
    async fn ask(&mut self, (): &(), limit: Duration) -> Result<Space, Failed<Outcome>> {
        let measured = self.meter.measure(&self.config.path, limit * 4 / 5).await;
        measured.map_err(|error| Failed {
            why: match error {
                MeasureError::Timeout { .. } => Outcome::Timeout,
                MeasureError::Unreadable { .. } | MeasureError::Unsuitable { .. } => Outcome::Error,
            },
            error: error.into(),
        })
    }
}

impl Source for VolumeSource {
    type Config = VolumeConfig;
    type Session = VolumeSession;
    type Opener = ();
    const JOBS: &'static [&'static str] = &["storage"];
    const MESSAGES: LogMessages = LogMessages {
        ready: "volume measured",
        down: "volume not measured",
    };

    fn new(config: Arc<VolumeConfig>) -> Self {
        Self {
            config,
            space: None,
        }
    }

    fn id(config: &VolumeConfig) -> SourceId {
        SourceId {
            server: config.server.clone(),
            part: Some(config.volume.clone()),
        }
    }

    fn config(&self) -> &Arc<VolumeConfig> {
        &self.config
    }

    /// The cost is four system calls: it never makes the interval longer.
    fn timing(&self) -> PollTiming {
        let config = &self.config;
        PollTiming::attached(config.interval, config.timeout, 1.0)
    }

    async fn open(
        config: Arc<VolumeConfig>,
        (): &mut (),
    ) -> Result<VolumeSession, Failed<ConnectFailure>> {
        let meter = VolumeMeter::default();
        Ok(VolumeSession { config, meter })
    }

    fn question(&mut self, _: usize, _: Duration) -> Option<()> {
        Some(())
    }

    fn answered(
        &mut self,
        _: &VolumeSession,
        space: Space,
        took: Duration,
        _: Duration,
    ) -> Duration {
        self.space = Some(space);
        took
    }

    fn failed(&mut self, _: usize, _: Outcome, _: Duration, _: Duration) {
        self.space = None;
    }

    /// Another path needs another session: the measurement of the old one may hang.
    fn reconfigure(&mut self, config: Arc<VolumeConfig>, _: Duration) -> bool {
        let old = std::mem::replace(&mut self.config, config);
        let has_moved = old.path != self.config.path;
        if has_moved {
            self.space = None;
        }
        has_moved
    }

    fn publish(&self, publisher: &Publisher, publication: Publication) {
        let server = &self.config.server;
        publication.send(publisher, server, self.space, |attached, it| {
            attached.set_volume(&self.config.volume, it);
        });
    }
}
