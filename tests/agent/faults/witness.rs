//! Looks at `/metrics` for as long as a fault lasts. In every state it is answered at once, and what it says is either
//! fresh or not said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::support::{Agent, Scrape, exchange, poll_blocking};

/// Answers come from memory; this is for a machine that has other things to do too.
const AT_ONCE: Duration = Duration::from_secs(2);
/// The longest pause between two logins, and a little for what comes then.
const RIGHT_AGAIN: Duration = Duration::from_secs(12);
/// A poll that has hardly begun, and one that has hardly missed its deadline, by default.
const FRESH: f64 = 5.0;
/// Longer than any fault lasts.
const LONGEST: Duration = Duration::from_mins(2);

pub(crate) struct Witness {
    fault: &'static str,
    ended: Arc<AtomicBool>,
    seen: Option<JoinHandle<Seen>>,
    over: Instant,
}

#[derive(Default)]
struct Seen {
    pages: usize,
    slowest: Duration,
    /// The greatest age, in seconds, of figures that were said to be those of a server that is up.
    oldest: f64,
    /// Answers that were none.
    bad: Vec<String>,
}

impl Witness {
    /// Begins to look.
    pub(crate) fn of(fault: &'static str, agent: &Agent) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (until, address) = (Arc::clone(&ended), agent.address());
        let look = move || {
            let mut seen = Seen::default();
            poll_blocking(LONGEST, || {
                seen.look(address);
                until.load(Ordering::SeqCst).then_some(())
            });
            seen
        };
        Self {
            fault,
            ended,
            seen: Some(std::thread::spawn(look)),
            over: Instant::now(),
        }
    }

    /// From now on everything could be right again.
    pub(crate) fn over(&mut self) {
        self.over = Instant::now();
    }

    /// Everything is right again.
    pub(crate) fn report(self) {
        let took = self.over.elapsed();
        self.report_after(took);
    }

    /// Nothing was ever wrong.
    pub(crate) fn report_none(self) {
        self.report_after(Duration::ZERO);
    }

    fn report_after(mut self, took: Duration) {
        self.ended.store(true, Ordering::SeqCst);
        let seen = self.seen.take().expect("it is reported once").join();
        let seen = seen.expect("every answer is a page");
        let (fault, slowest) = (self.fault, seen.slowest);
        eprintln!(
            "measured: {fault}: right again after {} ms; slowest of {} answers {} ms; oldest figures {:.1} s",
            took.as_millis(),
            seen.pages,
            slowest.as_millis(),
            seen.oldest
        );
        assert_eq!(seen.bad, [""; 0], "{fault}");
        assert!(slowest < AT_ONCE, "{fault}: {slowest:?}");
        assert!(took < RIGHT_AGAIN, "{fault}: {took:?}");
        assert!(seen.oldest < FRESH, "{fault}: {} s", seen.oldest);
    }
}

impl Drop for Witness {
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

/// How old the figures are of a server that is said to be up.
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
