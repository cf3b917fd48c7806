//! A message of ntfy, published as JSON (ntfy documentation, "Publish as JSON"): headers would need an encoding for names.

use serde::Serialize;

use super::alert::Level;
use super::batch::Batch;
use super::message::message;
use super::origin::Origin;

/// ntfy turns a longer message into an attachment (`message-size-limit`).
const BYTES: usize = 3500;

#[derive(Serialize)]
struct Payload<'a> {
    topic: &'a str,
    title: String,
    message: String,
    /// From 1 to 5; 3 is the default.
    priority: u8,
    /// ntfy shows the names of emoji as such.
    tags: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<String>,
}

pub(super) fn payload(batch: &Batch, topic: &str, origin: &Origin) -> Vec<u8> {
    let text = message(batch);
    let (priority, tag) = look(batch);
    let payload = Payload {
        topic,
        title: text.title,
        message: cut(text.text),
        priority,
        tags: [tag],
        click: batch.alerts.first().and_then(|it| origin.link(&it.alert)),
    };
    serde_json::to_vec(&payload).expect("names and numbers are JSON")
}

fn look(batch: &Batch) -> (u8, &'static str) {
    if batch.is_resolved() {
        return (3, "white_check_mark");
    }
    match batch.level() {
        Level::Critical => (5, "rotating_light"),
        Level::Warning => (4, "warning"),
        Level::Info => (2, "information_source"),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > BYTES {
        text.truncate(text.floor_char_boundary(BYTES));
        text.push_str("...");
    }
    text
}
