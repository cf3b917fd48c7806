use super::*;
use crate::sample::pooler::{Alias, AliasFigure, PoolFigure, PoolerUser};

const WINDOW: Duration = Duration::from_mins(2);
const SECOND: Duration = Duration::from_secs(1);

fn pool(alias: &str, user: &str, waiting: u32) -> Pool {
    let mut figures = [Some(0.0); PoolFigure::COUNT];
    figures[PoolFigure::ClientsWaiting as usize] = Some(f64::from(waiting));
    figures[PoolFigure::ServersActive as usize] = Some(3.0);
    Pool {
        alias: alias.to_owned(),
        user: user.to_owned(),
        figures,
    }
}

/// `size`, reserve, and `max_db_connections`.
fn alias(name: &str, datname: &str, [size, reserve, most]: [u32; 3]) -> Alias {
    let mut figures = [Some(0.0); AliasFigure::COUNT];
    figures[AliasFigure::PoolSize as usize] = Some(f64::from(size));
    figures[AliasFigure::ReservePool as usize] = Some(f64::from(reserve));
    figures[AliasFigure::MaxConnections as usize] = Some(f64::from(most));
    Alias {
        name: name.to_owned(),
        host: "db".to_owned(),
        port: "5432".to_owned(),
        datname: datname.to_owned(),
        force_user: String::new(),
        pool_mode: "session".to_owned(),
        figures,
    }
}

fn settings(aliases: Vec<Alias>) -> PoolerSettings {
    PoolerSettings {
        aliases,
        ..PoolerSettings::default()
    }
}

fn view(pools: Vec<Pool>, settings: PoolerSettings, hosts: &[&str]) -> PoolerView {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let answer = PoolerAnswer {
        pools,
        settings: Some(settings),
    };
    PoolerTracker::default().observe(answer, &hosts, Duration::ZERO, WINDOW)
}

fn ceiling(pools: Vec<Pool>, settings: PoolerSettings) -> Ceiling {
    let view = view(pools, settings, &[]);
    view.ceilings.expect("one server").databases["t1"]
}

/// The figures of a test with a real `PgBouncer`: it opened 26 connections.
#[test]
fn each_user_of_each_entry_has_a_pool_and_a_reserve() {
    let aliases = vec![alias("t1", "t1", [5, 2, 0]), alias("t1ro", "t1", [4, 2, 0])];
    let pools = ["t1", "t1ro"].into_iter();
    let pools = pools.flat_map(|alias| ["t1", "t2"].map(|user| pool(alias, user, 0)));
    assert_eq!(ceiling(pools.collect(), settings(aliases)), Some(26));
}

#[test]
fn an_entry_without_clients_counts_as_one_user() {
    let aliases = vec![alias("t1", "t1", [5, 2, 0])];
    assert_eq!(ceiling(Vec::new(), settings(aliases)), Some(7));
}

#[test]
fn limits_of_the_entry_and_of_the_user_bound_the_pools() {
    let users = ["a", "b", "c"].map(|user| pool("t1", user, 0));
    let with = |most| settings(vec![alias("t1", "t1", [10, 0, most])]);
    assert_eq!(ceiling(users.to_vec(), with(0)), Some(30));
    assert_eq!(ceiling(users.to_vec(), with(12)), Some(12));
    let mut limited = with(0);
    limited.max_user_connections = Some(4.0);
    assert_eq!(ceiling(users.to_vec(), limited.clone()), Some(12));
    limited.users.push(PoolerUser {
        name: "a".to_owned(),
        pool_size: Some(2.0),
        reserve_pool: None,
        max_connections: None,
    });
    assert_eq!(ceiling(users.to_vec(), limited), Some(10));
}

#[test]
fn a_pool_without_a_size_has_no_bound() {
    let users = vec![pool("t1", "a", 0)];
    let unlimited = settings(vec![alias("t1", "t1", [0, 0, 0])]);
    assert_eq!(ceiling(users.clone(), unlimited), None);
    let limited = settings(vec![alias("t1", "t1", [0, 0, 9])]);
    assert_eq!(ceiling(users, limited), Some(9));
}

#[test]
fn a_forced_user_is_the_only_one() {
    let mut forced = alias("t1", "t1", [5, 0, 0]);
    forced.force_user = "app".to_owned();
    let pools = vec![pool("t1", "app", 0)];
    let view = view(pools, settings(vec![forced]), &[]);
    let ceilings = view.ceilings.expect("one server");
    assert_eq!(
        ceilings.roles,
        BTreeMap::from([("app".to_owned(), Some(5))])
    );
    assert_eq!(ceilings.total(), Some(5));
}

#[test]
fn nothing_is_judged_while_it_leads_to_several_servers() {
    let mut other = alias("t2", "t2", [5, 0, 0]);
    other.host = "elsewhere".to_owned();
    let aliases = vec![alias("t1", "t1", [5, 0, 0]), other];
    let pools = vec![pool("t1", "a", 4), pool("t2", "a", 7)];
    let unknown = view(pools.clone(), settings(aliases.clone()), &[]);
    assert_eq!(unknown.ceilings, None);
    assert!(unknown.queues.is_empty());
    for host in ["db", "db:5432"] {
        let known = view(pools.clone(), settings(aliases.clone()), &[host]);
        assert_eq!(known.queues.len(), 1);
        assert_eq!(known.queues["t1"].waiting, 4);
    }
}

#[test]
fn each_poll_counts_until_the_next_one() {
    let mut tracker = PoolerTracker::default();
    let aliases = vec![alias("t1", "t1", [5, 0, 0]), alias("t1ro", "t1", [5, 0, 0])];
    let settings = settings(aliases);
    let poll = |now: Duration, waiting: [u32; 2], tracker: &mut PoolerTracker| {
        let answer = PoolerAnswer {
            pools: vec![pool("t1", "a", waiting[0]), pool("t1ro", "a", waiting[1])],
            settings: Some(settings.clone()),
        };
        tracker.observe(answer, &[], now, WINDOW).queues["t1"]
    };
    assert_eq!(poll(SECOND, [3, 2], &mut tracker).seconds, 0.0);
    let after = poll(SECOND * 3, [0, 0], &mut tracker);
    assert_eq!((after.seconds, after.waiting, after.peak), (10.0, 0, 5));
    poll(SECOND * 4, [7, 0], &mut tracker);
    tracker.mark_gap();
    let after = poll(SECOND * 60, [0, 0], &mut tracker);
    assert_eq!((after.seconds, after.peak), (10.0, 7));
    let later = poll(SECOND * 200, [0, 0], &mut tracker);
    assert_eq!((later.seconds, later.peak), (10.0, 0));
}

#[test]
fn pools_without_series_are_one_sum() {
    let pools: Vec<_> = (0..SERIES + 50)
        .map(|n| pool("t1", &format!("user {n}"), 2))
        .collect();
    let view = view(pools, settings(vec![alias("t1", "t1", [5, 0, 0])]), &[]);
    assert_eq!(view.overflow, (50, 0));
    assert_eq!(view.pools.len(), SERIES + 1);
    let waiting = view.pools.iter().filter_map(Pool::waiting);
    assert_eq!(waiting.sum::<u32>(), 500);
    let other = view.pools.iter().find(|pool| pool.user == OTHER);
    assert_eq!(other.and_then(Pool::waiting), Some(100));
    assert_eq!(view.queues["t1"].waiting, 500);
}
