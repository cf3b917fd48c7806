//! The JSON of an answer, read into series. It trusts nothing: neither types, nor times, nor values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::{Question, shown};

/// One series. Times are seconds since the epoch and increase; values are finite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    /// At least one.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    pub(crate) fn last(&self) -> f64 {
        self.points.last().map_or(f64::NAN, |(_, value)| *value)
    }
}

#[derive(Deserialize)]
struct Body {
    status: String,
    data: Option<Data>,
    error: Option<String>,
    /// Prometheus and Thanos say so: a part of the data could not be read.
    #[serde(default)]
    warnings: Vec<String>,
    /// `VictoriaMetrics` says so.
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    metric: BTreeMap<String, String>,
    value: Option<(f64, Value)>,
    #[serde(default)]
    values: Vec<(f64, Value)>,
}

/// A value, which is a number in a string.
struct Value(f64);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number in a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                text.parse().map(Value).map_err(|_| E::custom("no number"))
            }
        }
        deserializer.deserialize_str(Number)
    }
}

/// Only of an answer that says that it is an error.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

pub(super) fn error_text(body: &[u8]) -> Option<String> {
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    Some(refusal.error)
}

/// The error is a part of a sentence.
pub(super) fn read(body: &[u8], question: &Question) -> Result<Vec<Series>, String> {
    let data = data(body)?;
    let wanted = match question {
        Question::At { .. } => "vector",
        Question::Over { .. } => "matrix",
    };
    if data.kind != wanted {
        return Err(format!("it is a {}, not a {wanted}", shown(&data.kind)));
    }
    let (mut known, mut all) = (BTreeSet::new(), Vec::new());
    for raw in data.result {
        let series = series(raw, question)?;
        if !known.insert(series.labels.clone()) {
            let labels = labels(&series.labels);
            return Err(format!("it has the series {labels} twice"));
        }
        all.push(series);
    }
    Ok(all)
}

fn data(body: &[u8]) -> Result<Data, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        // Without the message, which may quote the answer.
        let (line, column) = (error.line(), error.column());
        format!("it is not the JSON of a query, at line {line} column {column}")
    })?;
    if body.status != "success" {
        let error = shown(&body.error.unwrap_or_default());
        return Err(format!("it is an error: {error}"));
    }
    if let Some(warning) = body.warnings.first() {
        return Err(format!("it may be partial: {}", shown(warning)));
    }
    if body.is_partial {
        return Err("it is partial".to_owned());
    }
    body.data.ok_or_else(|| "it has no data".to_owned())
}

fn series(raw: Raw, question: &Question) -> Result<Series, String> {
    let of = |problem: &str| Err(format!("{problem} in the series {}", labels(&raw.metric)));
    let points: Vec<_> = match question {
        Question::At { .. } => raw
            .value
            .iter()
            .map(|(time, value)| (*time, value.0))
            .collect(),
        Question::Over { .. } => raw
            .values
            .iter()
            .map(|(time, value)| (*time, value.0))
            .collect(),
    };
    if points.is_empty() {
        return of("there is no value");
    }
    // VictoriaMetrics rounds the times of a range to its step.
    let times = match question {
        Question::At { time, .. } => time - 1.0..=time + 1.0,
        Question::Over {
            start, end, step, ..
        } => start - f64::from(*step)..=end + f64::from(*step),
    };
    if !points.iter().all(|(time, _)| times.contains(time)) {
        return of("there is a time that was not asked for");
    }
    if !points.is_sorted_by(|(before, _), (after, _)| before < after) {
        return of("times do not increase");
    }
    if let Some((_, value)) = points.iter().find(|(_, value)| !value.is_finite()) {
        return of(&format!("there is the value {value}"));
    }
    Ok(Series {
        labels: raw.metric,
        points,
    })
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    let pairs = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"));
    shown(&format!("{{{}}}", pairs.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(body: &str) -> Result<Vec<Series>, String> {
        let question = Question::At {
            query: "up".to_owned(),
            time: 100.0,
        };
        read(body.as_bytes(), &question)
    }

    fn over(result: &str) -> Result<Vec<Series>, String> {
        let question = Question::Over {
            query: "up".to_owned(),
            start: 100.0,
            end: 200.0,
            step: 50,
        };
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#
        );
        read(body.as_bytes(), &question)
    }

    fn vector(result: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{result}]}}}}"#)
    }

    #[test]
    fn an_answer_is_series_with_their_values() {
        let one = r#"{"metric":{"server":"main"},"value":[100,"7"]}"#;
        let series = at(&vector(one)).expect("an answer");
        assert_eq!(
            (series[0].label("server"), series[0].last()),
            (Some("main"), 7.0)
        );
        assert_eq!(at(&vector("")), Ok(Vec::new()));
        let range = r#"{"metric":{},"values":[[100,"1"],[150,"2.5"],[200,"1e3"]]}"#;
        let series = over(range).expect("an answer");
        assert_eq!(
            series[0].points,
            [(100.0, 1.0), (150.0, 2.5), (200.0, 1000.0)]
        );
    }

    #[test]
    fn a_lying_answer_is_an_error_on_one_line() {
        let series = r#"{"metric":{"a":"\u001b[2J\n"},"value":[100,"7"]}"#;
        for (body, problem) in [
            ("", "line 1"),
            ("<html>", "line 1"),
            ("{}", "JSON"),
            ("[]", "JSON"),
            (r#"{"status":"success"}"#, "no data"),
            (r#"{"status":"error","error":"too\nmany"}"#, r"too\nmany"),
            (
                r#"{"status":"success","data":{"resultType":"scalar","result":[100,"1"]}}"#,
                "JSON",
            ),
            (
                r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
                "matrix",
            ),
            (
                r#"{"status":"success","warnings":["half"],"data":{"resultType":"vector","result":[]}}"#,
                "partial: half",
            ),
            (
                r#"{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[]}}"#,
                "partial",
            ),
            (&vector(&format!("{series},{series}")), "twice"),
            (&vector(r#"{"metric":{},"value":[100,"NaN"]}"#), "value NaN"),
            (
                &vector(r#"{"metric":{},"value":[100,"+Inf"]}"#),
                "value inf",
            ),
            (&vector(r#"{"metric":{},"value":[100,7]}"#), "JSON"),
            (&vector(r#"{"metric":{},"value":[100,"many"]}"#), "JSON"),
            (&vector(r#"{"metric":{},"value":[7,"1"]}"#), "not asked for"),
            (&vector(r#"{"metric":{}}"#), "no value"),
            (&"[".repeat(100_000), "JSON"),
        ] {
            let error = at(body).expect_err(body);
            assert!(error.contains(problem), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
            assert!(!error.contains('\u{1b}') && error.len() < 500, "{error}");
        }
    }

    #[test]
    fn times_that_make_no_sense_are_an_error() {
        for values in [
            r#"[150,"1"],[150,"1"]"#,
            r#"[200,"1"],[100,"1"]"#,
            r#"[1e9,"1"]"#,
        ] {
            let answer = over(&format!(r#"{{"metric":{{}},"values":[{values}]}}"#));
            assert!(answer.is_err(), "{values}: {answer:?}");
        }
    }
}
