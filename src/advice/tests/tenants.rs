//! One database, and the others beside it.

use super::super::{Evidence, TenantFacts, Verdict, advise};
use super::{LOAD_STEP, beside, hours, server, shop, tenant};

#[test]
fn a_limit_follows_from_the_peak() {
    for (peak, limit, verdict, recommended) in [
        (7.0, Some(50), Verdict::SetLimit, Some(10)),
        (7.0, Some(12), Verdict::Stay, Some(12)),
        (7.0, Some(10), Verdict::Stay, Some(10)),
        (10.0, Some(10), Verdict::SetLimit, Some(15)),
        (9.0, Some(10), Verdict::SetLimit, Some(15)),
        (7.0, None, Verdict::SetLimit, Some(10)),
        (0.0, Some(0), Verdict::Stay, None),
    ] {
        let advice = beside(tenant("shop", 14, peak, limit));
        let found = (advice.verdict, advice.recommended);
        assert_eq!(
            found,
            (verdict, recommended),
            "{peak} of {limit:?}: {advice:?}"
        );
        let sql = recommended.filter(|_| verdict == Verdict::SetLimit);
        let sql = sql.map(|limit| format!("alter database \"shop\" connection limit {limit};"));
        assert_eq!(advice.sql, sql);
        assert!(!advice.reasons.is_empty());
    }
}

#[test]
fn a_database_alone_and_that_of_administration_need_no_limit() {
    let alone = shop(&server(vec![tenant("shop", 14, 7.0, None)]));
    assert_eq!((alone.verdict, alone.sql), (Verdict::Stay, None));
    let postgres = tenant("postgres", 14, 2.0, None);
    let advice = advise(&server(vec![postgres, tenant("shop", 14, 8.0, Some(10))]));
    assert!(
        advice.tenants.iter().all(|it| it.verdict == Verdict::Stay),
        "{advice:?}"
    );
}

#[test]
fn a_limit_that_is_unknown_is_not_changed() {
    let facts = TenantFacts {
        is_unlimited: false,
        ..tenant("shop", 14, 7.0, None)
    };
    let advice = beside(facts);
    assert_eq!(
        (advice.verdict, advice.recommended, advice.sql),
        (Verdict::Watch, Some(10), None)
    );
}

/// A short history proves that a limit was reached, and not that it is too high.
#[test]
fn little_data_raises_a_limit_and_never_lowers_one() {
    let short = beside(tenant("shop", 6, 7.0, Some(50)));
    assert_eq!(
        (short.verdict, short.recommended, short.sql),
        (Verdict::Watch, None, None)
    );
    assert_eq!(short.evidence, Evidence::Short { days: 143.0 / 24.0 });
    let reached = beside(tenant("shop", 1, 50.0, Some(50)));
    assert_eq!(
        (reached.verdict, reached.recommended),
        (Verdict::SetLimit, Some(65))
    );
    let week = beside(tenant("shop", 7, 7.0, Some(50)));
    assert_eq!(
        (week.verdict, week.recommended),
        (Verdict::SetLimit, Some(10))
    );
    let none = beside(TenantFacts::new("shop", LOAD_STEP));
    assert_eq!(
        (none.verdict, none.evidence),
        (Verdict::Watch, Evidence::None)
    );
}

#[test]
fn gaps_above_a_tenth_withhold_what_could_be_wrong() {
    let with_gaps = |missing: fn(u32) -> bool| {
        let mut facts = server(vec![
            TenantFacts {
                peaks: hours(14, |hour| (!missing(hour)).then_some(7.0)),
                ..tenant("shop", 14, 7.0, Some(50))
            },
            tenant("other_app", 14, 7.0, Some(10)),
        ]);
        facts.known = hours(14, |hour| Some(if missing(hour) { 0.0 } else { 1.0 }));
        shop(&facts)
    };
    let fifth = with_gaps(|hour| hour.is_multiple_of(5) && hour > 0);
    assert!(
        matches!(fifth.evidence, Evidence::Gaps { gaps, .. } if gaps > 0.19),
        "{fifth:?}"
    );
    assert_eq!((fifth.verdict, fifth.recommended), (Verdict::Watch, None));
    let day = with_gaps(|hour| (100..124).contains(&hour));
    assert_eq!(
        (day.verdict, day.recommended),
        (Verdict::SetLimit, Some(10))
    );
}

/// Samples are missing in each hour, so that no hour is without a peak.
#[test]
fn gaps_within_the_hours_count() {
    let mut facts = server(vec![
        tenant("shop", 14, 7.0, Some(50)),
        tenant("b", 14, 7.0, Some(10)),
    ]);
    facts.known = hours(14, |_| Some(0.8));
    assert_eq!(shop(&facts).recommended, None);
}

#[test]
fn a_server_that_is_silent_gets_no_advice() {
    let mut facts = server(vec![
        tenant("shop", 14, 7.0, Some(50)),
        tenant("b", 14, 7.0, Some(10)),
    ]);
    facts.end += 3.0 * 86_400.0;
    let advice = shop(&facts);
    assert_eq!(advice.evidence, Evidence::Silent { hours: 72.0 });
    assert_eq!(advice.recommended, None);
}

#[test]
fn no_limit_is_above_what_is_declared() {
    let declared = |peak, budget, ceiling| {
        beside(TenantFacts {
            budget,
            ceiling,
            instances: Some(2),
            ..tenant("shop", 14, peak, Some(60))
        })
    };
    assert_eq!(declared(20.0, None, Some(22)).recommended, Some(22));
    assert_eq!(declared(20.0, Some(21), Some(22)).recommended, Some(21));
    let over = declared(23.0, Some(30), Some(22));
    assert_eq!(
        (over.verdict, over.recommended),
        (Verdict::Watch, None),
        "{over:?}"
    );
    // Pools that could open more than is needed get a size.
    let pools = declared(7.0, None, Some(40));
    assert_eq!((pools.recommended, pools.pool), (Some(10), Some((2, 5))));
    assert!(
        pools
            .reasons
            .iter()
            .any(|it| it.contains("each pool may have 5")),
        "{pools:?}"
    );
    let above_slots = declared(7.0, None, Some(98));
    assert_eq!(above_slots.verdict, Verdict::AddPooler, "{above_slots:?}");
}

#[test]
fn limits_together_fit_into_the_slots() {
    let tenants = ["a", "b", "c"].map(|name| tenant(name, 14, 30.0, None));
    let advice = advise(&server(tenants.to_vec())).tenants;
    let limits: Vec<_> = advice.iter().map(|it| it.recommended).collect();
    assert_eq!(
        limits,
        [Some(32), Some(32), Some(32)],
        "40 without the others"
    );
    // Limits that stay count with what their databases need, if they promise more than there is.
    let fixed = tenant("fixed", 3, 10.0, Some(90));
    let small = shop(&server(vec![fixed, tenant("shop", 14, 7.0, None)]));
    assert_eq!(small.recommended, Some(10));
    // Not even the peaks fit.
    let full = server(vec![
        tenant("shop", 14, 60.0, Some(60)),
        tenant("b", 14, 60.0, Some(60)),
    ]);
    let full = shop(&full);
    assert_eq!(
        (full.verdict, full.recommended),
        (Verdict::AddPooler, None),
        "{full:?}"
    );
}
