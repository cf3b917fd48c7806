//! Several servers in one, and one database less.

use super::super::{Evidence, Needs, ServerFacts, TenantFacts, together, without};
use super::{LOAD_STEP, hours, server, steps, tenant};

/// A server whose peak of 30 is in this hour of each day; otherwise it has 10 connections.
fn peaking(name: &str, days: u32, hour: u32) -> ServerFacts {
    let mut facts = server(vec![tenant(&format!("{name}_db"), days, 30.0, Some(40))]);
    facts.name = name.to_owned();
    facts.peaks = steps(days, 300, |step| {
        Some(if step / 12 % 24 == hour && step % 12 == 3 {
            30.0
        } else {
            10.0
        })
    });
    facts.settings.memory_worst_case = Some(1e9);
    facts.settings.shared_buffers = Some(128.0 * 1_048_576.0);
    facts.settings.work_mem = Some(4.0 * 1_048_576.0);
    facts
}

fn six() -> Vec<ServerFacts> {
    (0..6)
        .map(|n| peaking(&format!("s{n}"), 14, n * 4))
        .collect()
}

#[test]
fn the_need_of_six_is_what_they_had_at_the_same_time() {
    let servers = six();
    let found = together(&servers.iter().collect::<Vec<_>>());
    assert_eq!((found.peak, found.sum_of_peaks), (Some(80), Some(180)));
    // 80 and a quarter, and three reserved slots.
    assert_eq!(
        (found.max_connections, found.max_connections_today),
        (Some(103), Some(600))
    );
    assert_eq!((found.steps, found.partial_steps), (14 * 288, 0));
    let mib = 1_048_576.0;
    assert_eq!(found.memory, Some(6.0 * 128.0 * mib + 103.0 * 9.0 * mib));
    assert_eq!(found.conflicts, Vec::<String>::new());
    assert!(found.evidence.is_enough());
    // At the same hour the sum is that of the peaks.
    let same: Vec<_> = (0..6).map(|n| peaking(&format!("s{n}"), 14, 4)).collect();
    let found = together(&same.iter().collect::<Vec<_>>());
    assert_eq!((found.peak, found.sum_of_peaks), (Some(180), Some(180)));
}

#[test]
fn a_step_that_lacks_a_server_is_no_sum() {
    let mut servers = six();
    let whole = servers[5].peaks.clone();
    // One server is down for a day. The others have what they always have.
    let day = |step: u32| (288 * 3..288 * 4).contains(&step);
    let first = whole.first().expect("a step");
    let mut cut = super::super::Steps::new(300);
    for (step, value) in whole.iter().filter(|(step, _)| !day(step - first)) {
        cut.add(whole.end_of(step), value);
    }
    servers[5].peaks = cut;
    let found = together(&servers.iter().collect::<Vec<_>>());
    assert_eq!((found.steps, found.partial_steps), (13 * 288, 288));
    assert_eq!((found.peak, found.partial_peak), (Some(80), Some(70)));
    assert!(found.evidence.is_enough() && found.max_connections.is_some());
    assert!(
        found.notes[0].contains("288 of 4032 steps"),
        "{:?}",
        found.notes
    );
}

#[test]
fn gaps_of_a_fifth_or_a_few_days_are_not_enough() {
    let mut servers = six();
    servers[2].peaks = steps(14, 300, |step| (step % 5 > 0).then_some(10.0));
    let found = together(&servers.iter().collect::<Vec<_>>());
    assert!(
        matches!(found.evidence, Evidence::Gaps { .. }),
        "{:?}",
        found.evidence
    );
    assert_eq!((found.max_connections, found.memory), (None, None));
    let mut servers = six();
    servers[0] = peaking("s0", 3, 0);
    let found = together(&servers.iter().collect::<Vec<_>>());
    assert!(
        matches!(found.evidence, Evidence::Short { .. }),
        "{:?}",
        found.evidence
    );
    assert_eq!(found.max_connections, None);
}

/// A lower bound that is higher counts.
#[test]
fn a_higher_sum_without_one_server_is_not_forgotten() {
    let mut servers = six();
    for n in [0, 1] {
        servers[n].peaks = steps(14, 300, |step| Some(if step == 1000 { 90.0 } else { 10.0 }));
    }
    servers[2].peaks = steps(14, 300, |step| (step != 1000).then_some(10.0));
    let found = together(&servers.iter().collect::<Vec<_>>());
    assert!(found.peak > Some(200), "{found:?}");
    assert!(
        found.notes.iter().any(|it| it.contains("at least")),
        "{:?}",
        found.notes
    );
}

#[test]
fn what_cannot_share_a_server_is_a_conflict() {
    let mut servers = six();
    servers[0].settings.major = Some(15);
    servers[1].settings.major = Some(17);
    servers[2].roles = ["app", "postgres", "pgcommons"].map(str::to_owned).into();
    servers[3].roles = ["app", "postgres", "pgcommons"].map(str::to_owned).into();
    servers[4].tenants = vec![
        tenant("s5_db", 14, 3.0, None),
        tenant("postgres", 14, 3.0, None),
    ];
    servers[5].tenants[0].needs = Needs {
        extension: Some("timescaledb".to_owned()),
        ..Needs::default()
    };
    let found = together(&servers.iter().collect::<Vec<_>>());
    let expected = [
        "major versions differ: s0 has 15, s1 has 17",
        "database s5_db is on s4, s5",
        "role app is on s2, s3",
        "database s5_db on s5: it needs an extension of its own: timescaledb (needs_extension)",
    ];
    assert_eq!(found.conflicts, expected);
}

#[test]
fn without_a_database_the_others_have_what_is_left() {
    let sized = |name: &str, peak: f64| TenantFacts {
        sizes: hours(14, |hour| Some(1e9 + 1e6 * f64::from(hour))),
        load: steps(14, LOAD_STEP, |step| {
            Some(if step % 96 < 4 { 5.0 } else { 0.1 })
        }),
        ..tenant(name, 14, peak, None)
    };
    let mut facts = server(vec![
        sized("shop", 40.0),
        sized("b", 20.0),
        sized("c", 10.0),
    ]);
    facts.peaks = steps(14, 300, |step| Some(if step == 125 { 65.0 } else { 30.0 }));
    facts.load = steps(14, LOAD_STEP, |step| {
        Some(if step % 96 < 4 { 8.0 } else { 0.3 })
    });
    facts.settings.cores = Some(4.0);
    facts.storage_available = Some(1e10);
    let found = without(&facts, "shop").expect("it is there");
    // In the hour of the peak b and c had 30 at most.
    assert_eq!((found.peak, found.peak_of_others), (Some(65), Some(30)));
    assert_eq!(
        (found.saturated_hours, found.saturated_hours_of_others),
        (Some(14.0), Some(0.0))
    );
    assert!(
        found.days_to_full < found.days_to_full_of_others,
        "{found:?}"
    );
    assert_eq!(without(&facts, "nobody"), None);
}
