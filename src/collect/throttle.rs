//! How long from one fast poll to the next: as configured, or longer where polls cost the server more than their share. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// Of so many polls the cheapest counts: what a busy machine adds to the others is not the poll's.
const LOOKED_AT: usize = 5;
/// Connections are never counted less often for the sake of cost.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct CostThrottle {
    costs: VecDeque<Duration>,
}

impl CostThrottle {
    /// What a poll has cost the server.
    pub(super) fn spent(&mut self, cost: Duration) {
        if self.costs.len() == LOOKED_AT {
            self.costs.pop_front();
        }
        self.costs.push_back(cost);
    }

    /// `share` is the part of one core's time that polls may take, as in 0.005.
    pub(super) fn interval(&self, configured: Duration, share: f64) -> Duration {
        let cheapest = self.costs.iter().min();
        let cost = cheapest.filter(|_| self.costs.len() == LOOKED_AT);
        let fair = cost.map_or(Duration::ZERO, |cost| cost.div_f64(share));
        configured.max(fair.min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn interval(milliseconds: &[u64]) -> Duration {
        let mut throttle = CostThrottle::default();
        for cost in milliseconds {
            throttle.spent(Duration::from_millis(*cost));
        }
        throttle.interval(SECOND, 0.005)
    }

    #[test]
    fn polls_that_cost_more_than_their_share_come_less_often() {
        assert_eq!(interval(&[]), SECOND);
        assert_eq!(interval(&[5; 5]), SECOND);
        assert_eq!(interval(&[6; 5]), Duration::from_millis(1200));
        assert_eq!(interval(&[2000; 5]), LONGEST);
    }

    #[test]
    fn one_poll_that_was_cheap_is_what_they_cost() {
        assert_eq!(interval(&[100, 100, 4, 100, 100]), SECOND);
        assert_eq!(interval(&[100; 4]), SECOND, "too few to know");
        assert_eq!(
            interval(&[4, 100, 100, 100, 100, 10]),
            Duration::from_secs(2),
            "the first is forgotten"
        );
    }

    #[test]
    fn a_longer_interval_that_is_configured_stays() {
        let mut throttle = CostThrottle::default();
        (0..5).for_each(|_| throttle.spent(SECOND));
        assert_eq!(throttle.interval(30 * SECOND, 0.005), 30 * SECOND);
    }
}
