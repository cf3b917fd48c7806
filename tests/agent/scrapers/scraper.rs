//! A regular scraper during an attack.

use std::time::Duration;

use tokio::time::Instant;

use super::polls;
use crate::support::{HttpReply, Scrape};

/// Longer than any of this takes on a loaded machine.
const LIMIT: Duration = Duration::from_mins(2);

/// Scrapes for this time, and until there were this many polls. Every scrape must be answered, and there are at least two.
pub(super) fn scrape_during(
    attack: &str,
    (time, least_polls): (Duration, f64),
    mut scrape: impl FnMut() -> std::io::Result<HttpReply>,
) {
    let (mut answers, mut slowest) = (0, Duration::ZERO);
    let (mut first, mut polled) = (None, 0.0);
    let began = Instant::now();
    while began.elapsed() < time || answers < 2 || polled < least_polls {
        assert!(began.elapsed() < LIMIT, "{attack}: {polled} polls");
        let start = Instant::now();
        let reply = scrape().unwrap_or_else(|error| panic!("{attack}: {error}"));
        slowest = slowest.max(start.elapsed());
        answers += 1;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let now = polls(&Scrape::parse(&reply.text()));
        polled = now - *first.get_or_insert(now);
    }
    eprintln!("{attack}: {answers} answers, the slowest after {slowest:?}, {polled} polls");
}
