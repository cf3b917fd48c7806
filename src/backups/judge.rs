//! Decides the time of a backup, and whether its size is suspicious. Pure.

use super::timestamp::NamedTime;

/// A modification time may be so much later than a local time from a name or header: 14 hours of time zones, a day for a name that
/// has only a date, and the time that the dump took. If it is later still, the file was copied without its time.
const LOCAL_TIME_TOLERANCE: i64 = 48 * 3600;
/// Clocks may differ by so much.
const CLOCK_TOLERANCE: i64 = 300;

/// When the backup was made, in seconds since 1970. `named` is the time from the name or header. None: the time is in the future,
/// so it says nothing about the age.
pub(super) fn backup_time(named: Option<NamedTime>, modified: i64, now: i64) -> Option<i64> {
    let time = match named {
        Some(NamedTime::Utc(time)) => time.min(modified),
        Some(NamedTime::Local(time)) if modified - time > LOCAL_TIME_TOLERANCE => time,
        Some(NamedTime::Local(_)) | None => modified,
    };
    (time <= now + CLOCK_TOLERANCE).then_some(time)
}

/// Whether a size is below half of the median of the earlier ones.
pub(super) fn is_shrunk(size: u64, earlier: &[u64]) -> bool {
    let mut sizes = earlier.to_vec();
    sizes.sort_unstable();
    let median = match (sizes.len(), sizes.get(sizes.len() / 2)) {
        (_, None) => return false,
        (count, Some(upper)) if count % 2 == 0 => sizes[count / 2 - 1].midpoint(*upper),
        (_, Some(middle)) => *middle,
    };
    size < median / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const NOW: i64 = 1_770_000_000;

    #[test]
    fn the_time_is_that_of_the_dump_and_not_of_its_copy() {
        let copied = NOW - HOUR;
        for (named, modified, time) in [
            (None, copied, Some(copied)),
            (
                Some(NamedTime::Utc(NOW - 90 * HOUR)),
                copied,
                Some(NOW - 90 * HOUR),
            ),
            (Some(NamedTime::Utc(NOW)), copied, Some(copied)),
            (
                Some(NamedTime::Local(NOW - 90 * HOUR)),
                copied,
                Some(NOW - 90 * HOUR),
            ),
            (
                Some(NamedTime::Local(NOW - 14 * HOUR)),
                copied,
                Some(copied),
            ),
            (
                Some(NamedTime::Local(NOW + 14 * HOUR)),
                copied,
                Some(copied),
            ),
            (None, NOW + HOUR, None),
            (
                Some(NamedTime::Utc(NOW - HOUR)),
                NOW + 9999 * HOUR,
                Some(NOW - HOUR),
            ),
        ] {
            assert_eq!(
                backup_time(named, modified, NOW),
                time,
                "{named:?} {modified}"
            );
        }
    }

    #[test]
    fn a_size_is_compared_with_the_median() {
        for (size, earlier, shrunk) in [
            (10, vec![], false),
            (49, vec![100], true),
            (50, vec![100], false),
            (49, vec![100, 1, 100, 100, 1], true),
            (28, vec![10, 100], false),
            (0, vec![0, 0], false),
            (u64::MAX, vec![u64::MAX, u64::MAX], false),
        ] {
            assert_eq!(is_shrunk(size, &earlier), shrunk, "{size} {earlier:?}");
        }
    }
}
