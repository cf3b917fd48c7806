//! The arguments of `pgcommons top`.

use std::time::Duration;

use clap::Args;

#[derive(Debug, Clone, Args)]
pub struct TopArgs {
    /// How often the screen is written again
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = refresh)]
    pub interval: Duration,
}

fn refresh(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(interval)
            if (Duration::from_millis(200)..=Duration::from_hours(1)).contains(&interval) =>
        {
            Ok(interval)
        }
        _ => Err("want a duration with its unit, from 200ms to 1h".to_owned()),
    }
}
