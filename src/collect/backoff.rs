//! How long to wait before the next login, and before the next poll. Pure: the random number is an argument.

use std::time::Duration;

const MIN_WAIT: Duration = Duration::from_millis(250);
/// The agent finds a server that is back within this.
const MAX_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Twice as long each time, up to [`MAX_WAIT`]. `random`, from 0 to 1, takes off up to a half, so that many agents do
    /// not reconnect at the same time.
    pub(super) fn next(&mut self, random: f64) -> Duration {
        let wait = MIN_WAIT
            .saturating_mul(2_u32.saturating_pow(self.attempts))
            .min(MAX_WAIT);
        self.attempts = self.attempts.saturating_add(1);
        wait.mul_f64(1.0 - random / 2.0)
    }
}

/// The pause before the next poll if the interval is too short: polls take at most half of the time, even on a slow server.
pub(super) fn rest(took: Duration, interval: Duration) -> Option<Duration> {
    (took > interval / 2).then_some(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert!(
            (0..100).all(|_| backoff.next(0.0) == MAX_WAIT),
            "no overflow"
        );
    }

    #[test]
    fn polls_take_at_most_half_of_the_time() {
        let [short, half, long] = [1, 500, 1400].map(Duration::from_millis);
        let second = Duration::from_secs(1);
        assert_eq!(rest(short, second), None);
        assert_eq!(rest(half, second), None);
        assert_eq!(rest(long, second), Some(long));
    }

    #[test]
    fn jitter_takes_off_up_to_a_half() {
        assert_eq!(Backoff::default().next(1.0), Duration::from_millis(125));
    }
}
