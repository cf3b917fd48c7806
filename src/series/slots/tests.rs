//! Tables for which name gets a slot and when it is free again; properties for how many names there can ever be.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn held(slots: &SeriesSlots) -> BTreeSet<&str> {
    slots.last_seen.keys().map(String::as_str).collect()
}

fn assigned(polls: &[(Duration, &[&str])], capacity: usize) -> SeriesSlots {
    let mut slots = SeriesSlots::default();
    for (now, present) in polls {
        slots.assign(*now, capacity, present);
    }
    slots
}

#[test]
fn the_first_names_get_slots_and_keep_them() {
    let slots = assigned(
        &[
            (Duration::ZERO, &["web", "cron", "late"]),
            (SECOND, &["late", "other"]),
        ],
        2,
    );
    assert_eq!(held(&slots), ["cron", "web"].into());
}

#[test]
fn a_slot_is_free_once_its_name_was_gone_for_an_hour() {
    let gone: [(Duration, &[&str]); 2] = [(Duration::ZERO, &["a", "b"]), (SECOND, &["b"])];
    let early = [&gone[..], &[(SECOND * 3599, &["b", "c"])]].concat();
    assert_eq!(held(&assigned(&early, 2)), ["a", "b"].into());
    let late = [&gone[..], &[(RETENTION, &["b", "c"])]].concat();
    assert_eq!(held(&assigned(&late, 2)), ["b", "c"].into());
}

#[test]
fn a_name_that_returns_after_a_gap_keeps_its_slot() {
    let slots = assigned(
        &[(Duration::ZERO, &["a"]), (RETENTION * 5, &["new", "a"])],
        1,
    );
    assert_eq!(held(&slots), ["a"].into());
}

#[test]
fn with_fewer_slots_all_are_assigned_anew() {
    let mut slots = assigned(&[(Duration::ZERO, &["a", "b", "c"])], 3);
    slots.assign(SECOND, 1, &["c", "a"]);
    assert_eq!(held(&slots), ["c"].into());
    slots.assign(SECOND * 2, 0, &["c"]);
    assert_eq!(held(&slots), BTreeSet::new());
}

#[test]
fn a_database_created_again_keeps_its_applications() {
    let mut names = SeriesNames::default();
    names.databases.assign(Duration::ZERO, 1, &["shop"]);
    for datname in ["shop", "budgeted", "gone"] {
        names
            .applications(datname)
            .assign(Duration::ZERO, 1, &["web"]);
    }
    names.retain_applications(|datname| datname == "budgeted");
    for (datname, kept) in [("shop", true), ("budgeted", true), ("gone", false)] {
        assert_eq!(names.applications(datname).has("web"), kept, "{datname}");
    }
}

/// Polls some minutes apart, each of which sees some of forty names.
fn polls() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let present = prop::collection::vec(0_u8..40, 0..12);
    prop::collection::vec((1_u64..40, present), 1..80)
}

proptest! {
    #[test]
    fn names_are_limited_at_once_and_in_any_hour(polls in polls(), capacity in 0_usize..6) {
        let mut slots = SeriesSlots::default();
        let mut now = Duration::ZERO;
        let mut added: Vec<(Duration, String)> = Vec::new();
        for (minutes, present) in polls {
            now += Duration::from_mins(minutes);
            let present: Vec<String> = present.iter().map(u8::to_string).collect();
            let present: Vec<&str> = present.iter().map(String::as_str).collect();
            let before = slots.clone();
            slots.assign(now, capacity, &present);
            prop_assert!(slots.last_seen.len() <= capacity);
            for name in present.iter().filter(|name| before.has(name)) {
                prop_assert!(slots.has(name), "{name} was present and lost its slot");
            }
            if slots.last_seen.len() < capacity {
                prop_assert!(present.iter().all(|name| slots.has(name)), "a slot stays free");
            }
            added.extend(slots.last_seen.keys().filter(|name| !before.has(name)).map(|name| (now, name.clone())));
            let recent = added.iter().filter(|(at, _)| now.saturating_sub(*at) < RETENTION).count();
            prop_assert!(recent <= capacity, "{recent} new names in an hour");
        }
    }
}

#[test]
fn an_existing_database_takes_the_slot_of_one_that_is_gone() {
    let mut names = LiveSlots::default();
    names.assign(Duration::ZERO, 2, &["ci_1", "ci_2"]);
    names.assign(SECOND, 2, &["ci_2", "shop", "late"]);
    assert_eq!(held(&names.slots), ["ci_2", "shop"].into());
}

#[test]
fn a_burst_of_new_names_is_followed_by_one_in_ten_seconds() {
    let mut names = LiveSlots::default();
    let mut added = 0;
    for n in 0..200_u64 {
        let name = n.to_string();
        names.assign(SECOND * u32::try_from(n).expect("small"), 1, &[&name]);
        added += u32::from(names.has(&name));
    }
    assert_eq!(added, 1 + BURST + 199 / 10);
}

proptest! {
    #[test]
    fn existing_names_are_limited_and_keep_their_slots(polls in polls(), capacity in 0_usize..6) {
        let mut names = LiveSlots::default();
        let mut now = Duration::ZERO;
        let mut added: Vec<Duration> = Vec::new();
        for (minutes, present) in polls {
            now += Duration::from_mins(minutes);
            let present: BTreeSet<String> = present.iter().map(u8::to_string).collect();
            let present: Vec<&str> = present.iter().map(String::as_str).collect();
            let before = names.clone();
            names.assign(now, capacity, &present);
            prop_assert!(names.slots.last_seen.len() <= capacity);
            for name in present.iter().filter(|name| before.has(name)) {
                prop_assert!(names.has(name), "{name} exists and lost its slot");
            }
            // Polls are minutes apart, so there are always enough tokens for so few names.
            let shown = present.iter().filter(|name| names.has(name)).count();
            prop_assert_eq!(shown, capacity.min(present.len()), "a slot is held by a name that is gone");
            added.extend(names.slots.last_seen.keys().filter(|name| !before.has(name)).map(|_| now));
            let recent = added.iter().filter(|at| now.saturating_sub(**at) < RETENTION).count();
            prop_assert!(recent <= capacity + 60 + 360, "{recent} new names in an hour");
        }
    }
}
