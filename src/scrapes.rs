//! When the pages were asked for, and when each client will ask again: the statistics are read shortly before that. It holds
//! times only, and no request waits for anything here. Pure: `now` is an argument.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Requests that are closer together are one request: two Prometheus servers behind one address, or a reload of a page.
const SAME: Duration = Duration::from_millis(500);
/// No client is followed more often.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// Figures are read this part of the interval before the next request, within these bounds: a request that comes a little
/// earlier than expected must find them.
const LEAD: u32 = 4;
const MIN_LEAD: Duration = Duration::from_millis(250);
const MAX_LEAD: Duration = Duration::from_secs(1);
/// After this many missed requests a client is gone.
const MISSED: u32 = 3;
/// The clients of one page that are remembered. The one that was silent for the longest time makes room for another one.
const CLIENTS: usize = 16;
/// A page that was not asked for in this time is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// What the listener publishes. See [`Scrapes`].
pub(crate) type ScrapeLog = watch::Sender<Scrapes>;

/// The clients of each page.
#[derive(Debug, Default)]
pub(crate) struct Scrapes {
    /// By the server that the page shows; None: all servers. Only configured servers have a page.
    pages: BTreeMap<Option<String>, Vec<Client>>,
}

#[derive(Debug)]
struct Client {
    address: IpAddr,
    last: Instant,
    /// The last two times between requests.
    gaps: [Option<Duration>; 2],
}

impl Scrapes {
    /// A client was sent a page.
    pub(crate) fn served(&mut self, server: Option<&str>, address: IpAddr, now: Instant) {
        self.pages.retain(|_, clients| {
            let is_used = |client: &Client| now < client.last + FORGOTTEN;
            clients.iter().any(is_used)
        });
        let clients = self.pages.entry(server.map(str::to_owned)).or_default();
        if let Some(client) = clients.iter_mut().find(|it| it.address == address) {
            return client.asked(now);
        }
        if clients.len() == CLIENTS {
            let silent = (0..CLIENTS).min_by_key(|n| clients[*n].last);
            clients.swap_remove(silent.expect("the list is not empty"));
        }
        clients.push(Client {
            address,
            last: now,
            gaps: [None; 2],
        });
    }

    /// When figures that were read at `read` must be read again, so that the next request of each client finds newer ones than
    /// its last. None: no request is expected.
    pub(crate) fn due(&self, server: &str, read: Instant, now: Instant) -> Option<Instant> {
        let shows = |page: &Option<String>| page.as_deref().is_none_or(|shown| shown == server);
        let pages = self.pages.iter().filter(|(page, _)| shows(page));
        let clients = pages.flat_map(|(_, clients)| clients);
        clients.filter_map(|client| client.due(read, now)).min()
    }
}

impl Client {
    fn asked(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.last);
        if gap >= SAME {
            self.last = now;
            self.gaps = [Some(gap), self.gaps[0]];
        }
    }

    /// The shorter gap counts: a request that was missed once makes a gap longer.
    fn interval(&self) -> Option<Duration> {
        let shorter = self.gaps.into_iter().flatten().min()?;
        Some(shorter.max(MIN_INTERVAL))
    }

    fn due(&self, read: Instant, now: Instant) -> Option<Instant> {
        let interval = self.interval()?;
        let lead = (interval / LEAD).clamp(MIN_LEAD, MAX_LEAD);
        (1..=MISSED)
            .map(|missed| self.last + interval * missed)
            .filter(|expected| *expected + lead > now)
            .map(|expected| expected - lead)
            .find(|due| read + lead < *due)
    }
}

#[cfg(test)]
mod tests;
