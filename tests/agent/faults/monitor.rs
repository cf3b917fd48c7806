//! Scrapes `/metrics` while a fault lasts. The agent must answer at once in every state, and its figures must be current or
//! absent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::support::{Agent, Scrape, exchange, poll_blocking};

/// Answers come from memory; the limit allows for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);
/// The longest pause between two logins, and time for the login and a poll.
const RECOVERY_LIMIT: Duration = Duration::from_secs(12);
/// Seconds from the start of a poll until the deadline of the next one, by default.
const MAX_AGE: f64 = 5.0;
/// Longer than any fault lasts.
const MAX_DURATION: Duration = Duration::from_mins(2);

pub(crate) struct FaultMonitor {
    fault: &'static str,
    ended: Arc<AtomicBool>,
    seen: Option<JoinHandle<Seen>>,
    fault_ended: Instant,
}

#[derive(Default)]
struct Seen {
    pages: usize,
    slowest: Duration,
    /// The greatest age in seconds of figures that were shown while `pg_up` was 1.
    oldest: f64,
    /// Failed requests and answers with another status than 200.
    bad: Vec<String>,
}

impl FaultMonitor {
    /// Starts to scrape, on a thread.
    pub(crate) fn start(fault: &'static str, agent: &Agent) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (until, address) = (Arc::clone(&ended), agent.address());
        let look = move || {
            let mut seen = Seen::default();
            poll_blocking(MAX_DURATION, || {
                seen.look(address);
                until.load(Ordering::SeqCst).then_some(())
            });
            seen
        };
        Self {
            fault,
            ended,
            seen: Some(std::thread::spawn(look)),
            fault_ended: Instant::now(),
        }
    }

    /// The fault has ended: the time to recover begins now.
    pub(crate) fn fault_ended(&mut self) {
        self.fault_ended = Instant::now();
    }

    /// The agent has recovered.
    pub(crate) fn assert_recovered(self) {
        let took = self.fault_ended.elapsed();
        self.report_after(took);
    }

    /// The fault had no effect on the agent.
    pub(crate) fn assert_unaffected(self) {
        self.report_after(Duration::ZERO);
    }

    fn report_after(mut self, took: Duration) {
        self.ended.store(true, Ordering::SeqCst);
        let seen = self.seen.take().expect("this runs once").join();
        let seen = seen.expect("every answer is a page");
        let (fault, slowest) = (self.fault, seen.slowest);
        eprintln!(
            "measured: {fault}: recovered after {} ms; slowest of {} answers {} ms; oldest figures {:.1} s",
            took.as_millis(),
            seen.pages,
            slowest.as_millis(),
            seen.oldest
        );
        assert_eq!(seen.bad, [""; 0], "{fault}");
        assert!(slowest < AT_ONCE, "{fault}: {slowest:?}");
        assert!(took < RECOVERY_LIMIT, "{fault}: {took:?}");
        assert!(seen.oldest < MAX_AGE, "{fault}: {} s", seen.oldest);
    }
}

impl Drop for FaultMonitor {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

impl Seen {
    fn look(&mut self, address: SocketAddr) {
        let asked = Instant::now();
        let reply = exchange(address, "GET", "/metrics", &[]);
        self.slowest = self.slowest.max(asked.elapsed());
        self.pages += 1;
        match reply {
            Ok(reply) if reply.status == 200 => {
                let age = age(&Scrape::parse(&reply.text())).unwrap_or_default();
                self.oldest = self.oldest.max(age);
            }
            bad => self.bad.push(format!("{bad:?}")),
        }
    }
}

/// The age of the figures; None while the server is down.
fn age(page: &Scrape) -> Option<f64> {
    let up = page.series("pg_up").iter().any(|up| up.value > 0.0);
    let last = page.value(
        "pgcommons_poll_last_success_timestamp_seconds",
        &[("poll", "activity")],
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is after 1970").as_secs_f64();
    // A poll is published just before it is counted.
    last.filter(|_| up).map(|last| now - last)
}
