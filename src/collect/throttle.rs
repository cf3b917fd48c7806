//! The interval between primary polls: as configured, or longer if polls cost the server more than `max_time_fraction`. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// The cheapest of this many polls counts: a busy machine makes the others slower, which is not the cost of the poll.
const SAMPLES: usize = 5;
/// Cost never makes the interval longer than this.
const MAX_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct CostThrottle {
    costs: VecDeque<Duration>,
}

impl CostThrottle {
    /// Adds the server time that a poll took.
    pub(super) fn add_cost(&mut self, cost: Duration) {
        if self.costs.len() == SAMPLES {
            self.costs.pop_front();
        }
        self.costs.push_back(cost);
    }

    /// `max_time_fraction` is the fraction of one core's time that polls may take, such as 0.005.
    pub(super) fn interval(&self, configured: Duration, max_time_fraction: f64) -> Duration {
        let cheapest = self.costs.iter().min();
        let cost = cheapest.filter(|_| self.costs.len() == SAMPLES);
        let needed = cost.map_or(Duration::ZERO, |cost| cost.div_f64(max_time_fraction));
        configured.max(needed.min(MAX_INTERVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn interval(milliseconds: &[u64]) -> Duration {
        let mut throttle = CostThrottle::default();
        for cost in milliseconds {
            throttle.add_cost(Duration::from_millis(*cost));
        }
        throttle.interval(SECOND, 0.005)
    }

    #[test]
    fn polls_that_cost_too_much_come_less_often() {
        assert_eq!(interval(&[]), SECOND);
        assert_eq!(interval(&[5; 5]), SECOND);
        assert_eq!(interval(&[6; 5]), Duration::from_millis(1200));
        assert_eq!(interval(&[2000; 5]), MAX_INTERVAL);
    }

    #[test]
    fn the_cheapest_poll_is_the_cost() {
        assert_eq!(interval(&[100, 100, 4, 100, 100]), SECOND);
        assert_eq!(interval(&[100; 4]), SECOND, "too few to know");
        assert_eq!(
            interval(&[4, 100, 100, 100, 100, 10]),
            Duration::from_secs(2),
            "the first is forgotten"
        );
    }

    #[test]
    fn a_longer_configured_interval_is_kept() {
        let mut throttle = CostThrottle::default();
        (0..5).for_each(|_| throttle.add_cost(SECOND));
        assert_eq!(throttle.interval(30 * SECOND, 0.005), 30 * SECOND);
    }
}
