//! Sequences of sessions, as the servers of each version end them.

use super::*;

/// Seconds since the epoch of everything that a test does not name.
const NOW: f64 = 9000.0;

fn on(major: u32, start_time: f64, checkpointer_start: Option<f64>) -> ServerInfo {
    ServerInfo {
        start_time,
        ..ServerInfo::of_test(major * 10_000, checkpointer_start)
    }
}

/// A session on a server of this major version that was started at 1000 s.
fn at(major: u32, checkpointer_start: f64) -> ServerInfo {
    on(major, 1000.0, Some(checkpointer_start))
}

/// Opens the first session, loses it, and opens the next one. Returns the crashes before and after the second one.
fn counted(first: &ServerInfo, told: bool, second: &ServerInfo) -> (u64, u64) {
    let mut witness = CrashWitness::default();
    assert_eq!(witness.session_opened(first), None);
    witness.session_lost(first, told, NOW);
    let while_down = witness.crashes().total;
    witness.session_opened(second);
    let after = witness.crashes().total;
    witness.session_lost(second, false, NOW);
    witness.session_opened(second);
    assert_eq!(witness.crashes().total, after, "nothing new");
    (while_down, after)
}

#[test]
fn a_crash_counts_once_whether_one_witness_sees_it_or_both() {
    for major in 14..=18 {
        let (before, after) = (at(major, 1000.1), at(major, 2000.0));
        assert_eq!(counted(&before, true, &after), (1, 1), "both, {major}");
        assert_eq!(counted(&before, false, &after), (0, 1), "lost, {major}");
        let blind = on(major, 1000.0, None);
        assert_eq!(counted(&blind, true, &blind), (1, 1), "57P02, {major}");
        assert_eq!(counted(&blind, false, &blind), (0, 0), "none, {major}");
    }
}

#[test]
fn on_13_the_next_session_tells_a_crash_from_an_immediate_shutdown() {
    let before = at(13, 1000.1);
    assert_eq!(counted(&before, true, &at(13, 2000.0)), (0, 1));
    assert_eq!(counted(&before, false, &at(13, 2000.0)), (0, 1));
    let restarted = on(13, 2000.0, Some(2000.1));
    assert_eq!(counted(&before, true, &restarted), (0, 0));
    let blind = on(13, 1000.0, None);
    assert_eq!(counted(&blind, true, &blind), (0, 1));
}

#[test]
fn a_restart_another_server_and_a_terminated_session_are_no_crash() {
    for major in 13..=18 {
        let before = at(major, 1000.1);
        let other = on(major, 1500.0, Some(1533.0));
        assert_eq!(counted(&before, false, &other), (0, 0), "{major}");
        assert_eq!(counted(&before, false, &before), (0, 0), "{major}");
    }
}

/// With `restart_after_crash=off` something else starts the server again.
#[test]
fn a_crash_that_ended_the_server_is_counted_at_once() {
    let restarted = on(15, 2000.0, Some(2000.1));
    assert_eq!(counted(&at(15, 1000.1), true, &restarted), (1, 1));
}

#[test]
fn each_of_several_crashes_counts() {
    let mut witness = CrashWitness::default();
    for crash in 0_u8..10 {
        let info = at(16, 1000.0 + f64::from(crash));
        witness.session_opened(&info);
        assert_eq!(
            witness.session_lost(&info, crash % 2 == 0, NOW).is_some(),
            crash % 2 == 0
        );
    }
    witness.session_opened(&at(16, 1010.0));
    assert_eq!(witness.crashes().total, 10);
}

/// A crash interrupts the recovery from the first one: the agent had no session then.
#[test]
fn a_crash_during_recovery_is_part_of_the_first_one() {
    assert_eq!(counted(&at(18, 1000.1), true, &at(18, 3000.0)), (1, 1));
    assert_eq!(counted(&at(18, 1000.1), false, &at(18, 3000.0)), (0, 1));
}

/// 13 and 14 admit sessions before the new checkpointer shows.
#[test]
fn a_checkpointer_that_does_not_show_yet_is_compared_later() {
    for (told, totals) in [(false, [0, 1, 1]), (true, [1, 1, 1])] {
        let mut witness = CrashWitness::default();
        witness.session_opened(&at(14, 1000.1));
        witness.session_lost(&at(14, 1000.1), told, NOW);
        for (checkpointer, total) in [None, Some(2000.0), Some(2000.0)].into_iter().zip(totals) {
            let info = on(14, 1000.0, checkpointer);
            witness.session_opened(&info);
            witness.session_lost(&info, false, NOW);
            assert_eq!(witness.crashes().total, total, "{told} {checkpointer:?}");
        }
    }
}

/// After the clock of the server was set back, its new checkpointer is older than the last one.
#[test]
fn a_clock_that_was_set_back_hides_no_crash() {
    assert_eq!(counted(&at(17, 5000.0), false, &at(17, 2000.0)), (0, 1));
}

#[test]
fn the_time_of_the_last_crash_is_kept_and_never_older() {
    let mut witness = CrashWitness::default();
    let last = |witness: &CrashWitness| witness.crashes().last;
    witness.session_opened(&at(15, 1033.0));
    assert_eq!(last(&witness), Some(1033.0), "before the agent");
    assert_eq!(witness.crashes().total, 0);
    witness.session_lost(&at(15, 1033.0), true, 4000.0);
    assert_eq!(last(&witness), Some(4000.0));
    witness.session_opened(&at(15, 4000.3));
    assert_eq!(last(&witness), Some(4000.0), "the same crash");
    witness.session_opened(&on(15, 5000.0, Some(5000.1)));
    assert_eq!(last(&witness), Some(4000.0), "a restart");
    witness.session_opened(&on(15, 6000.0, Some(7000.0)));
    assert_eq!(last(&witness), Some(7000.0), "a server that had one");
    assert_eq!(witness.crashes().total, 1);
}

#[test]
fn a_role_that_sees_the_checkpointer_later_learns_of_the_last_crash() {
    let mut witness = CrashWitness::default();
    witness.session_opened(&on(15, 1000.0, None));
    assert_eq!(witness.crashes(), Crashes::default());
    witness.session_opened(&at(15, 3000.0));
    let last = Some(3000.0);
    assert_eq!(witness.crashes(), Crashes { total: 0, last });
}
