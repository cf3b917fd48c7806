//! How long to wait before the next login, and before the next poll. Pure: chance is an argument.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
/// A server that is back is found within this.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Twice as long each time, up to the longest; `chance` from 0 to 1 takes off up to a half, so that many agents do
    /// not come back at the same moment.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let wait = FIRST
            .saturating_mul(2_u32.saturating_pow(self.attempts))
            .min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        wait.mul_f64(1.0 - chance / 2.0)
    }
}

/// The pause before the next poll where the usual one is too short: counting takes at most half of a server's time, also of
/// one whose tenants have made it slow.
pub(super) fn rest(took: Duration, interval: Duration) -> Option<Duration> {
    (took > interval / 2).then_some(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert!(
            (0..100).all(|_| backoff.next(0.0) == LONGEST),
            "no overflow"
        );
    }

    #[test]
    fn counting_takes_at_most_half_of_the_time() {
        let [short, half, long] = [1, 500, 1400].map(Duration::from_millis);
        let second = Duration::from_secs(1);
        assert_eq!(rest(short, second), None);
        assert_eq!(rest(half, second), None);
        assert_eq!(rest(long, second), Some(long));
    }

    #[test]
    fn chance_takes_off_up_to_a_half() {
        assert_eq!(Backoff::default().next(1.0), Duration::from_millis(125));
    }
}
