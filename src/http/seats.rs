//! Who is served: so many connections at once. When all seats are taken, a new connection gets that of the address which has
//! the most, of the one whose last request is the longest ago: be it idle, slow to ask or slow to read, nobody can keep others
//! out by holding on.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::health::CloseReason;

/// Far more than scrape one agent.
const SEATS: u64 = 512;
/// A connection that has made no request for so long is closed, whatever it does. Longer than the 30 s that many scrape at.
const PATIENCE: Duration = Duration::from_secs(40);

/// So long a connection is served, whoever else comes; as many as there are seats can come in that time.
pub(super) const SERVICE: Duration = Duration::from_millis(200);

pub(super) struct Seats {
    count: usize,
    taken: Vec<Weak<Seat>>,
}

/// Belongs to a connection as long as that lives.
pub(super) struct Seat {
    origin: IpAddr,
    came: Instant,
    /// When it made its last request, or came.
    asked: watch::Sender<Instant>,
    leave: Notify,
    reason: OnceLock<CloseReason>,
}

impl Seats {
    /// Half of the process' file descriptors at most: sessions, files and timers need some, whoever comes.
    pub(super) fn new() -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let count = (files / 2).clamp(1, SEATS);
        Self {
            count: usize::try_from(count).expect("a small number"),
            taken: Vec::new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// A seat for one who comes from this address.
    pub(super) async fn take(&mut self, address: IpAddr) -> Arc<Seat> {
        self.taken.retain(|seat| seat.strong_count() > 0);
        if self.taken.len() >= self.count {
            self.free_one().await;
        }
        let now = Instant::now();
        let seat = Arc::new(Seat {
            origin: origin(address),
            came: now,
            asked: watch::Sender::new(now),
            leave: Notify::new(),
            reason: OnceLock::new(),
        });
        self.taken.push(Arc::downgrade(&seat));
        seat
    }

    /// Tells one to leave; whether there was anybody.
    pub(super) async fn free_one(&mut self) -> bool {
        let Some(leaver) = self.leaver() else {
            return false;
        };
        sleep_until(leaver.came + SERVICE).await;
        leaver.leave(CloseReason::ConnectionLimit);
        let leaver = Arc::downgrade(&leaver);
        self.taken.retain(|seat| !seat.ptr_eq(&leaver));
        true
    }

    fn leaver(&self) -> Option<Arc<Seat>> {
        let seats: Vec<_> = self.taken.iter().filter_map(Weak::upgrade).collect();
        let mut shares = HashMap::new();
        for seat in &seats {
            *shares.entry(seat.origin).or_insert(0) += 1;
        }
        let order = |seat: &Arc<Seat>| {
            let is_new = seat.came.elapsed() < SERVICE;
            (Reverse(shares[&seat.origin]), is_new, *seat.asked.borrow())
        };
        seats.into_iter().min_by_key(order)
    }
}

impl Seat {
    /// A request has come.
    pub(super) fn asked(&self) {
        self.asked.send_replace(Instant::now());
    }

    /// The connection has to go; the first reason counts.
    pub(super) fn leave(&self, reason: CloseReason) {
        self.reason.get_or_init(|| reason);
        self.leave.notify_one();
    }

    /// Returns when the connection has to go.
    pub(super) async fn lost(&self) -> CloseReason {
        let mut asked = self.asked.subscribe();
        let stale = async { while timeout(PATIENCE, asked.changed()).await.is_ok() {} };
        tokio::select! {
            () = self.leave.notified() => {}
            () = stale => {}
        }
        *self.reason.get_or_init(|| CloseReason::NoRequest)
    }
}

/// Whoever has one address of version 6 has the 2^64 beside it too.
fn origin(address: IpAddr) -> IpAddr {
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
    /// An interval that is nearly as long as the patience.
    const SCRAPES: Duration = Duration::from_secs(39);
    const HERE: &str = "192.0.2.1";

    fn seats(count: usize) -> Seats {
        let taken = Vec::new();
        Seats { count, taken }
    }

    async fn is_lost(seat: &Seat) -> bool {
        timeout(Duration::ZERO, seat.lost()).await.is_ok()
    }

    /// Seats for those who come from these addresses, a second after one another.
    async fn come(seats: &mut Seats, addresses: &[&str]) -> Vec<Arc<Seat>> {
        let mut held = Vec::new();
        for address in addresses {
            advance(SECOND).await;
            held.push(seats.take(address.parse().expect("an address")).await);
        }
        held
    }

    /// Which of them lose their seats to others, in what order, if so many come from elsewhere, each from an address of its own.
    async fn lost_to(seats: &mut Seats, held: &[Arc<Seat>], others: u8) -> Vec<usize> {
        let (mut lost, mut staying) = (Vec::new(), Vec::new());
        for n in 0..others {
            staying.extend(come(seats, &[&format!("198.51.100.{n}")]).await);
            for (n, seat) in held.iter().enumerate() {
                if !lost.contains(&n) && is_lost(seat).await {
                    lost.push(n);
                }
            }
        }
        lost
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asked_longest_ago_makes_room() {
        let mut seats = seats(4);
        let held = come(&mut seats, &[HERE; 3]).await;
        advance(SECOND).await;
        held[0].asked();
        assert_eq!(lost_to(&mut seats, &held, 4).await, [1, 2, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_has_the_most_makes_room() {
        let mut seats = seats(6);
        let addresses = [
            "192.0.2.9",
            "2001:db8::1",
            "2001:db8:0:1::1",
            HERE,
            "::ffff:192.0.2.1",
            "2001:db8::ffff:2",
        ];
        let held = come(&mut seats, &addresses).await;
        assert_eq!(lost_to(&mut seats, &held, 4).await, [1, 3, 0, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_leaves_while_a_seat_is_free() {
        let mut seats = seats(3);
        let mut held = come(&mut seats, &[HERE; 3]).await;
        held.pop();
        assert_eq!(lost_to(&mut seats, &held, 1).await, [0; 0]);
    }

    /// Those who ask all the time are no better, and those from elsewhere no worse.
    #[tokio::test(start_paused = true)]
    async fn whoever_is_new_is_served_first() {
        let mut seats = seats(4);
        let held = come(&mut seats, &[HERE, HERE, "198.51.100.1"]).await;
        advance(SECOND).await;
        let address = HERE.parse().expect("an address");
        let new = seats.take(address).await;
        let start = Instant::now();
        let mut kept = Vec::new();
        for n in 0..2 {
            held[0].asked();
            held[1].asked();
            kept.push(seats.take(address).await);
            assert!(is_lost(&held[n]).await && !is_lost(&new).await);
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        kept.push(seats.take(address).await);
        assert_eq!(start.elapsed(), SERVICE);
        assert!(is_lost(&new).await && !is_lost(&held[2]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_seat_is_lost_without_requests() {
        let mut seats = Seats::new();
        let [seat] = come(&mut seats, &[HERE])
            .await
            .try_into()
            .ok()
            .expect("one");
        let start = Instant::now();
        let asking = async {
            for _ in 0..3 {
                sleep(SCRAPES).await;
                seat.asked();
            }
        };
        tokio::join!(seat.lost(), asking);
        assert_eq!(start.elapsed(), SCRAPES * 3 + PATIENCE);
        drop(seat);
        assert!(!seats.free_one().await, "nobody is there");
    }
}
