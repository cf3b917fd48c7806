//! Which names of a pooler have series of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{OTHER, SERIES};
use crate::sample::pooler::{Alias, Pool, PoolFigure, PoolerSettings};
use crate::series::slots::{LiveSlots, SeriesSlots};

#[derive(Debug, Default)]
pub(super) struct Shown {
    pools: LiveSlots,
    aliases: LiveSlots,
    clients: SeriesSlots,
    /// The settings with all entries, and with those that are shown.
    settings: Option<(Arc<PoolerSettings>, Arc<PoolerSettings>)>,
}

impl Shown {
    /// Gives series to pools, those with most clients first, and to entries of `[databases]`. Returns how many have none.
    pub(super) fn assign(
        &mut self,
        pools: &[Pool],
        aliases: &[Alias],
        now: Duration,
    ) -> (usize, usize) {
        let mut order: Vec<_> = pools
            .iter()
            .map(|pool| (clients(pool), key(pool)))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let names: Vec<_> = order.iter().map(|(_, name)| &**name).collect();
        self.pools.assign(now, SERIES, &names);
        let hidden_pools = names.iter().filter(|name| !self.pools.has(name)).count();
        let names: Vec<_> = aliases.iter().map(|alias| &*alias.name).collect();
        self.aliases.assign(now, SERIES, &names);
        let hidden_aliases = names.iter().filter(|name| !self.aliases.has(name)).count();
        (hidden_pools, hidden_aliases)
    }

    /// The pools that have series, and the sum of the others.
    pub(super) fn pools(&self, pools: Vec<Pool>) -> Vec<Pool> {
        let mut shown: BTreeMap<(String, String), Pool> = BTreeMap::new();
        for mut pool in pools {
            if !self.pools.has(&key(&pool)) {
                (pool.alias, pool.user) = (OTHER.to_owned(), OTHER.to_owned());
            }
            let name = (pool.alias.clone(), pool.user.clone());
            match shown.get_mut(&name) {
                Some(sum) => add(sum, &pool),
                None => drop(shown.insert(name, pool)),
            }
        }
        shown.into_values().collect()
    }

    /// Without the entries that have no series.
    pub(super) fn settings(
        &mut self,
        settings: &Arc<PoolerSettings>,
        now: Duration,
    ) -> Arc<PoolerSettings> {
        if let Some((all, shown)) = &self.settings
            && Arc::ptr_eq(all, settings)
        {
            return Arc::clone(shown);
        }
        let mut shown = PoolerSettings::clone(settings);
        shown.aliases.retain(|alias| self.aliases.has(&alias.name));
        shown
            .totals
            .retain(|totals| self.aliases.has(&totals.alias));
        shown.clients = shown
            .clients
            .map(|clients| self.shown_clients(clients, now));
        shown.users.clear(); // only ceilings need them
        let shown = Arc::new(shown);
        self.settings = Some((Arc::clone(settings), Arc::clone(&shown)));
        shown
    }
}

type Clients = BTreeMap<[String; 4], u32>;

impl Shown {
    /// The groups with most clients, and the sum of the others by state.
    fn shown_clients(&mut self, clients: Clients, now: Duration) -> Clients {
        let mut order: Vec<_> = clients
            .iter()
            .map(|(of, count)| (of.join("\0"), *count))
            .collect();
        order.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let names: Vec<_> = order.iter().map(|(name, _)| &**name).collect();
        self.clients.assign(now, SERIES, &names);
        let mut shown = Clients::new();
        for (of, count) in clients {
            let [_, _, _, state] = &of;
            let other = || [OTHER, OTHER, OTHER, state].map(str::to_owned);
            let name = if self.clients.has(&of.join("\0")) {
                of
            } else {
                other()
            };
            *shown.entry(name).or_insert(0) += count;
        }
        shown
    }
}

/// A name has no zero byte.
fn key(pool: &Pool) -> String {
    format!("{}\0{}", pool.alias, pool.user)
}

fn clients(pool: &Pool) -> f64 {
    let figures = [PoolFigure::ClientsActive, PoolFigure::ClientsWaiting];
    figures
        .iter()
        .filter_map(|figure| pool.figure(*figure))
        .sum()
}

/// Adds counts; of waiting times the longest counts.
fn add(sum: &mut Pool, pool: &Pool) {
    for (n, (sum, figure)) in sum.figures.iter_mut().zip(pool.figures).enumerate() {
        *sum = match (*sum, figure) {
            (Some(a), Some(b)) if n == PoolFigure::MaxWait as usize => Some(a.max(b)),
            (Some(a), Some(b)) => Some(a + b),
            (known, None) | (None, known) => known,
        };
    }
}
