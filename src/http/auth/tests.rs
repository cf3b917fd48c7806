use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::*;

const COSTLY: u32 = 7;

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("a header")
}

fn basic(pair: &[u8]) -> HeaderValue {
    header(&format!("Basic {}", STANDARD.encode(pair)))
}

fn credentials(pair: &str) -> Credentials {
    Credentials::parse(&basic(pair.as_bytes())).expect("well-formed")
}

/// `cheap` and `costly`, whose passwords are `cheap-pw` and `costly-pw`.
fn users() -> Arc<Users> {
    let hashes = [("cheap", 4), ("costly", COSTLY)].map(|(name, cost)| {
        let hash = bcrypt::hash(format!("{name}-pw"), cost).expect("a hash");
        (name.to_owned(), PasswordHash::parse(hash).expect("a hash"))
    });
    Arc::new(Users::new(hashes.into()).expect("there are some"))
}

fn remembered(users: &Users) -> usize {
    let all = users.known.values().chain([&users.stranger]);
    all.filter(|user| user.verified.get().is_some()).count()
}

#[test]
fn a_header_is_a_name_and_a_password_or_nothing() {
    for (pair, name, password) in [
        ("a:b", "a", "b"),
        ("a:", "a", ""),
        (":b", "", "b"),
        ("a:b:c", "a", "b:c"),
        ("ä:ö", "ä", "ö"),
    ] {
        let read = Credentials::parse(&basic(pair.as_bytes())).expect(pair);
        assert_eq!(
            (read.name.as_str(), read.password.as_slice()),
            (name, password.as_bytes())
        );
    }
}

#[test]
fn other_headers_are_nothing() {
    assert!(
        Credentials::parse(&header("bASIC  YTpi ")).is_some(),
        "{}",
        "a:b"
    );
    for bad in [
        "",
        "Basic",
        "Basic ",
        "Basic YTp",
        "Basic !!!!",
        "Bearer YTpi",
        "YTpi",
        "Basic YWI=",
    ] {
        assert!(Credentials::parse(&header(bad)).is_none(), "{bad}");
    }
    for bad in [
        b"\xff:b".as_slice(),
        b"a:b\0",
        b"a:\0",
        &[b"a:".as_slice(), &[b'x'; HEADER_BYTES]].concat(),
    ] {
        assert!(
            Credentials::parse(&basic(bad)).is_none(),
            "{}",
            bad.escape_ascii()
        );
    }
}

#[tokio::test]
async fn the_right_password_is_remembered_and_no_other() {
    let (users, turns) = (users(), Turns::default());
    for wrong in [
        "cheap:costly-pw",
        "cheap:",
        "cheap:cheap-pw2",
        "nobody:cheap-pw",
        "Cheap:cheap-pw",
    ] {
        let verdict = users.verdict(credentials(wrong), &turns).await;
        assert_eq!(
            (verdict, remembered(&users)),
            (Verdict::Refused, 0),
            "{wrong}"
        );
    }
    let verdict = users.verdict(credentials("cheap:cheap-pw"), &turns).await;
    assert_eq!((verdict, remembered(&users)), (Verdict::Welcome, 1));
    // Nobody gets to bcrypt any more.
    turns.waiting.close();
    let after = async |pair| users.verdict(credentials(pair), &turns).await;
    assert_eq!(after("cheap:cheap-pw").await, Verdict::Welcome);
    for other in [
        "cheap:cheap-pW",
        "cheap:",
        "costly:costly-pw",
        "costly:cheap-pw",
        "nobody:cheap-pw",
    ] {
        assert_eq!(after(other).await, Verdict::Busy, "{other}");
    }
}

#[tokio::test]
async fn the_stranger_has_no_password() {
    let users = users();
    for password in ["", ".", "nobody"] {
        let pair = credentials(&format!("nobody:{password}"));
        assert!(!users.try_password(&pair));
    }
    assert_eq!(remembered(&users), 0);
}

#[tokio::test]
async fn only_so_many_wait_for_bcrypt() {
    let (users, turns) = (users(), Arc::new(Turns::default()));
    let turn = Arc::clone(&turns.turn).acquire_owned().await;
    let ask = || {
        let (users, turns) = (Arc::clone(&users), Arc::clone(&turns));
        async move { users.verdict(credentials("costly:wrong"), &turns).await }
    };
    let waiting: Vec<_> = (0..QUEUE).map(|_| tokio::spawn(ask())).collect();
    while turns.waiting.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask().await, Verdict::Busy);
    let (gone, staying) = waiting.split_first().expect("some");
    gone.abort();
    while turns.waiting.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    drop(turn);
    assert_eq!(
        ask().await,
        Verdict::Refused,
        "in the place of the one that has gone"
    );
    // All others had their turn before. On a busy machine their tasks may yet have to be polled a last time.
    for waiting in staying {
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(turns.waiting.available_permits(), QUEUE);
}

/// The least CPU time that each took in some rounds: what others do on the machine meanwhile hardly shows in it.
fn times<const N: usize>(users: &Users, pairs: [&str; N]) -> [Duration; N] {
    let mut times = [Duration::MAX; N];
    for _ in 0..12 {
        for (time, pair) in times.iter_mut().zip(pairs) {
            let start = cpu_time();
            assert!(!users.try_password(&credentials(pair)), "{pair}");
            *time = cpu_time().saturating_sub(start).min(*time);
        }
    }
    times
}

fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.try_into().expect("time goes on")
}

/// Without any care, the cheap one would take an eighth.
#[test]
fn every_failure_takes_as_long_as_the_costliest() {
    let pairs = [
        "costly:wrong",
        "cheap:wrong",
        "nobody:wrong",
        "nobody:costly-pw",
    ];
    let [costly, others @ ..] = times(&users(), pairs);
    for time in others {
        assert!(
            time > costly / 2 && time < costly * 2,
            "{others:?}, not {costly:?}"
        );
    }
}
