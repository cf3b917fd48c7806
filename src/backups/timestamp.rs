//! Times in file names. Names rarely have a time zone, so most of these times are known only to within half a day.

/// A time from a name or from the header of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedTime {
    /// Seconds since 1970 in UTC.
    Utc(i64),
    /// Local time of an unknown zone, in seconds since 1970 as if it were UTC.
    Local(i64),
}

/// A date and a time of day.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

impl Civil {
    /// Seconds since 1970 as if it were UTC. None: there is no such date.
    pub(super) fn seconds(self) -> Option<i64> {
        let is_time = (0..24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..=60).contains(&self.second);
        let is_date = (1970..2200).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day);
        if !is_time || !is_date {
            return None;
        }
        let day_seconds = self.hour * 3600 + self.minute * 60 + self.second;
        Some(self.days() * 86400 + day_seconds)
    }

    /// Days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
    fn days(self) -> i64 {
        let year = if self.month <= 2 {
            self.year - 1
        } else {
            self.year
        };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = (self.month + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + self.day - 1;
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
            - 719_468
    }
}

/// Every way to read a time at the start of `text`, longest first: its length in bytes, and the time. Forms: `20260131`,
/// `2026-01-31`, followed by `0304`, `030405`, `03-04-05`, `03:04`, and then by `Z` or `+0200`. Separators are one of
/// `-_.:T` or a blank.
pub(super) fn timestamps(text: &[u8]) -> Vec<(usize, NamedTime)> {
    let mut found = Vec::new();
    let mut cursor = Cursor { text, at: 0 };
    let Some(mut civil) = cursor.date() else {
        return found;
    };
    push(&mut found, cursor.at, civil, None);
    if cursor.time(&mut civil) {
        push(&mut found, cursor.at, civil, None);
        if let Some(offset) = cursor.zone() {
            push(&mut found, cursor.at, civil, Some(offset));
        }
    }
    found.reverse();
    found
}

fn push(found: &mut Vec<(usize, NamedTime)>, at: usize, civil: Civil, offset: Option<i64>) {
    if let Some(seconds) = civil.seconds() {
        found.push(match offset {
            None => (at, NamedTime::Local(seconds)),
            Some(offset) => (at, NamedTime::Utc(seconds - offset)),
        });
    }
}

/// Every way to read seconds since 1970 at the start of `text`, longest first. Nine to eleven digits.
pub(super) fn unix_times(text: &[u8]) -> Vec<(usize, NamedTime)> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let lengths = (9..=digits.min(11)).rev();
    let times = lengths.filter_map(|length| {
        let seconds = std::str::from_utf8(&text[..length]).ok()?.parse().ok()?;
        Some((length, NamedTime::Utc(seconds)))
    });
    times.collect()
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn digits(&mut self, count: usize) -> Option<i64> {
        let digits = self.text.get(self.at..self.at + count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.at += count;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn separator(&mut self, allowed: &[u8]) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        allowed.contains(&byte).then(|| {
            self.at += 1;
            byte
        })
    }

    fn date(&mut self) -> Option<Civil> {
        let year = self.digits(4)?;
        let separator = self.separator(b"-_.");
        let month = self.digits(2)?;
        if separator.is_some() && self.separator(b"-_.") != separator {
            return None;
        }
        let day = self.digits(2)?;
        let civil = Civil {
            year,
            month,
            day,
            ..Civil::default()
        };
        civil.seconds().map(|_| civil)
    }

    /// Reads a time of day. Leaves the cursor where it was if there is none.
    fn time(&mut self, civil: &mut Civil) -> bool {
        let start = self.at;
        self.separator(b"-_.Tt ");
        let (hour, separator) = (self.digits(2), self.separator(b"-_.:h"));
        let (Some(hour), Some(minute)) = (hour, self.digits(2)) else {
            self.at = start;
            return false;
        };
        let before_seconds = self.at;
        let is_separated = separator.is_none() || self.separator(b"-_.:m").is_some();
        let second = is_separated.then(|| self.digits(2)).flatten();
        if second.is_none() {
            self.at = before_seconds;
        }
        let timed = Civil {
            hour,
            minute,
            second: second.unwrap_or(0),
            ..*civil
        };
        if timed.seconds().is_none() {
            self.at = start;
            return false;
        }
        *civil = timed;
        true
    }

    /// Seconds east of UTC.
    fn zone(&mut self) -> Option<i64> {
        if self.separator(b"Z").is_some() {
            return Some(0);
        }
        let start = self.at;
        let sign = if self.separator(b"+-")? == b'+' {
            1
        } else {
            -1
        };
        let hours = self.digits(2);
        self.separator(b":");
        if let (Some(hours @ 0..=14), Some(minutes @ 0..=59)) = (hours, self.digits(2)) {
            Some(sign * (hours * 3600 + minutes * 60))
        } else {
            self.at = start;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds since 1970 of 2026-01-31 03:04:05.
    const MOMENT: i64 = 1_769_828_645;

    #[test]
    fn times_are_read_in_every_form() {
        let minute = MOMENT - 5;
        let midnight = MOMENT - 3 * 3600 - 4 * 60 - 5;
        for (text, length, time) in [
            ("20260131.sql", 8, NamedTime::Local(midnight)),
            ("2026-01-31", 10, NamedTime::Local(midnight)),
            ("2026_01_31_03_04_05.sql", 19, NamedTime::Local(MOMENT)),
            ("20260131-030405", 15, NamedTime::Local(MOMENT)),
            ("20260131030405x", 14, NamedTime::Local(MOMENT)),
            ("2026-01-31T03:04:05Z", 20, NamedTime::Utc(MOMENT)),
            ("20260131T030405+0200", 20, NamedTime::Utc(MOMENT - 7200)),
            (
                "2026-01-31 03:04:05-05:30",
                25,
                NamedTime::Utc(MOMENT + 19800),
            ),
            ("202601310304", 12, NamedTime::Local(minute)),
            ("20260131-9999", 8, NamedTime::Local(midnight)),
        ] {
            assert_eq!(
                timestamps(text.as_bytes()).first(),
                Some(&(length, time)),
                "{text}"
            );
        }
        for text in ["2026", "20261331", "2026-0131", "030405", "", "99990101"] {
            assert!(timestamps(text.as_bytes()).is_empty(), "{text}");
        }
    }

    #[test]
    fn unix_times_have_nine_to_eleven_digits() {
        assert_eq!(
            unix_times(b"1769828645.dmp"),
            [
                (10, NamedTime::Utc(MOMENT)),
                (9, NamedTime::Utc(176_982_864))
            ]
        );
        assert!(unix_times(b"12345678").is_empty());
    }
}
