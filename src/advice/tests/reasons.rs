//! Reasons to move out, and what else is said of a database.

use super::super::{Needs, Steps, TenantAdvice, TenantFacts, Verdict, advise};
use super::{END, LOAD_STEP, beside, hours, server, shop, steps, tenant};

/// A load in sessions, for one hour of each day; otherwise a hundredth of it.
fn load(busy: f64) -> Steps {
    steps(14, LOAD_STEP, |step| {
        Some(if step % 96 < 4 { busy } else { busy / 100.0 })
    })
}

/// `own` and the load of the others, of which `waiting` wait, on this many cores.
fn contended(own: f64, others: f64, waiting: f64, cores: Option<f64>) -> TenantAdvice {
    let mut facts = server(vec![
        TenantFacts {
            load: load(own),
            ..tenant("shop", 14, 8.0, Some(10))
        },
        tenant("other_app", 14, 8.0, Some(10)),
    ]);
    facts.load = load(own + others);
    facts.waiting = load(waiting);
    facts.settings.cores = cores;
    shop(&facts)
}

#[test]
fn who_takes_most_of_the_load_while_others_wait_should_move() {
    for (own, others, waiting, cores, verdict) in [
        (7.0, 3.0, 0.0, Some(4.0), Verdict::MoveOut),
        (7.0, 3.0, 0.0, None, Verdict::MoveOut),
        (7.0, 3.0, 3.0, Some(16.0), Verdict::MoveOut),
        (1.4, 0.6, 0.5, None, Verdict::MoveOut),
        // The cores are not used, others do not wait, they hardly work, or both take the same.
        (7.0, 3.0, 3.0, Some(64.0), Verdict::Stay),
        (1.4, 0.6, 0.1, None, Verdict::Stay),
        (7.0, 0.04, 0.04, Some(2.0), Verdict::Stay),
        (4.0, 6.0, 6.0, Some(2.0), Verdict::Stay),
    ] {
        let advice = contended(own, others, waiting, cores);
        assert_eq!(
            advice.verdict, verdict,
            "{own} {others} {waiting} {cores:?}: {advice:?}"
        );
        if verdict == Verdict::MoveOut {
            assert!(
                advice.reasons[0].contains("took 70 % of the load"),
                "{advice:?}"
            );
        }
    }
}

/// By the kernel, where the cores say nothing.
#[test]
fn processes_that_wait_for_a_cpu_are_a_witness() {
    for (pressure, verdict) in [(0.5, Verdict::MoveOut), (0.3, Verdict::Stay)] {
        let mut facts = server(vec![
            TenantFacts {
                load: load(1.4),
                ..tenant("shop", 14, 8.0, Some(10))
            },
            tenant("other_app", 14, 8.0, Some(10)),
        ]);
        facts.load = load(2.0);
        facts.settings.cores = Some(8.0);
        facts.pressure = load(pressure);
        assert_eq!(shop(&facts).verdict, verdict, "{pressure}");
    }
}

#[test]
fn load_of_a_few_days_is_no_reason_to_move() {
    let mut facts = server(vec![
        TenantFacts {
            load: load(7.0),
            ..tenant("shop", 3, 8.0, Some(10))
        },
        tenant("other_app", 3, 8.0, Some(10)),
    ]);
    facts.load = load(10.0);
    facts.settings.cores = Some(2.0);
    assert_eq!(shop(&facts).verdict, Verdict::Watch);
}

#[test]
fn what_it_needs_of_its_own_is_a_reason_to_move() {
    let needs = |major: &str| {
        let facts = TenantFacts {
            needs: Needs {
                major: Some(major.to_owned()),
                ..Needs::default()
            },
            ..tenant("shop", 1, 3.0, Some(10))
        };
        let mut facts = server(vec![facts]);
        facts.settings.major = Some(15);
        shop(&facts).verdict
    };
    assert_eq!(needs("17"), Verdict::MoveOut);
    assert_eq!(needs("15"), Verdict::Watch, "a day of data");
}

#[test]
fn growth_that_fills_the_volume_is_a_reason() {
    let grows = |per_day: f64, available: f64| {
        let sizes = |per_day: f64| hours(14, |hour| Some(1e9 + per_day * f64::from(hour) / 24.0));
        let mut facts = server(vec![
            TenantFacts {
                sizes: sizes(per_day),
                size_budget: Some(1e12),
                ..tenant("shop", 14, 8.0, Some(10))
            },
            TenantFacts {
                sizes: sizes(1e6),
                ..tenant("other_app", 14, 8.0, Some(10))
            },
        ]);
        facts.storage_available = Some(available);
        shop(&facts)
    };
    assert_eq!(grows(1e9, 1e10).verdict, Verdict::MoveOut);
    assert_eq!(grows(1e9, 6e10).verdict, Verdict::Watch);
    assert_eq!(grows(1e9, 1e12).verdict, Verdict::Stay);
    assert_eq!(
        grows(1e5, 1e6).verdict,
        Verdict::Stay,
        "the other one grows"
    );
    let size = grows(1e9, 1e12).size;
    assert!((size.per_day.expect("growth") - 1e9).abs() < 1e6);
    assert!(size.recommended_budget.expect("a budget") > 1e9 + 90e9);
}

#[test]
fn a_size_at_its_budget_is_watched() {
    let facts = TenantFacts {
        sizes: hours(14, |_| Some(2e9)),
        size_budget: Some(1e9),
        ..tenant("shop", 14, 8.0, Some(10))
    };
    let advice = beside(facts);
    assert_eq!(advice.verdict, Verdict::Watch);
    assert!(
        advice
            .reasons
            .iter()
            .any(|it| it.contains("above its budget")),
        "{advice:?}"
    );
}

#[test]
fn what_another_database_did_under_the_name_does_not_count() {
    // The hours before were those of a database with 40 connections.
    let facts = TenantFacts {
        peaks: hours(14, |hour| Some(if hour < 100 { 40.0 } else { 7.0 })),
        begins: Some(END - f64::from(14 * 24 - 101) * 3600.0),
        ..tenant("shop", 14, 7.0, Some(50))
    };
    let advice = beside(facts.clone());
    assert_eq!(
        (advice.peak, advice.recommended),
        (Some(7), Some(10)),
        "{advice:?}"
    );
    let young = beside(TenantFacts {
        begins: Some(END - 86_400.0),
        renamed_from: Some("old".to_owned()),
        ..facts
    });
    assert_eq!((young.verdict, young.recommended), (Verdict::Watch, None));
    assert!(
        young.reasons.iter().any(|it| it.contains("was named old")),
        "{young:?}"
    );
}

#[test]
fn a_hostile_name_is_quoted_or_gets_no_sql() {
    for (name, sql) in [
        (
            "a\"; drop",
            Some(r#"alter database "a""; drop" connection limit 10;"#),
        ),
        (
            "a\n\u{202e}",
            Some(r#"alter database U&"a\+00000A\+00202E" connection limit 10;"#),
        ),
        (r"caf\xe9", None),
    ] {
        let facts = server(vec![
            tenant(name, 14, 7.0, Some(50)),
            tenant("b", 14, 8.0, Some(10)),
        ]);
        let advice = advise(&facts)
            .tenants
            .into_iter()
            .find(|it| it.datname == name);
        let advice = advice.expect("it is there");
        assert_eq!((advice.recommended, advice.sql.as_deref()), (Some(10), sql));
    }
}
