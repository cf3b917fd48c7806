//! How fast a database grows.

use super::{DAY, Steps};

/// A slope needs this many days.
const DAYS: f64 = 2.0;
/// If there are more values, a part of them is used: the slopes of all pairs are computed.
const MOST_VALUES: usize = 120;

/// Bytes per day: the median of the slopes between all pairs of values (Theil and Sen), which an import or a restore does not move. None: there
/// are less than two days.
pub(super) fn per_day(sizes: &Steps) -> Option<f64> {
    let every = sizes.len().div_ceil(MOST_VALUES).max(1);
    let points: Vec<_> = sizes.iter().step_by(every).collect();
    let days =
        |from: u32, to: u32| f64::from(to - from) * f64::from(sizes.seconds()) / f64::from(DAY);
    let (first, last) = (points.first()?.0, points.last()?.0);
    if days(first, last) < DAYS {
        return None;
    }
    let mut slopes = Vec::new();
    for (n, (from, before)) in points.iter().enumerate() {
        let later = points[n + 1..].iter();
        slopes.extend(later.map(|(to, after)| (after - before) / days(*from, *to)));
    }
    slopes.sort_by(f64::total_cmp);
    Some(slopes[slopes.len() / 2])
}

/// Days until `available` bytes are used. None: it does not grow.
pub(super) fn days_to_full(available: f64, per_day: Option<f64>) -> Option<f64> {
    let per_day = per_day.filter(|bytes| *bytes > 0.0)?;
    Some(available.max(0.0) / per_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(hours: u32, size: impl Fn(f64) -> f64) -> Steps {
        let mut steps = Steps::new(3600);
        for hour in 0..hours {
            steps.add(f64::from(hour) * 3600.0, size(f64::from(hour) / 24.0));
        }
        steps
    }

    #[test]
    fn the_slope_is_that_of_most_of_the_time() {
        let near = |found: Option<f64>, wanted: f64| {
            let found = found.expect("a slope");
            assert!(
                (found - wanted).abs() < 0.01 * wanted.abs() + 1e-6,
                "{found}"
            );
        };
        near(per_day(&sizes(336, |day| 1000.0 + 50.0 * day)), 50.0);
        near(per_day(&sizes(336, |_| 1000.0)), 0.0);
        near(per_day(&sizes(336, |day| 1000.0 - 10.0 * day)), -10.0);
        let import = |day: f64| 1000.0 + 50.0 * day + if day > 12.0 { 1e6 } else { 0.0 };
        near(per_day(&sizes(336, import)), 50.0);
        assert_eq!(per_day(&sizes(24, |day| day)), None);
        assert_eq!(per_day(&Steps::new(3600)), None);
    }

    #[test]
    fn what_does_not_grow_is_never_full() {
        assert_eq!(days_to_full(100.0, Some(10.0)), Some(10.0));
        assert_eq!(days_to_full(-5.0, Some(10.0)), Some(0.0));
        assert_eq!(days_to_full(100.0, Some(0.0)), None);
        assert_eq!(days_to_full(100.0, None), None);
    }
}
