//! `audit --sarif`: the findings in the Static Analysis Results Interchange Format 2.1.0, for code-scanning tools.

use serde_json::{Value, json};

use super::report::{Finding, Report};
use crate::findings::Severity;
use crate::isolation::Kind;

pub(super) fn log(report: &Report) -> Value {
    let rules =
        Kind::ALL.map(|kind| json!({"id": kind.label(), "shortDescription": {"text": kind.why()}}));
    let skipped = report.skipped.iter().map(|it| {
        (
            &it.server,
            format!("{} was skipped: {}", it.finding, it.why),
        )
    });
    let failed = report
        .servers
        .iter()
        .filter_map(|it| Some((&it.name, it.error.clone()?)));
    let notes = skipped.chain(failed).map(|(server, text)| {
        json!({"level": "error", "message": {"text": format!("{server}: {text}")}})
    });
    let notes: Vec<_> = notes.collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "pgcommons", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "invocations": [{"executionSuccessful": notes.is_empty(), "toolExecutionNotifications": notes}],
            "results": report.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let subject = [
        Some(&finding.server),
        finding.datname.as_ref(),
        finding.rolname.as_ref(),
    ];
    let subject: Vec<_> = subject.into_iter().flatten().map(String::as_str).collect();
    let subject = subject.join("/");
    let level = match finding.severity {
        Severity::Critical => "error",
        Severity::Ok | Severity::Warning | Severity::Unknown => "warning",
    };
    json!({
        "ruleId": finding.label,
        "level": level,
        "message": {"text": format!("{}: {}", finding.server, finding.text)},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": subject}]}],
        "partialFingerprints": {"subject/v1": format!("{}:{subject}", finding.label)},
        "properties": {"sql": finding.sql, "decide": finding.decide},
    })
}
