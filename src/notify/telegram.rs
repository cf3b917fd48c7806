//! A message of a Telegram bot (Bot API, `sendMessage`). The text has no markup of its own: its formats are given by position, so no name
//! can be a link or mention a user.

use serde::Serialize;

use super::batch::Batch;
use super::message::message;

/// The Bot API refuses a text of more than 4096 UTF-16 code units.
const UNITS: usize = 4000;

#[derive(Serialize)]
struct Payload<'a> {
    chat_id: &'a str,
    text: String,
    entities: [Entity; 2],
    link_preview_options: LinkPreview,
}

/// Offset and length count UTF-16 code units.
#[derive(Serialize)]
struct Entity {
    #[serde(rename = "type")]
    kind: &'static str,
    offset: usize,
    length: usize,
}

#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

pub(super) fn payload(batch: &Batch, chat_id: &str) -> Vec<u8> {
    let message = message(batch);
    let title = cut(&message.title, 200);
    let title_units = units(title);
    let body = cut(&message.text, UNITS - title_units);
    let payload = Payload {
        chat_id,
        text: format!("{title}\n{body}"),
        entities: [
            Entity {
                kind: "code",
                offset: 0,
                length: title_units,
            },
            Entity {
                kind: "pre",
                offset: title_units + 1,
                length: units(body),
            },
        ],
        link_preview_options: LinkPreview { is_disabled: true },
    };
    serde_json::to_vec(&payload).expect("names and numbers are JSON")
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The first part of a text, of at most so many UTF-16 code units.
fn cut(text: &str, most: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, character)| {
        used += character.len_utf16();
        used > most
    });
    end.map_or(text, |(end, _)| &text[..end])
}
