//! Tables for who gets a seat and when it is free again; properties for how many names there can ever be.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn held(seats: &Seats) -> BTreeSet<&str> {
    seats.seen.keys().map(String::as_str).collect()
}

fn seated(polls: &[(Duration, &[&str])], capacity: usize) -> Seats {
    let mut seats = Seats::default();
    for (now, present) in polls {
        seats.fill(*now, capacity, present);
    }
    seats
}

#[test]
fn the_first_who_come_are_seated_and_stay() {
    let seats = seated(
        &[
            (Duration::ZERO, &["web", "cron", "late"]),
            (SECOND, &["late", "other"]),
        ],
        2,
    );
    assert_eq!(held(&seats), ["cron", "web"].into());
}

#[test]
fn a_seat_is_free_once_its_name_was_away_for_an_hour() {
    let away: [(Duration, &[&str]); 2] = [(Duration::ZERO, &["a", "b"]), (SECOND, &["b"])];
    let early = [&away[..], &[(SECOND * 3599, &["b", "c"])]].concat();
    assert_eq!(held(&seated(&early, 2)), ["a", "b"].into());
    let late = [&away[..], &[(KEPT, &["b", "c"])]].concat();
    assert_eq!(held(&seated(&late, 2)), ["b", "c"].into());
}

#[test]
fn who_is_back_after_a_gap_finds_the_seat_kept() {
    let seats = seated(&[(Duration::ZERO, &["a"]), (KEPT * 5, &["thief", "a"])], 1);
    assert_eq!(held(&seats), ["a"].into());
}

#[test]
fn with_fewer_seats_all_are_given_out_anew() {
    let mut seats = seated(&[(Duration::ZERO, &["a", "b", "c"])], 3);
    seats.fill(SECOND, 1, &["c", "a"]);
    assert_eq!(held(&seats), ["c"].into());
    seats.fill(SECOND * 2, 0, &["c"]);
    assert_eq!(held(&seats), BTreeSet::new());
}

#[test]
fn a_database_created_again_keeps_its_applications() {
    let mut names = Names::default();
    names.databases.fill(Duration::ZERO, 1, &["shop"]);
    for datname in ["shop", "budgeted", "gone"] {
        names
            .applications(datname)
            .fill(Duration::ZERO, 1, &["web"]);
    }
    names.keep_applications(|datname| datname == "budgeted");
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
    fn names_are_few_at_once_and_in_any_hour(polls in polls(), capacity in 0_usize..6) {
        let mut seats = Seats::default();
        let mut now = Duration::ZERO;
        let mut came: Vec<(Duration, String)> = Vec::new();
        for (minutes, present) in polls {
            now += Duration::from_mins(minutes);
            let present: Vec<String> = present.iter().map(u8::to_string).collect();
            let present: Vec<&str> = present.iter().map(String::as_str).collect();
            let before = seats.clone();
            seats.fill(now, capacity, &present);
            prop_assert!(seats.seen.len() <= capacity);
            for name in present.iter().filter(|name| before.has(name)) {
                prop_assert!(seats.has(name), "{name} was there and lost its seat");
            }
            if seats.seen.len() < capacity {
                prop_assert!(present.iter().all(|name| seats.has(name)), "a seat stays empty");
            }
            came.extend(seats.seen.keys().filter(|name| !before.has(name)).map(|name| (now, name.clone())));
            let of_late = came.iter().filter(|(at, _)| now.saturating_sub(*at) < KEPT).count();
            prop_assert!(of_late <= capacity, "{of_late} new names in an hour");
        }
    }
}

#[test]
fn a_database_that_exists_takes_the_place_of_one_that_is_gone() {
    let mut names = LiveNames::default();
    names.fill(Duration::ZERO, 2, &["ci_1", "ci_2"]);
    names.fill(SECOND, 2, &["ci_2", "shop", "late"]);
    assert_eq!(held(&names.seats), ["ci_2", "shop"].into());
}

#[test]
fn a_burst_of_new_names_is_followed_by_one_in_ten_seconds() {
    let mut names = LiveNames::default();
    let mut came = 0;
    for n in 0..200_u64 {
        let name = n.to_string();
        names.fill(SECOND * u32::try_from(n).expect("small"), 1, &[&name]);
        came += u32::from(names.has(&name));
    }
    assert_eq!(came, 1 + BURST + 199 / 10);
}

proptest! {
    #[test]
    fn those_that_exist_are_few_at_once_and_lose_no_place(polls in polls(), capacity in 0_usize..6) {
        let mut names = LiveNames::default();
        let mut now = Duration::ZERO;
        let mut came: Vec<Duration> = Vec::new();
        for (minutes, present) in polls {
            now += Duration::from_mins(minutes);
            let present: BTreeSet<String> = present.iter().map(u8::to_string).collect();
            let present: Vec<&str> = present.iter().map(String::as_str).collect();
            let before = names.clone();
            names.fill(now, capacity, &present);
            prop_assert!(names.seats.seen.len() <= capacity);
            for name in present.iter().filter(|name| before.has(name)) {
                prop_assert!(names.has(name), "{name} exists and lost its place");
            }
            // Minutes apart, there is always an allowance for so few.
            let shown = present.iter().filter(|name| names.has(name)).count();
            prop_assert_eq!(shown, capacity.min(present.len()), "a place is held by a name that is gone");
            came.extend(names.seats.seen.keys().filter(|name| !before.has(name)).map(|_| now));
            let of_late = came.iter().filter(|at| now.saturating_sub(**at) < KEPT).count();
            prop_assert!(of_late <= capacity + 60 + 360, "{of_late} new names in an hour");
        }
    }
}
