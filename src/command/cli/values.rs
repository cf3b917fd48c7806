//! The values that flags take.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};

use crate::backups::Preset;

/// Takes any text, because the configuration checks it together with the file and the variables. It is here for the help and
/// for completions.
#[derive(Debug, Clone)]
pub(super) struct OneOf(pub(super) &'static [&'static str]);

impl TypedValueParser for OneOf {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().copied().map(PossibleValue::new)))
    }
}

/// `15`, or a whole version such as `15.4`.
pub(super) fn major(text: &str) -> Result<u32, String> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    match (major.parse(), minor.parse::<u32>()) {
        (Ok(major @ 13..=18), Ok(_)) => Ok(major),
        _ => Err("want a version of PostgreSQL from 13 to 18, such as 15".to_owned()),
    }
}

pub(super) fn preset_names() -> PossibleValuesParser {
    Preset::ALL.map(|(name, _)| name).into()
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    match text.parse::<bytesize::ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        _ => Err("want a size above 0, as in 10GiB or 500MB".to_owned()),
    }
}

pub(super) fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(fraction) if fraction > 0.0 && fraction <= 1.0 => Ok(fraction),
        _ => Err("want a number above 0 and up to 1".to_owned()),
    }
}

/// Adding a much longer duration to a point in time could overflow.
const MAX_TIME_LIMIT: Duration = Duration::from_hours(24);

pub(super) fn time_limit(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(limit) if limit <= MAX_TIME_LIMIT => Ok(limit),
        _ => Err("want a duration with its unit, up to 24h".to_owned()),
    }
}
