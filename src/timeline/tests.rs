//! Rows in and figures out, the bound of the memory, a clock that is set back.

use proptest::prelude::*;

use super::chunk::Figures;
use super::*;

/// 2026-11-29 00:00 UTC.
const MIDNIGHT: u32 = 29_931_840;

fn time(minute: u32) -> f64 {
    f64::from(minute) * 60.0
}

fn figures(n: u32) -> Figures {
    Figures {
        peak: Some(n),
        exhausted: Some(f64::from(n % 60)),
        active: (!n.is_multiple_of(7)).then(|| f64::from(n) / 8.0),
        size: Some(f64::from(n) * 1024.0),
    }
}

fn row(minute: u32, databases: &[&str]) -> Row {
    let databases = databases.iter();
    Row {
        minute,
        databases: databases
            .map(|name| ((*name).to_owned(), figures(minute - MIDNIGHT)))
            .collect(),
        resources: vec![("connections".to_owned(), 0.5)],
    }
}

/// Two databases, with a row for each of the first minutes.
pub(super) fn recorded(minutes: u32) -> Timelines {
    let mut timeline = Timeline::default();
    for minute in 0..minutes {
        timeline.push(&row(MIDNIGHT + minute, &["blog", "shop"]));
    }
    Timelines([("main".to_owned(), Arc::new(timeline))].into())
}

#[test]
fn a_day_has_the_figures_of_each_minute() {
    let timelines = recorded(120);
    let main = timelines.server("main").expect("it was recorded");
    let day = main.database("shop", time(MIDNIGHT + 120)).expect("a day");
    assert_eq!(
        (day.summary(1).minutes, day.summary(1).peak),
        (120, Some(119))
    );
    assert_eq!(day.summary(1).growth, Some(110.0 * 1024.0));
    let expected: u32 = (0..120).map(|n| n % 60).sum();
    assert!((day.summary(1).exhausted_seconds - f64::from(expected)).abs() < 1e-6);
    assert!(main.database("gone", time(MIDNIGHT + 120)).is_none());
    let next = main.database("shop", time(MIDNIGHT + 120 + MINUTES));
    assert!(next.is_none());
    // Two hours are a twelfth of a day.
    let maxima = day.maxima(24, |it| it.peak().map(f64::from));
    assert_eq!(day.summary(24).peaks, maxima);
    assert_eq!(maxima[..22], [None; 22]);
    assert_eq!(maxima[22..], [Some(59.0), Some(119.0)]);
    let shares = main.resource("connections", time(MIDNIGHT + 120), 1);
    assert_eq!(shares, Some(vec![Some(0.5)]));
    assert_eq!(main.resource("gone", time(MIDNIGHT + 120), 1), None);
}

#[test]
fn what_is_older_than_a_day_goes_and_the_memory_has_a_bound() {
    let mut timeline = Timeline::default();
    for minute in 0..3 * MINUTES {
        // Each minute another set of databases, so that no chunk has two rows.
        let names = if minute.is_multiple_of(2) {
            ["a", "b"]
        } else {
            ["a", "c"]
        };
        timeline.push(&row(MIDNIGHT + minute, &names));
    }
    let rows: usize = timeline.chunks.iter().map(|it| it.minutes.len()).sum();
    assert_eq!(rows, MINUTES as usize);
    let now = time(MIDNIGHT + 3 * MINUTES);
    let day = timeline.database("b", now).expect("a day");
    assert_eq!(day.summary(1).minutes, MINUTES as usize / 2);
}

#[test]
fn chunks_of_the_same_databases_share_their_names() {
    let timelines = recorded(300);
    let chunks = &timelines.0["main"].chunks;
    assert_eq!(chunks.len(), 5);
    let first = &chunks[0].names;
    assert!(chunks.iter().all(|it| Arc::ptr_eq(&it.names, first)));
}

#[test]
fn a_clock_that_is_set_back_replaces_what_it_repeats() {
    let mut timeline = Timeline::clone(&recorded(150).0["main"]);
    timeline.push(&Row {
        minute: MIDNIGHT + 100,
        databases: vec![("shop".to_owned(), figures(7777))],
        resources: Vec::new(),
    });
    let day = timeline
        .database("shop", time(MIDNIGHT + 150))
        .expect("a day");
    assert_eq!(
        (day.summary(1).minutes, day.summary(1).peak),
        (101, Some(7777))
    );
    let blog = timeline.database("blog", time(MIDNIGHT + 150));
    assert_eq!(blog.expect("a day").summary(1).minutes, 100);
}

#[test]
fn a_database_takes_about_six_kilobytes() {
    let names: Vec<_> = (0..100).map(|n| format!("tenant_{n:03}")).collect();
    let names: Vec<_> = names.iter().map(|name| &**name).collect();
    let mut timeline = Timeline::default();
    let held = allocation_counter::measure(|| {
        for minute in 0..MINUTES + 60 {
            timeline.push(&row(MIDNIGHT + minute, &names));
        }
    });
    let bytes = held.bytes_current;
    assert!((600_000..720_000).contains(&bytes), "{bytes} bytes");
}

/// A page shows a hundred databases.
#[test]
fn reading_a_day_takes_no_copy_of_it() {
    let timelines = recorded(MINUTES);
    let main = timelines.server("main").expect("it was recorded");
    let spent = allocation_counter::measure(|| {
        let day = main
            .database("shop", time(MIDNIGHT + MINUTES))
            .expect("a day");
        assert_eq!(day.summary(48).minutes, MINUTES as usize);
    });
    assert!(spent.bytes_max < 4096, "{} bytes", spent.bytes_max);
}

proptest! {
    #[test]
    fn a_value_is_kept_within_its_error_and_unknown_stays_unknown(
        peak in prop::option::of(0_u32..70_000),
        exhausted in prop::option::of(0.0_f64..60.0),
        active in prop::option::of(0.0_f64..5000.0),
    ) {
        let given = Figures { peak, exhausted, active, size: None };
        let kept = Minute { cell: chunk::Cell::from(&given), size: None };
        prop_assert_eq!(kept.peak(), peak.map(|peak| peak.min(65_534)));
        prop_assert_eq!(kept.exhausted().is_some(), exhausted.is_some());
        prop_assert_eq!(kept.active().is_some(), active.is_some());
        if let (Some(kept), Some(given)) = (kept.exhausted(), exhausted) {
            prop_assert!((kept - given).abs() <= 0.125);
        }
        if let (Some(kept), Some(given)) = (kept.active(), active) {
            prop_assert!((kept - given).abs() <= 0.01 + given * 0.04, "{} {}", kept, given);
        }
    }
}
