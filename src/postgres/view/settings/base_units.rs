//! Converts settings to base units, and gives them the names that `postgres_exporter` uses. Pure.

use crate::sample::settings::Setting;

/// Far more than a server with many extensions has.
const MAX_SETTINGS: usize = 600;

/// A row of `pg_settings`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SettingRow<'a> {
    pub(super) name: &'a str,
    /// The text of a number, or `on` and `off`.
    pub(super) value: &'a str,
    /// Such as `8kB`.
    pub(super) unit: Option<&'a str>,
}

/// The settings by name. Two settings may get the same name (`a.b_c` and `a_b.c`): one of PostgreSQL itself precedes those of
/// extensions, and among these the first in alphabetical order is kept. Settings of extensions beyond [`MAX_SETTINGS`] and those
/// that cannot be converted are left out.
pub(super) fn settings<'a>(rows: impl Iterator<Item = SettingRow<'a>>) -> Vec<Setting> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable_by_key(|row| (row.name.contains('.'), row.name));
    let converted = rows.iter().filter_map(converted).take(MAX_SETTINGS);
    let mut settings: Vec<_> = converted.collect();
    settings.sort_by(|a, b| a.name.cmp(&b.name));
    settings.dedup_by(|later, first| later.name == first.name);
    settings
}

/// None: the value is no number, or the unit is unknown.
fn converted(row: &SettingRow<'_>) -> Option<Setting> {
    let number = match row.value {
        "on" => 1.0,
        "off" => 0.0,
        text => text.parse().ok()?,
    };
    let (factor, suffix) = match row.unit.unwrap_or_default() {
        "" => (1.0, ""),
        unit => base_unit(unit)?,
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = row.name.chars().map(|c| if is_word(c) { c } else { '_' });
    Some(Setting {
        name: name.chain(suffix.chars()).collect(),
        value: if row.value == "-1" {
            -1.0
        } else {
            number * factor
        },
    })
}

/// The factor and the suffix of the base unit. The units are those of `convert_to_base_unit()` in `guc.c`; a block of 8 kB is
/// `8kB`.
fn base_unit(unit: &str) -> Option<(f64, &'static str)> {
    let digits = unit.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = unit.split_at(digits);
    let count: f64 = if count.is_empty() {
        1.0
    } else {
        count.parse().ok()?
    };
    let (factor, suffix) = match unit {
        "B" => (1.0, "_bytes"),
        "kB" => (1024.0, "_bytes"),
        "MB" => (1_048_576.0, "_bytes"),
        "GB" => (1_073_741_824.0, "_bytes"),
        "TB" => (1_099_511_627_776.0, "_bytes"),
        "us" => (1e-6, "_seconds"),
        "ms" => (1e-3, "_seconds"),
        "s" => (1.0, "_seconds"),
        "min" => (60.0, "_seconds"),
        "h" => (3600.0, "_seconds"),
        "d" => (86_400.0, "_seconds"),
        _ => return None,
    };
    Some((count * factor, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(name: &'a str, value: &'a str, unit: &'a str) -> SettingRow<'a> {
        SettingRow {
            name,
            value,
            unit: Some(unit).filter(|unit| !unit.is_empty()),
        }
    }

    fn named(rows: &[SettingRow<'_>]) -> Vec<(String, f64)> {
        let settings = settings(rows.iter().cloned()).into_iter();
        settings.map(|it| (it.name.into(), it.value)).collect()
    }

    #[test]
    fn values_are_in_base_units_as_postgres_exporter_gives_them() {
        for (value, unit, name, expected) in [
            ("on", "", "x", 1.0),
            ("off", "", "x", 0.0),
            ("0.5", "", "x", 0.5),
            ("4096", "kB", "x_bytes", 4_194_304.0),
            ("2048", "8kB", "x_bytes", 16_777_216.0),
            ("80", "MB", "x_bytes", 83_886_080.0),
            ("1024", "B", "x_bytes", 1024.0),
            ("2", "ms", "x_seconds", 0.002),
            ("200", "ms", "x_seconds", 0.2),
            ("300", "s", "x_seconds", 300.0),
            ("1440", "min", "x_seconds", 86_400.0),
            ("-1", "kB", "x_bytes", -1.0),
            ("-1", "ms", "x_seconds", -1.0),
        ] {
            let got = named(&[row("x", value, unit)]);
            assert_eq!(got, [(name.to_owned(), expected)], "{value}{unit}");
        }
    }

    #[test]
    fn what_cannot_be_converted_is_left_out() {
        let rows = [
            row("x", "1", "furlong"),
            row("y", "many", ""),
            row("z", "1", "99"),
        ];
        assert_eq!(named(&rows), []);
    }

    #[test]
    fn of_equal_names_the_same_one_is_kept_always() {
        let rows = [
            row("a_b.c", "1", ""),
            row("a.b_c", "2", ""),
            row("work.mem", "3", ""),
            row("work_mem", "4", ""),
            row("a-b\"c", "5", ""),
        ];
        let expected = [("a_b_c".to_owned(), 5.0), ("work_mem".to_owned(), 4.0)];
        assert_eq!(named(&rows), expected);
        let mut reversed = rows;
        reversed.reverse();
        assert_eq!(named(&reversed), expected);
    }

    #[test]
    fn the_number_of_settings_is_limited_and_those_of_the_server_come_first() {
        let extension: Vec<_> = (0..2000).map(|n| format!("a.{n:04}")).collect();
        let mut rows: Vec<_> = extension.iter().map(|name| row(name, "1", "")).collect();
        rows.push(row("zero_damaged_pages", "off", ""));
        let kept = named(&rows);
        assert_eq!(kept.len(), MAX_SETTINGS);
        assert!(kept.iter().any(|(name, _)| name == "zero_damaged_pages"));
    }
}
