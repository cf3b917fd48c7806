//! The pollers of one kind of source, each in its own task: one that hangs does not delay the others.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::poller::Poller;
use super::source::{Source, SourceId};
use crate::scrapes::Scrapes;
use crate::state::Publisher;

/// What every poller publishes to, and what it reads.
#[derive(Clone)]
pub(super) struct Channels {
    pub(super) publisher: Publisher,
    pub(super) scrapes: watch::Receiver<Scrapes>,
}

pub(super) struct Pollers<S: Source>(BTreeMap<SourceId, PollerTask<S::Config>>);

struct PollerTask<C> {
    config: watch::Sender<Arc<C>>,
    task: AbortHandle,
}

impl<S: Source> Default for Pollers<S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<S: Source> Pollers<S> {
    /// Starts, stops and reconfigures pollers, so that exactly these sources are polled. A source whose configuration has not
    /// changed is not disturbed.
    pub(super) fn apply(
        &mut self,
        sources: Vec<S::Config>,
        tasks: &mut JoinSet<Infallible>,
        channels: &Channels,
    ) {
        let wanted: BTreeSet<_> = sources.iter().map(S::id).collect();
        self.0.retain(|id, poller| {
            let stays = wanted.contains(id);
            if !stays {
                poller.task.abort();
            }
            stays
        });
        for source in sources {
            self.apply_one(source, tasks, channels);
        }
    }

    fn apply_one(
        &mut self,
        source: S::Config,
        tasks: &mut JoinSet<Infallible>,
        channels: &Channels,
    ) {
        let id = S::id(&source);
        if let Some(poller) = self.0.get(&id) {
            poller.config.send_if_modified(|old| {
                let changed = **old != source;
                *old = Arc::new(source);
                changed
            });
            return;
        }
        let (config, watched) = watch::channel(Arc::new(source));
        let poller = Poller::<S>::new(
            watched,
            channels.publisher.clone(),
            channels.scrapes.clone(),
        );
        let task = tasks.spawn(poller.run());
        self.0.insert(id, PollerTask { config, task });
    }
}
