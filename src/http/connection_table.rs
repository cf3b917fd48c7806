//! Limits the number of open connections. When the table is full, a new connection gets the slot of the least recently active
//! connection of the client network that holds the most slots. So no client can lock out others with connections that are
//! idle, send requests slowly or read slowly.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::health::CloseReason;

/// Far more connections than scrapers of one agent need.
const MAX_CONNECTIONS: u64 = 512;
/// A connection without a new request for this long is closed, whatever its state. It is longer than a common scrape interval of
/// 30 s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// A new connection is not evicted for this long. In this time the whole table can be filled once.
pub(super) const MIN_SERVICE_TIME: Duration = Duration::from_millis(200);

pub(super) struct ConnectionTable {
    capacity: usize,
    slots: Vec<Weak<Slot>>,
}

/// The place of one connection in the table. It is free when the connection drops it.
pub(super) struct Slot {
    network: IpAddr,
    opened: Instant,
    /// When the last request arrived, or when the connection was opened.
    last_request: watch::Sender<Instant>,
    close: Notify,
    reason: OnceLock<CloseReason>,
}

impl ConnectionTable {
    /// Uses at most half of the process's file descriptors, because sessions, files and timers need some too.
    pub(super) fn new() -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let capacity = (files / 2).clamp(1, MAX_CONNECTIONS);
        Self {
            capacity: usize::try_from(capacity).expect("a small number"),
            slots: Vec::new(),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// A slot for a connection from this address. Evicts another connection if the table is full.
    pub(super) async fn insert(&mut self, address: IpAddr) -> Arc<Slot> {
        self.slots.retain(|slot| slot.strong_count() > 0);
        if self.slots.len() >= self.capacity {
            self.evict_one().await;
        }
        let now = Instant::now();
        let slot = Arc::new(Slot {
            network: network(address),
            opened: now,
            last_request: watch::Sender::new(now),
            close: Notify::new(),
            reason: OnceLock::new(),
        });
        self.slots.push(Arc::downgrade(&slot));
        slot
    }

    /// Evicts one connection. Returns whether there was one.
    pub(super) async fn evict_one(&mut self) -> bool {
        let Some(victim) = self.victim() else {
            return false;
        };
        sleep_until(victim.opened + MIN_SERVICE_TIME).await;
        victim.close(CloseReason::ConnectionLimit);
        let victim = Arc::downgrade(&victim);
        self.slots.retain(|slot| !slot.ptr_eq(&victim));
        true
    }

    fn victim(&self) -> Option<Arc<Slot>> {
        let slots: Vec<_> = self.slots.iter().filter_map(Weak::upgrade).collect();
        let mut held = HashMap::new();
        for slot in &slots {
            *held.entry(slot.network).or_insert(0) += 1;
        }
        let order = |slot: &Arc<Slot>| {
            let is_new = slot.opened.elapsed() < MIN_SERVICE_TIME;
            let last_request = *slot.last_request.borrow();
            (Reverse(held[&slot.network]), is_new, last_request)
        };
        slots.into_iter().min_by_key(order)
    }
}

impl Slot {
    /// The address of the client, without the part that a client may choose.
    pub(super) fn network(&self) -> IpAddr {
        self.network
    }

    pub(super) fn request_arrived(&self) {
        self.last_request.send_replace(Instant::now());
    }

    /// Tells the connection to close. The first reason is kept.
    pub(super) fn close(&self, reason: CloseReason) {
        self.reason.get_or_init(|| reason);
        self.close.notify_one();
    }

    /// Waits until the connection must close.
    pub(super) async fn must_close(&self) -> CloseReason {
        let mut requests = self.last_request.subscribe();
        let no_request =
            async { while timeout(REQUEST_TIMEOUT, requests.changed()).await.is_ok() {} };
        tokio::select! {
            () = self.close.notified() => {}
            () = no_request => {}
        }
        *self.reason.get_or_init(|| CloseReason::NoRequest)
    }
}

/// The IPv4 address, or the /64 of an IPv6 address: a client with one IPv6 address usually has the whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// A scrape interval just below the request timeout.
    const SCRAPE_INTERVAL: Duration = Duration::from_secs(39);
    const CLIENT: &str = "192.0.2.1";

