//! Log lines as other programs read them: `key=value` pairs, or JSON. Both have the keys of Prometheus: `time`, `level`, `msg`.

use std::fmt::{self, Write as _};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

pub(super) enum Structured {
    Logfmt,
    Json,
}

impl<S, N> FormatEvent<S, N> for Structured
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields(vec![
            ("time", time.into()),
            ("level", event.metadata().level().as_str().into()),
        ]);
        event.record(&mut fields);
        writeln!(writer, "{}", self.line(&fields.0))
    }
}

impl Structured {
    fn line(&self, fields: &[(&str, Value)]) -> String {
        match self {
            Self::Logfmt => {
                let pairs = fields
                    .iter()
                    .map(|(key, value)| format!("{key}={}", plain(value)));
                pairs.collect::<Vec<_>>().join(" ")
            }
            Self::Json => {
                let pairs = fields
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{}", escaped(value)));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// A value of logfmt: in quotes unless it is one word.
fn plain(value: &Value) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\');
    match value {
        Value::String(text) if !text.is_empty() && text.chars().all(is_plain) => text.clone(),
        _ => escaped(value),
    }
}

/// JSON without any control character. It contains one only in texts, where `\u` escapes it.
fn escaped(value: &Value) -> String {
    let mut escaped = String::new();
    for c in value.to_string().chars() {
        match c {
            c if c.is_control() => drop(write!(escaped, "\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn push(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => self.0.insert(2, ("msg", value)), // after time and level
            name => self.0.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: &Structured, value: &str) -> String {
        format.line(&[("level", "INFO".into()), ("name", value.into())])
    }

    #[test]
    fn values_are_quoted_where_needed_and_have_no_control_characters() {
        for (value, logfmt) in [
            ("plain", "plain"),
            ("/a:b-c", "/a:b-c"),
            ("", r#""""#),
            ("a b", r#""a b""#),
            ("a=b", r#""a=b""#),
            ("say \"hi\"", r#""say \"hi\"""#),
            ("x\nlevel=ERROR", r#""x\nlevel=ERROR""#),
            ("\u{1b}[2J\u{9b}\u{7f}", r#""\u001b[2J\u009b\u007f""#),
        ] {
            assert_eq!(
                line(&Structured::Logfmt, value),
                format!("level=INFO name={logfmt}")
            );
            let json = line(&Structured::Json, value);
            let read: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(read["name"], value);
            assert!(!json.chars().any(char::is_control), "{json}");
        }
    }

    #[test]
    fn numbers_and_booleans_keep_their_type() {
        let fields = [("port", 5432.into()), ("tls", true.into())];
        assert_eq!(Structured::Logfmt.line(&fields), "port=5432 tls=true");
        assert_eq!(
            Structured::Json.line(&fields),
            r#"{"port":5432,"tls":true}"#
        );
    }
}
