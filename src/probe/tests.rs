//! Shares, what makes them unknown, and names that a tenant chooses.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::sample::access::Name;
use crate::sample::probe::{WorkspaceStatistics, WorkspaceTable, WorkspaceValue};

fn name(text: &str) -> Name {
    Name {
        shown: text.to_owned(),
        exact: Some(text.to_owned()),
    }
}

/// A table with statistics of an ANALYZE at 100 s.
fn table(oid: u32, rows: f64) -> WorkspaceTable {
    WorkspaceTable {
        oid,
        schema: name("public"),
        name: name(&format!("t{oid}")),
        rows,
        is_readable: true,
        has_statistics: true,
        is_empty: false,
        analysed: Some(f64::from(oid) * 100.0),
        written: 1,
    }
}

fn value(start: &str, rows: f64) -> WorkspaceValue {
    WorkspaceValue {
        start: Some(start.to_owned()),
        hash: None,
        rows,
        bytes: None,
    }
}

fn workspaces(tables: Vec<WorkspaceTable>, values: Vec<WorkspaceValue>) -> Workspaces {
    let read = WorkspaceStatistics { tables, values };
    let answer = ProbeAnswer {
        workspaces: Some(read),
        ..ProbeAnswer::default()
    };
    let mut slots = SeriesSlots::default();
    let view = ProbeView::of(answer, &mut slots, Duration::ZERO);
    view.workspaces.expect("it was asked")
}

fn rows(workspaces: &Workspaces) -> BTreeMap<&str, f64> {
    let estimate = workspaces.estimate.as_ref().expect("known");
    let all = estimate.workspaces.iter();
    all.map(|(name, amount)| (&**name, amount.rows)).collect()
}

fn assert_same(one: f64, other: f64) {
    assert!((one - other).abs() < 1e-9, "{one} is not {other}");
}

fn unknown(tables: Vec<WorkspaceTable>) -> Unknown {
    workspaces(tables, Vec::new())
        .estimate
        .expect_err("unknown")
}

#[test]
fn rows_that_no_statistics_name_are_other() {
    let two = vec![value("a", 250.0), value("b", 750.0)];
    let all = workspaces(vec![table(1, 400.0), table(2, 600.0)], two.clone());
    assert_eq!(rows(&all), BTreeMap::from([("a", 250.0), ("b", 750.0)]));
    let estimate = all.estimate.expect("known");
    assert_eq!(estimate.share(250.0), Some(0.25));
    assert_eq!((estimate.analysed, estimate.written), (Some(100.0), 2));
    let all = workspaces(vec![table(1, 2000.0)], two);
    assert_same(rows(&all)["other"], 1000.0);
}

#[test]
fn rounding_is_no_workspace_and_hostile_statistics_stay_within_one() {
    let all = workspaces(vec![table(1, 1e7)], vec![value("a", 1e7 - 3.0)]);
    assert_eq!(rows(&all).len(), 1);
    let all = workspaces(
        vec![table(1, 10.0)],
        vec![value("a", 900.0), value("b", 100.0)],
    );
    let estimate = all.estimate.expect("known");
    assert_eq!(estimate.share(900.0), Some(0.9));
}

#[test]
fn a_part_is_not_shown_as_the_whole() {
    let refused = WorkspaceTable {
        is_readable: false,
        has_statistics: false,
        ..table(2, 50.0)
    };
    let fresh = WorkspaceTable {
        has_statistics: false,
        ..table(3, 0.0)
    };
    let empty = WorkspaceTable {
        is_empty: true,
        ..fresh.clone()
    };
    assert_eq!(unknown(Vec::new()), Unknown::NoTable);
    assert_eq!(
        unknown(vec![table(1, 10.0), refused]),
        Unknown::NotReadable("public.t2".to_owned())
    );
    assert_eq!(
        unknown(vec![table(1, 10.0), fresh]),
        Unknown::NotAnalysed("public.t3".to_owned())
    );
    let many = (0..=2000).map(|oid| table(oid, 1.0)).collect();
    assert_eq!(unknown(many), Unknown::TooManyTables);
    let all = workspaces(vec![table(1, 10.0), empty], vec![value("a", 10.0)]);
    assert_eq!(rows(&all), BTreeMap::from([("a", 10.0)]));
    assert_eq!(all.tables[&TableState::Empty], 1);
}

#[test]
fn the_age_is_unknown_if_that_of_one_table_is() {
    let forgotten = WorkspaceTable {
        analysed: None,
        ..table(2, 5.0)
    };
    let all = workspaces(vec![table(1, 10.0), forgotten], vec![value("a", 15.0)]);
    assert_eq!(all.estimate.expect("known").analysed, None);
}

#[test]
fn fifty_workspaces_have_series_and_keep_them() {
    let answer = |names: std::ops::Range<u32>| {
        let values = names.map(|n| value(&format!("w{n:05}"), f64::from(n)));
        let values: Vec<_> = values.collect();
        let total = values.iter().map(|it| it.rows).sum();
        ProbeAnswer {
            workspaces: Some(WorkspaceStatistics {
                tables: vec![table(1, total)],
                values,
            }),
            ..ProbeAnswer::default()
        }
    };
    let mut slots = SeriesSlots::default();
    let first = ProbeView::of(answer(1..201), &mut slots, Duration::ZERO);
    let first = first.workspaces.expect("asked");
    let shown = rows(&first);
    assert_eq!(shown.len(), SERIES + 1);
    assert!(shown.contains_key("w00200") && !shown.contains_key("w00150"));
    assert_same(shown.values().sum::<f64>(), 20_100.0);
    let later = ProbeView::of(answer(151..351), &mut slots, Duration::from_mins(1));
    let later = later.workspaces.expect("asked");
    assert_eq!(
        rows(&later).keys().collect::<Vec<_>>(),
        shown.keys().collect::<Vec<_>>()
    );
}

#[test]
fn a_hostile_name_is_a_short_label() {
    let long = "x".repeat(100);
    let cut = |hash| WorkspaceValue {
        hash: Some(hash),
        ..value(&long, 1.0)
    };
    let names = [
        value("", 1.0),
        value("other", 1.0),
        value("a\"b\\c\nd\u{1b}[2J\u{202e}", 1.0),
        value(r"\xe9", 1.0),
        value(&"\u{7}".repeat(90), 1.0),
        cut(1),
        cut(2),
        cut(2),
    ];
    let all = workspaces(vec![table(1, 8.0)], names.to_vec());
    let shown = rows(&all);
    assert_same(shown["(empty)"], 1.0);
    assert_same(shown["other"], 1.0);
    assert!(
        shown.contains_key("a\"b\\c\\nd\\u{1b}[2J\\u{202e}"),
        "{shown:?}"
    );
    assert_same(shown[&*format!("{}~00000002", "x".repeat(80))], 2.0);
    assert!(
        shown.keys().all(|name| name.chars().count() <= 89),
        "{shown:?}"
    );
    assert!(!shown.keys().any(|name| name.contains(char::is_control)));
    assert_same(shown.values().sum::<f64>(), 8.0);
}
