//! The alerts of Alertmanager's API v2 (`POST /api/v2/alerts`). It groups, repeats, silences and inhibits by itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::batch::Batch;
use super::origin::Origin;
use super::webhook::{annotations, timestamp};

/// Alerts are sent each minute. One that is no longer sent ends by itself, as Prometheus has it: after four times the interval.
const LASTS: f64 = 4.0 * 60.0;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostableAlert<'a> {
    labels: &'a BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
}

/// `wall`: seconds since the epoch.
pub(super) fn payload(batch: &Batch, origin: &Origin, wall: f64) -> Vec<u8> {
    let alerts = batch.alerts.iter().map(|it| PostableAlert {
        labels: &it.alert.labels,
        annotations: annotations(it),
        starts_at: timestamp(it.starts_at),
        ends_at: timestamp(it.ends_at.unwrap_or(wall + LASTS)),
        generator_url: origin.page_of(&it.alert),
    });
    let alerts: Vec<_> = alerts.collect();
    serde_json::to_vec(&alerts).expect("names and numbers are JSON")
}
