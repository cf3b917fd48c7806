//! What the receivers get, also for names that try to be more than text.

use serde_json::Value;

use super::super::batch::BatchAlert;
use super::super::origin::Origin;
use super::super::{alertmanager, message, ntfy, telegram, webhook};
use super::*;

const HOSTILE: &str = "<b>@admin</b>\n\u{202e}\u{1b}[2J\"'https://evil.example/";

fn origin() -> Origin {
    let url = Url::parse("https://db.example.org/pg/").expect("an address");
    Origin::new(Some(&url), &[":19187".to_owned()], true)
}

/// One alert that lasts, and one that has ended.
fn batch(name: &str) -> Batch {
    let lasting = shop(Level::Critical);
    let mut ended = alert(Scope::Database, Some(name), Concern::Size, Level::Warning);
    ended.labels.insert("datname".to_owned(), name.to_owned());
    let alerts = [(lasting, None), (ended, Some(WALL + 125.0))];
    let alerts = alerts.map(|(alert, ends_at)| BatchAlert {
        alert: Arc::new(alert),
        starts_at: WALL,
        ends_at,
    });
    Batch::of(Some("main".to_owned()), alerts.into())
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn the_webhook_has_the_fields_of_alertmanagers_version_4() {
    let payload = json(&webhook::payload(&batch("blog"), "hook", &origin()));
    for (field, value) in [
        ("version", "4"),
        ("status", "firing"),
        ("receiver", "hook"),
        ("groupKey", "{}:{server=\"main\"}"),
        ("externalURL", "https://db.example.org/pg"),
    ] {
        assert_eq!(payload[field], value, "{field}");
    }
    assert_eq!(payload["truncatedAlerts"], 0);
    assert_eq!(payload["groupLabels"]["server"], "main");
    assert_eq!(payload["commonLabels"]["team"], "web");
    let [lasting, ended] = [&payload["alerts"][0], &payload["alerts"][1]];
    assert_eq!(lasting["status"], "firing");
    assert_eq!(lasting["startsAt"], "2026-11-29T12:05:07.000Z");
    assert_eq!(lasting["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(lasting["annotations"]["summary"], "shop is full");
    assert_eq!(
        lasting["generatorURL"],
        "https://db.example.org/pg/tenant/main/shop"
    );
    assert_eq!(ended["status"], "resolved");
    assert_eq!(ended["endsAt"], "2026-11-29T12:07:12.000Z");
    assert_ne!(lasting["fingerprint"], ended["fingerprint"]);
}

#[test]
fn a_webhook_has_at_most_a_hundred_alerts() {
    let many = vec![batch("blog").alerts[0].clone(); 130];
    let payload = webhook::payload(&Batch::of(None, many), "hook", &origin());
    let payload = json(&payload);
    assert_eq!(payload["truncatedAlerts"], 30);
    assert_eq!(payload["alerts"].as_array().map(Vec::len), Some(100));
}

#[test]
fn an_alertmanager_gets_an_end_for_each_alert() {
    let payload = json(&alertmanager::payload(&batch("blog"), &origin(), WALL));
    assert_eq!(payload[0]["endsAt"], "2026-11-29T12:09:07.000Z");
    assert_eq!(payload[1]["endsAt"], "2026-11-29T12:07:12.000Z");
    assert_eq!(payload[1]["labels"]["datname"], "blog");
}

#[test]
fn a_message_for_people_has_a_title_and_a_first_step() {
    let message = message::message(&batch("blog"));
    assert_eq!(message.title, "main: 1 critical, 1 resolved");
    assert_eq!(
        message.text,
        "critical: shop is full\nFirst step: SELECT 1\n\nresolved after 2 min 5 s: blog is full"
    );
}

#[test]
fn a_name_cannot_break_a_line_or_become_markup() {
    let batch = batch(HOSTILE);
    let text = message::message(&batch).text;
    assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
    let ntfy = json(&ntfy::payload(&batch, "topic", &origin()));
    assert_eq!(ntfy["topic"], "topic");
    assert_eq!(ntfy["priority"], 5);
    assert_eq!(ntfy["click"], "https://db.example.org/pg/tenant/main/shop");
    assert!(ntfy.get("markdown").is_none());
    let telegram = json(&telegram::payload(&batch, "-100"));
    assert!(telegram.get("parse_mode").is_none());
    let text = telegram["text"].as_str().expect("text");
    let end = |entity: &Value| entity["offset"].as_u64().zip(entity["length"].as_u64());
    let covered: u64 = [&telegram["entities"][0], &telegram["entities"][1]]
        .into_iter()
        .filter_map(end)
        .map(|(_, length)| length)
        .sum();
    let units = text.encode_utf16().count() as u64;
    assert_eq!(covered + 1, units, "all but the line break between them");
}

#[test]
fn a_long_message_is_cut_for_each_service() {
    let mut one = shop(Level::Critical);
    one.text = "😀".repeat(5000);
    one.remedy = Some("😀".repeat(5000));
    let one = BatchAlert {
        alert: Arc::new(one),
        starts_at: WALL,
        ends_at: None,
    };
    let batch = Batch::of(Some("😀".repeat(300)), vec![one; 50]);
    let telegram = json(&telegram::payload(&batch, "1"));
    let units = telegram["text"]
        .as_str()
        .map(|it| it.encode_utf16().count());
    assert!(units.is_some_and(|units| units <= 4096), "{units:?}");
    let ntfy = json(&ntfy::payload(&batch, "topic", &origin()));
    let bytes = ntfy["message"].as_str().map(str::len);
    assert!(bytes.is_some_and(|bytes| bytes < 4096), "{bytes:?}");
}
