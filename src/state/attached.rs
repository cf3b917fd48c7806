//! What is published of the sources beside PostgreSQL itself that belong to one server, such as its volumes. Each has a poller
//! of its own, which goes on while PostgreSQL is down.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Down;
use crate::backups::Report;
use crate::health::Health;
use crate::outcome::Outcome;
use crate::pooler::PoolerView;
use crate::probe::ProbeView;
use crate::sample::{Container, Space};

/// One attached source, as of its last poll.
#[derive(Debug, Clone)]
pub(crate) struct Attachment<T> {
    /// The last answer, or why there is none.
    pub(crate) reading: Result<T, Down>,
    pub(crate) health: Health,
    /// Until when `reading` is current. None: until it is replaced.
    current_until: Option<watch::Receiver<Instant>>,
}

impl<T: Clone> Attachment<T> {
    pub(crate) fn new(reading: Result<T, Down>, health: Health) -> Self {
        Self {
            reading,
            health,
            current_until: None,
        }
    }

    pub(crate) fn current_until(mut self, until: watch::Receiver<Instant>) -> Self {
        self.current_until = Some(until);
        self
    }

    fn has_expired(&self, now: Instant) -> bool {
        self.reading.is_ok() && is_past(self.current_until.as_ref(), now)
    }

    fn expire(self: &mut Arc<Self>, now: Instant) {
        if self.has_expired(now) {
            let timeout = Err(Down::Poll(Outcome::Timeout));
            *self = Arc::new(Self::new(timeout, self.health.clone()));
        }
    }
}

/// Whether data that is current until then has expired.
pub(super) fn is_past(until: Option<&watch::Receiver<Instant>>, now: Instant) -> bool {
    until.is_some_and(|until| *until.borrow() < now)
}

/// The attached sources of one server: one field for each kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attached {
    /// The configured labels of the server.
    pub(crate) labels: Arc<BTreeMap<String, String>>,
    /// `storage.size`, the configured capacity of the volume `data` in bytes.
    pub(crate) storage_size: Option<u64>,
    /// `storage.path` and `storage.volumes`, by the label `volume`.
    pub(crate) volumes: BTreeMap<String, Arc<Attachment<Space>>>,
    /// `poolers`, by the label `pooler`.
    pub(crate) poolers: BTreeMap<String, Arc<Attachment<Arc<PoolerView>>>>,
    /// `probes`, by the label `datname`. A reading stays until the next probe of its database.
    pub(crate) probes: BTreeMap<String, Arc<Attachment<Arc<ProbeView>>>>,
    /// The control group of PostgreSQL. None: not configured.
    pub(crate) container: Option<Arc<Attachment<Container>>>,
    /// None: no directory of backups is configured.
    pub(crate) backups: Option<Arc<Attachment<Arc<Report>>>>,
}

/// The labels of a source: all are empty for those of which a server has one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SourceLabels<'a> {
    pub(crate) volume: &'a str,
    pub(crate) pooler: &'a str,
    /// For a probe.
    pub(crate) datname: &'a str,
}

impl Attached {
    /// Replaces the reading of a volume. A volume that is no longer configured is not added again.
    pub(crate) fn set_volume(&mut self, volume: &str, attachment: Attachment<Space>) {
        if let Some(slot) = self.volumes.get_mut(volume) {
            *slot = Arc::new(attachment);
        }
    }

    /// Replaces the reading of a pooler, as `set_volume` does.
    pub(crate) fn set_pooler(&mut self, pooler: &str, attachment: Attachment<Arc<PoolerView>>) {
        if let Some(slot) = self.poolers.get_mut(pooler) {
            *slot = Arc::new(attachment);
        }
    }

    /// Replaces the reading of a database, as `set_volume` does.
    pub(crate) fn set_probe(&mut self, datname: &str, attachment: Attachment<Arc<ProbeView>>) {
        if let Some(slot) = self.probes.get_mut(datname) {
            *slot = Arc::new(attachment);
        }
    }

    /// Each database whose last probe succeeded.
    pub(crate) fn probe_views(&self) -> impl Iterator<Item = (&str, &ProbeView)> {
        let probes = self.probes.iter();
        probes.filter_map(|(name, probe)| Some((&**name, &**probe.reading.as_ref().ok()?)))
    }

    /// Replaces the report of the backups, unless they are no longer configured.
    pub(crate) fn set_backups(&mut self, attachment: Attachment<Arc<Report>>) {
        if let Some(slot) = &mut self.backups {
            *slot = Arc::new(attachment);
        }
    }

    /// Replaces the reading of the control group, if it is still configured.
    pub(crate) fn set_container(&mut self, attachment: Attachment<Container>) {
        if let Some(container) = &mut self.container {
            *container = Arc::new(attachment);
        }
    }

    /// The last reading of the control group.
    pub(crate) fn container(&self) -> Option<&Container> {
        self.container.as_ref()?.reading.as_ref().ok()
    }

    /// Each pooler that answers.
    pub(crate) fn pooler_views(&self) -> impl Iterator<Item = (&str, &PoolerView)> {
        let poolers = self.poolers.iter();
        poolers.filter_map(|(name, pooler)| Some((&**name, &**pooler.reading.as_ref().ok()?)))
    }

