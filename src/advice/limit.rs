//! The connection limit for a peak, and limits that fit together.

/// A limit is at least this, so that a person can look into an idle database.
const LEAST: u32 = 5;
/// Limits are multiples of this, and of twice as much above 100.
const ROUND: u32 = 5;

/// A quarter more than the peak, rounded up: 10 for 7.
pub(super) fn with_margin(peak: u32) -> u32 {
    let wanted = peak.saturating_add(peak.div_ceil(4));
    let multiple = if wanted > 100 { 2 * ROUND } else { ROUND };
    let rounded = wanted.checked_next_multiple_of(multiple);
    rounded.unwrap_or(wanted).max(LEAST)
}

/// The peak of a database, and the limit that it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) peak: u32,
    pub(super) limit: u32,
}

/// Limits whose sum is within the slots. Where there is not enough, each margin is reduced by the same part, and none is below its peak. None:
/// not even the peaks fit.
pub(super) fn fit(wanted: &[Wanted], slots: u32) -> Option<Vec<u32>> {
    let least = |it: &Wanted| it.peak.max(1).min(it.limit);
    let all: u64 = wanted.iter().map(|it| u64::from(it.limit)).sum();
    let floor: u64 = wanted.iter().map(|it| u64::from(least(it))).sum();
    if all <= u64::from(slots) {
        return Some(wanted.iter().map(|it| it.limit).collect());
    }
    let spare = u64::from(slots).checked_sub(floor)?;
    let reduced = wanted.iter().map(|it| {
        let margin = u64::from(it.limit - least(it)) * spare / (all - floor);
        least(it) + u32::try_from(margin).unwrap_or(0)
    });
    Some(reduced.collect())
}

/// The largest pool of each instance with which all of them stay within the limit. None: there are more instances than connections.
pub(super) fn pool_size(limit: u32, instances: u32) -> Option<u32> {
    limit.checked_div(instances).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_has_a_margin_and_is_round() {
        for (peak, limit) in [
            (0, 5),
            (4, 5),
            (5, 10),
            (7, 10),
            (8, 10),
            (9, 15),
            (50, 65),
            (80, 100),
            (81, 110),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(with_margin(peak), limit, "{peak}");
        }
    }

    fn wanted(peak: u32) -> Wanted {
        Wanted {
            peak,
            limit: with_margin(peak),
        }
    }

    #[test]
    fn limits_together_stay_within_the_slots() {
        let two = [wanted(40), wanted(20)]; // 50 and 25
        assert_eq!(fit(&two, 75), Some(vec![50, 25]));
        assert_eq!(fit(&two, 66), Some(vec![44, 22]));
        assert_eq!(fit(&two, 60), Some(vec![40, 20]));
        assert_eq!(fit(&two, 59), None);
        assert_eq!(fit(&[], 0), Some(vec![]));
    }

    #[test]
    fn pools_of_all_instances_stay_within_the_limit() {
        assert_eq!(pool_size(25, 4), Some(6));
        assert_eq!(pool_size(3, 4), None);
        assert_eq!(pool_size(3, 0), None);
    }

    proptest! {
        #[test]
        fn no_sum_is_above_the_slots_and_no_limit_below_its_peak(
            peaks in prop::collection::vec(0_u32..100, 0..20), slots in 0_u32..1000,
        ) {
            let all: Vec<_> = peaks.iter().map(|peak| wanted(*peak)).collect();
            if let Some(limits) = fit(&all, slots) {
                prop_assert!(limits.iter().sum::<u32>() <= slots);
                for (limit, peak) in limits.iter().zip(&peaks) {
                    prop_assert!(limit >= peak && *limit > 0);
                }
            } else {
                prop_assert!(peaks.iter().map(|peak| (*peak).max(1)).sum::<u32>() > slots);
            }
        }
    }
}
