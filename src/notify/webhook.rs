//! The JSON of Alertmanager's webhook, version 4 (Alertmanager documentation, "Webhook receiver"), so that its receivers can be used again.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use super::batch::{Batch, BatchAlert};
use super::message;
use super::origin::Origin;

/// How many alerts one notification has.
const LISTED: usize = 100;
/// The end of an alert that lasts: the zero of Go's time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    version: &'static str,
    group_key: String,
    truncated_alerts: usize,
    status: &'static str,
    receiver: &'a str,
    group_labels: BTreeMap<&'a str, &'a str>,
    common_labels: BTreeMap<&'a str, &'a str>,
    common_annotations: BTreeMap<&'static str, String>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    alerts: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    status: &'static str,
    labels: &'a BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

pub(super) fn payload(batch: &Batch, receiver: &str, origin: &Origin) -> Vec<u8> {
    let server = batch.server.iter();
    let listed = batch.alerts.iter().take(LISTED);
    let payload = Payload {
        version: "4",
        group_key: group_key(batch),
        truncated_alerts: batch.alerts.len().saturating_sub(LISTED),
        status: status(batch.is_resolved()),
        receiver,
        group_labels: server.map(|server| ("server", &**server)).collect(),
        common_labels: batch.common_labels(),
        common_annotations: BTreeMap::new(),
        external_url: origin.address(),
        alerts: listed.map(|it| entry(it, origin)).collect(),
    };
    serde_json::to_vec(&payload).expect("names and numbers are JSON")
}

fn entry<'a>(it: &'a BatchAlert, origin: &Origin) -> Entry<'a> {
    Entry {
        status: status(it.ends_at.is_some()),
        labels: &it.alert.labels,
        annotations: annotations(it),
        starts_at: timestamp(it.starts_at),
        ends_at: it.ends_at.map_or_else(|| NO_TIME.to_owned(), timestamp),
        generator_url: origin.page_of(&it.alert),
        fingerprint: format!("{:016x}", fingerprint(&it.alert.labels)),
    }
}

/// The names that the alerting rules use.
pub(super) fn annotations(it: &BatchAlert) -> BTreeMap<&'static str, String> {
    let summary = message::summary(&it.alert.text);
    let remedy = it.alert.remedy.clone();
    let remedy = remedy.map(|step| ("description", format!("First step: {step}")));
    std::iter::once(("summary", summary))
        .chain(remedy)
        .collect()
}

fn status(is_resolved: bool) -> &'static str {
    if is_resolved { "resolved" } else { "firing" }
}

/// As Alertmanager writes it: the route, and the labels that it groups by.
fn group_key(batch: &Batch) -> String {
    let labels = batch
        .server
        .as_ref()
        .map(|server| format!("server={server:?}"));
    format!("{{}}:{{{}}}", labels.unwrap_or_default())
}

/// Such as `2026-11-29T07:15:49.123Z`. A clock outside of the years that can be written gives the epoch.
pub(super) fn timestamp(seconds: f64) -> String {
    const YEAR_10000: f64 = 253_402_300_800.0;
    let seconds = if (0.0..YEAR_10000).contains(&seconds) {
        seconds
    } else {
        0.0
    };
    let time = UNIX_EPOCH + Duration::from_secs_f64(seconds);
    humantime::format_rfc3339_millis(time).to_string()
}

/// FNV-1a of the sorted labels, as Prometheus' `LabelSet.Fingerprint`.
fn fingerprint(labels: &BTreeMap<String, String>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let texts = labels.iter().flat_map(|(name, value)| [name, value]);
    let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(OFFSET, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}
