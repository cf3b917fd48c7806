//! A notification as text for people. Names that tenants choose are escaped: no name can break a line or turn the direction of the text.
//! Pure.

use super::alert::Level;
use super::batch::{Batch, BatchAlert};
use crate::names::escape_for_terminal;
use crate::status::text::duration;

/// How many alerts a message has. The title counts all.
const LISTED: usize = 10;
/// The maximum length of what is said about one alert, in characters.
const LENGTH: usize = 600;

/// A title of one line, and the text.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub(super) title: String,
    pub(super) text: String,
}

pub(super) fn message(batch: &Batch) -> Message {
    let mut lines: Vec<_> = batch.alerts.iter().take(LISTED).map(said).collect();
    let more = batch.alerts.len().saturating_sub(LISTED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    Message {
        title: title(batch),
        text: lines.join("\n\n"),
    }
}

/// `main: 1 critical, 2 warning, 1 resolved`
fn title(batch: &Batch) -> String {
    let levels = [Level::Critical, Level::Warning, Level::Info].map(|level| {
        let alerts = batch.alerts.iter();
        let count = alerts.filter(|it| it.ends_at.is_none() && it.alert.level == level);
        (count.count(), level.label())
    });
    let resolved = batch.alerts.len() - batch.firing();
    let counts = levels.into_iter().chain([(resolved, "resolved")]);
    let counts = counts.filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let subject = batch.server.as_deref().map_or_else(
        || "pgcommons".to_owned(),
        |server| shortened(&escape_for_terminal(server), 80),
    );
    format!("{subject}: {}", counts.join(", "))
}

/// The findings of one alert on one line.
pub(super) fn summary(text: &str) -> String {
    let sentences: Vec<_> = text.lines().map(escape_for_terminal).collect();
    shortened(&sentences.join("; "), LENGTH)
}

fn said(it: &BatchAlert) -> String {
    let text = summary(&it.alert.text);
    if let Some(ends_at) = it.ends_at {
        let lasted = duration(ends_at - it.starts_at);
        return format!("resolved after {lasted}: {text}");
    }
    let remedy = it.alert.remedy.as_deref().map(escape_for_terminal);
    let remedy = remedy.map(|step| format!("\nFirst step: {}", shortened(&step, LENGTH)));
    let (level, remedy) = (it.alert.level.label(), remedy.unwrap_or_default());
    format!("{level}: {text}{remedy}")
}

/// Cut after this many characters.
fn shortened(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