    /// None also while the directories cannot be listed.
    pub(crate) fn backup_report(&self) -> Option<&Report> {
        let backups = self.backups.as_ref()?;
        backups.reading.as_deref().ok()
    }

    /// Each volume, with its space if it was measured.
    pub(crate) fn all_volumes(&self) -> impl Iterator<Item = (&str, Option<&Space>)> {
        let volumes = self.volumes.iter();
        volumes.map(|(name, volume)| (&**name, volume.reading.as_ref().ok()))
    }

    /// The figures of each volume that was measured.
    pub(crate) fn spaces(&self) -> impl Iterator<Item = (&str, &Space)> {
        self.all_volumes()
            .filter_map(|(name, space)| Some((name, space?)))
    }

    /// The health of each source, with its labels.
    pub(super) fn health(&self) -> impl Iterator<Item = (SourceLabels<'_>, &Health)> {
        let of_volume = |volume| SourceLabels {
            volume,
            ..SourceLabels::default()
        };
        let of_pooler = |pooler| SourceLabels {
            pooler,
            ..SourceLabels::default()
        };
        let of_database = |datname| SourceLabels {
            datname,
            ..SourceLabels::default()
        };
        let probes = self.probes.iter();
        let probes = probes.map(move |(name, probe)| (of_database(&**name), &probe.health));
        let volumes = self.volumes.iter();
        let volumes = volumes.map(move |(name, volume)| (of_volume(&**name), &volume.health));
        let poolers = self.poolers.iter();
        let poolers = poolers.map(move |(name, pooler)| (of_pooler(&**name), &pooler.health));
        let backups = self.backups.iter().map(|backups| &backups.health);
        let container = self.container.iter().map(|container| &container.health);
        let single = backups.chain(container);
        let single = single.map(|health| (SourceLabels::default(), health));
        volumes.chain(poolers).chain(probes).chain(single)
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        let mut backups = self.backups.iter();
        let container = self.container.as_ref();
        self.volumes.values().any(|volume| volume.has_expired(now))
            || self.poolers.values().any(|pooler| pooler.has_expired(now))
            || backups.any(|backups| backups.has_expired(now))
            || container.is_some_and(|container| container.has_expired(now))
    }

    /// Replaces the readings that have expired by `timeout`.
    pub(super) fn expire(&mut self, now: Instant) {
        for volume in self.volumes.values_mut() {
            volume.expire(now);
        }
        for pooler in self.poolers.values_mut() {
            pooler.expire(now);
        }
        if let Some(backups) = &mut self.backups {
            backups.expire(now);
        }
        if let Some(container) = &mut self.container {
            container.expire(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::state::{Reload, Server, State};

    const SECOND: Duration = Duration::from_secs(1);

    fn space(available: u64) -> Space {
        Space {
            capacity: 100,
            available,
            used: 0,
            inodes: None,
        }
    }

    /// A server that is starting, with one volume.
    fn state(volume: Attachment<Space>) -> Arc<State> {
        let reload = Reload {
            successful: true,
            last_success: 0.0,
        };
        let attached = Attached {
            volumes: BTreeMap::from([("data".to_owned(), Arc::new(volume))]),
            ..Attached::default()
        };
        let server = Server::new("a".to_owned(), Err(Down::Starting), Health::of(&["x"]));
        let server = server.with_attached(Arc::new(attached));
        Arc::new(State::new(vec![Arc::new(server)], reload))
    }

    fn available(state: &State) -> Vec<u64> {
        let spaces = state.servers[0].attached.spaces();
        spaces.map(|(_, space)| space.available).collect()
    }

    fn measured(available: u64) -> Attachment<Space> {
        Attachment::new(Ok(space(available)), Health::of(&["storage"]))
    }

    #[test]
    fn a_poll_of_postgresql_keeps_what_was_measured() {
        let state = state(measured(7));
        let down = Err(Down::Poll(Outcome::Lost));
        let state = state.with(Server::new("a".to_owned(), down, Health::of(&["x"])));
        assert_eq!(available(&state), [7]);
    }

    #[test]
    fn a_measurement_keeps_what_was_polled_and_adds_no_volume() {
        let state = state(measured(7));
        let state = state.with_attached("a", |attached| {
            attached.set_volume("data", measured(8));
            attached.set_volume("removed", measured(9));
        });
        assert_eq!(available(&state), [8]);
        assert_eq!(
            state.servers[0].status.as_ref().err(),
            Some(&Down::Starting)
        );
    }

    /// The process was stopped, and is scraped before it has measured again.
    #[tokio::test(start_paused = true)]
    async fn a_measurement_that_is_too_old_is_not_shown() {
        let now = Instant::now();
        let (_sender, until) = watch::channel(now + SECOND);
        let state = state(measured(7).current_until(until));
        assert_eq!(available(&Arc::clone(&state).as_of(now + SECOND)), [7]);
        let late = state.as_of(now + SECOND * 2);
        assert_eq!(available(&late), [0; 0]);
        let [volume] = &late.servers[0]
            .attached
            .volumes
            .values()
            .collect::<Vec<_>>()[..]
        else {
            panic!("one volume");
        };
        assert_eq!(volume.reading, Err(Down::Poll(Outcome::Timeout)));
    }
}
