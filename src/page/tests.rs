//! The size of the page, and names that try to leave their place.

use proptest::prelude::*;

use super::*;
use crate::findings::{Finding, Severity};
use crate::status::{
    BackupStatus, Connections, DatabaseStatus, DayStatus, ReceiverStatus, ResourceReport,
    ServerStatus, SessionRow, Status,
};

const MAX_BYTES: usize = 40_000;

/// A name of 63 bytes, the longest that PostgreSQL takes.
fn name(n: usize) -> String {
    format!("tenant_{n:03}_{}", "x".repeat(52))
}

fn connections() -> Connections {
    Connections {
        used: Some(20),
        limit: Some(20),
        bound_by: Some("database"),
        own_limit: Some(20),
        headroom: Some(0),
    }
}

/// A chart that changes in each of its parts.
fn changing() -> Vec<Option<f64>> {
    (0..48).map(|part| Some(f64::from(part % 20))).collect()
}

/// A database with everything that a row can have.
fn database(datname: &str) -> DatabaseStatus {
    DatabaseStatus {
        datname: datname.to_owned(),
        status: Severity::Critical,
        connections: connections(),
        peak: Some(20),
        exhausted_seconds: Some(3912.0),
        budget: Some(15),
        size_bytes: Some(1_234_567_890),
        size_unknown: None,
        size_limit_bytes: Some(2_345_678_901),
        active: Some(12),
        blocked: Some(3),
        backup: Some(BackupStatus {
            status: Severity::Warning,
            newest: Some(1_795_900_000),
            state: Some("incomplete"),
            missing: false,
        }),
        budget_owner: Some("alice".to_owned()),
        closed: None,
        day: Some(DayStatus {
            minutes: 1440,
            peak: Some(20),
            exhausted_seconds: 3912.0,
            growth_bytes: Some(1e9),
            peaks: changing(),
        }),
        oid: 123_456,
        connections_status: Severity::Critical,
        size_status: Severity::Warning,
    }
}

fn server(names: &[String]) -> ServerStatus {
    let finding = |name: &String| {
        let text = format!("database {name} uses 20 of 20 connections");
        let finding = Finding::unreachable(Severity::Critical, text);
        let remedy = format!(
            "SELECT usename, application_name, state, count(*) FROM pg_stat_activity WHERE datname = '{name}' GROUP BY 1, 2, 3"
        );
        Finding {
            subject: Some(name.clone()),
            remedy: Some(remedy),
            ..finding
        }
    };
    let resource = |n| ResourceReport {
        resource: "logical_replication_workers",
        volume: None,
        status: Severity::Warning,
        used: n,
        limit: 15,
        datname: Some(name(1)),
        amounts: (n.to_string(), "15".to_owned()),
        day: Some(changing()),
    };
    ServerStatus {
        server: "main".to_owned(),
        status: Severity::Critical,
        up: true,
        down: None,
        version: Some("15.18".to_owned()),
        standby: Some(false),
        polled: Some(1_795_953_907.0),
        connections: None,
        active: Some(12),
        resources: (1..=14).map(resource).collect(),
        databases: names.iter().map(|name| database(name)).collect(),
        databases_left_out: Some(3),
        findings: names.iter().map(finding).collect(),
        sources: Vec::new(),
    }
}

fn status(names: &[String]) -> Status {
    Status {
        version: 1,
        agent: "0.1.0",
        time: 1_795_953_907.5,
        severity: Severity::Critical,
        servers: vec![server(names)],
        notifications: names.iter().take(1).map(|name| receiver(name)).collect(),
    }
}

/// A name that fails, as the operator has chosen it.
fn receiver(name: &str) -> ReceiverStatus {
    ReceiverStatus {
        receiver: name.to_owned(),
        kind: "webhook",
        last_success: Some(1_795_953_000.0),
        failing_since: Some(1_795_953_900.0),
        failure: Some("server_error"),
    }
}

/// Every tenant has the longest name, a finding and a day that changes in each part of its chart.
#[test]
fn the_page_of_20_tenants_has_at_most_40_kb() {
    let names: Vec<_> = (0..20).map(name).collect();
    let page = overview(&status(&names), Listed::MostUrgent, "metrics");
    assert!(page.len() <= MAX_BYTES, "{} bytes", page.len());
    assert!(page.contains("20 critical - pgcommons"));
}

#[test]
fn only_the_most_urgent_databases_are_listed_unless_all_are_asked_for() {
    let names: Vec<_> = (0..500).map(name).collect();
    let rows = |page: &str| page.matches("data-key=").count();
    let page = overview(&status(&names), Listed::MostUrgent, "metrics");
    assert_eq!(rows(&page), 100);
    assert!(page.contains("400 more databases"));
    assert_eq!(
        rows(&overview(&status(&names), Listed::All, "metrics")),
        500
    );
}

/// The markup without the names is the same for every name of this length.
fn markup(name: &str) -> (Vec<String>, Vec<String>) {
    let names = [name.to_owned()];
    let row = SessionRow {
        usename: name.to_owned(),
        application_name: name.to_owned(),
        state: "active",
        backend_type: "client backend",
        count: 1,
        oldest_transaction: Some(1.0),
        waits: vec![("cpu", 1)],
    };
    let status = status(&names);
    let page = TenantPage {
        server: &status.servers[0],
        database: &status.servers[0].databases[0],
        sessions: Some(&[row]),
        day: None,
        metrics: "metrics",
        time: status.time,
    };
    (
        tags(&overview(&status, Listed::MostUrgent, "metrics")),
        tags(&tenant(&page)),
    )
}

/// The tags of a page, each with the names of its attributes and without their values.
fn tags(page: &str) -> Vec<String> {
    let tags = page.split('<').skip(1);
    let tags = tags.map(|rest| rest.split('>').next().unwrap_or_default());
    tags.map(|tag| {
        let outside = tag.split('"').step_by(2);
        outside.collect()
    })
    .collect()
}

proptest! {
    #[test]
    fn no_name_changes_the_markup(name in prop_oneof!["\\PC{1,20}", "[<>\"'&/=a ]{1,20}"]) {
        prop_assert_eq!(markup(&name), markup("plain"));
    }
}
