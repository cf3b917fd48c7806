//! A scraper that means well, while others do not.

use std::time::Duration;

use tokio::time::Instant;

use super::polls;
use crate::support::{HttpReply, Scrape};

/// Prometheus' own, by default.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Report {
    answers: usize,
    slowest: Duration,
    /// How many polls there were meanwhile.
    polls: f64,
}

/// Scrapes for so long; it has to be answered every time.
pub(super) fn scrapes(
    time: Duration,
    mut scrape: impl FnMut() -> std::io::Result<HttpReply>,
) -> Report {
    let mut slowest = Duration::ZERO;
    let mut pages = Vec::new();
    let end = Instant::now() + time;
    while Instant::now() < end || pages.len() < 2 {
        let start = Instant::now();
        let reply = scrape().expect("an answer, every time");
        slowest = slowest.max(start.elapsed());
        assert_eq!(reply.status, 200, "{}", reply.text());
        pages.push(polls(&Scrape::parse(&reply.text())));
    }
    Report {
        answers: pages.len(),
        slowest,
        polls: pages[pages.len() - 1] - pages[0],
    }
}

impl Report {
    /// Prints it; nobody waited as long as a scrape may take, and the polls, if there are any, went on.
    pub(super) fn expect_service(&self, attack: &str, least_polls: f64) {
        let (answers, slowest, polls) = (self.answers, self.slowest, self.polls);
        eprintln!("{attack}: {answers} answers, the slowest after {slowest:?}, {polls} polls");
        assert!(self.slowest < SCRAPE_TIMEOUT, "{attack}: {self:?}");
        assert!(self.polls >= least_polls, "{attack}: {self:?}");
    }
}
