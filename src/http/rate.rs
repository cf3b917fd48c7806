//! Limits the request rate with a token bucket. It is stored as the time at which the bucket will be full again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::RateLimit;

pub(super) struct Bucket {
    limit: RateLimit,
    start: Instant,
    /// Nanoseconds after the start.
    full_at: AtomicU64,
}

impl Bucket {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            start: Instant::now(),
            full_at: AtomicU64::new(0),
        }
    }

    /// Takes a token. Returns whether there was one.
    pub(super) fn take(&self) -> bool {
        self.take_at(self.start.elapsed())
    }

    fn take_at(&self, now: Duration) -> bool {
        let order = Ordering::Relaxed;
        let taken = self.full_at.fetch_update(order, order, |full_at| {
            let later = after_one(Duration::from_nanos(full_at), now, self.limit)?;
            u64::try_from(later.as_nanos()).ok()
        });
        taken.is_ok()
    }
}

/// When the bucket will be full after a token is taken now. None: it is empty.
fn after_one(full_at: Duration, now: Duration, limit: RateLimit) -> Option<Duration> {
    let later = full_at.max(now) + limit.interval;
    (later <= now + limit.interval * limit.burst).then_some(later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_one_request_per_interval() {
        let interval = Duration::from_millis(100);
        let bucket = Bucket::new(RateLimit { interval, burst: 3 });
        let taken_of_five = |millis| {
            let now = Duration::from_millis(millis);
            (0..5).filter(|_| bucket.take_at(now)).count()
        };
        for (at, taken) in [
            (0, 3),
            (99, 0),
            (100, 1),
            (350, 2),
            (399, 0),
            (400, 1),
            (9000, 3),
        ] {
            assert_eq!(taken_of_five(at), taken, "at {at} ms");
        }
    }
}