    fn table(capacity: usize) -> ConnectionTable {
        let slots = Vec::new();
        ConnectionTable { capacity, slots }
    }

    async fn is_closing(slot: &Slot) -> bool {
        timeout(Duration::ZERO, slot.must_close()).await.is_ok()
    }

    /// Opens one connection from each address, one per second.
    async fn open(table: &mut ConnectionTable, addresses: &[&str]) -> Vec<Arc<Slot>> {
        let mut slots = Vec::new();
        for address in addresses {
            advance(SECOND).await;
            slots.push(table.insert(address.parse().expect("an address")).await);
        }
        slots
    }

    /// Opens connections from new addresses. Returns which of `slots` are evicted, in order.
    async fn evicted_by(table: &mut ConnectionTable, slots: &[Arc<Slot>], count: u8) -> Vec<usize> {
        let (mut evicted, mut others) = (Vec::new(), Vec::new());
        for n in 0..count {
            others.extend(open(table, &[&format!("198.51.100.{n}")]).await);
            for (n, slot) in slots.iter().enumerate() {
                if !evicted.contains(&n) && is_closing(slot).await {
                    evicted.push(n);
                }
            }
        }
        evicted
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_recently_active_connection_is_evicted() {
        let mut table = table(4);
        let slots = open(&mut table, &[CLIENT; 3]).await;
        advance(SECOND).await;
        slots[0].request_arrived();
        assert_eq!(evicted_by(&mut table, &slots, 4).await, [1, 2, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_network_with_the_most_connections_loses_one() {
        let mut table = table(6);
        let addresses = [
            "192.0.2.9",
            "2001:db8::1",
            "2001:db8:0:1::1",
            CLIENT,
            "::ffff:192.0.2.1",
            "2001:db8::ffff:2",
        ];
        let slots = open(&mut table, &addresses).await;
        assert_eq!(evicted_by(&mut table, &slots, 4).await, [1, 3, 0, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_evicted_while_a_slot_is_free() {
        let mut table = table(3);
        let mut slots = open(&mut table, &[CLIENT; 3]).await;
        slots.pop();
        assert_eq!(evicted_by(&mut table, &slots, 1).await, [0; 0]);
    }

    /// Frequent requests do not help older connections, and another address does not harm them.
    #[tokio::test(start_paused = true)]
    async fn a_new_connection_is_evicted_last() {
        let mut table = table(4);
        let slots = open(&mut table, &[CLIENT, CLIENT, "198.51.100.1"]).await;
        advance(SECOND).await;
        let address = CLIENT.parse().expect("an address");
        let new = table.insert(address).await;
        let start = Instant::now();
        let mut kept = Vec::new();
        for n in 0..2 {
            slots[0].request_arrived();
            slots[1].request_arrived();
            kept.push(table.insert(address).await);
            assert!(is_closing(&slots[n]).await && !is_closing(&new).await);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        kept.push(table.insert(address).await);
        assert_eq!(start.elapsed(), MIN_SERVICE_TIME);
        assert!(is_closing(&new).await && !is_closing(&slots[2]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_closed() {
        let mut table = ConnectionTable::new();
        let [slot] = open(&mut table, &[CLIENT])
            .await
            .try_into()
            .ok()
            .expect("one");
        let start = Instant::now();
        let requests = async {
            for _ in 0..3 {
                sleep(SCRAPE_INTERVAL).await;
                slot.request_arrived();
            }
        };
        tokio::join!(slot.must_close(), requests);
        assert_eq!(start.elapsed(), SCRAPE_INTERVAL * 3 + REQUEST_TIMEOUT);
        drop(slot);
        assert!(!table.evict_one().await, "the table is empty");
    }
}
