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

/// The users `cheap` and `costly` with the passwords `cheap-pw` and `costly-pw`.
fn users() -> Arc<Users> {
    let hashes = [("cheap", 4), ("costly", COSTLY)].map(|(name, cost)| {
        let hash = bcrypt::hash(format!("{name}-pw"), cost).expect("a hash");
        (name.to_owned(), PasswordHash::parse(hash).expect("a hash"))
    });
    Arc::new(Users::new(hashes.into()).expect("two users"))
}

fn verified_count(users: &Users) -> usize {
    let all = users.known.values().chain([&users.unknown]);
    all.filter(|user| user.verified.get().is_some()).count()
}

#[test]
fn a_header_holds_a_name_and_a_password() {
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
fn other_headers_are_rejected() {
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
async fn only_the_right_password_is_stored() {
    let (users, queue) = (users(), BcryptQueue::default());
    for wrong in [
        "cheap:costly-pw",
        "cheap:",
        "cheap:cheap-pw2",
        "unknown:cheap-pw",
        "Cheap:cheap-pw",
    ] {
        let verdict = users.authenticate(credentials(wrong), &queue).await;
        assert_eq!(
            (verdict, verified_count(&users)),
            (Verdict::Rejected, 0),
            "{wrong}"
        );
    }
    let verdict = users
        .authenticate(credentials("cheap:cheap-pw"), &queue)
        .await;
    assert_eq!((verdict, verified_count(&users)), (Verdict::Accepted, 1));
    // From here on no request reaches bcrypt.
    queue.waiting.close();
    let after = async |pair| users.authenticate(credentials(pair), &queue).await;
    assert_eq!(after("cheap:cheap-pw").await, Verdict::Accepted);
    for other in [
        "cheap:cheap-pW",
        "cheap:",
        "costly:costly-pw",
        "costly:cheap-pw",
        "unknown:cheap-pw",
    ] {
        assert_eq!(after(other).await, Verdict::Busy, "{other}");
    }
}

#[tokio::test]
async fn an_unknown_user_has_no_password() {
    let users = users();
    for password in ["", ".", "unknown"] {
        let pair = credentials(&format!("unknown:{password}"));
        assert!(!users.verify(&pair));
    }
    assert_eq!(verified_count(&users), 0);
}

#[tokio::test]
async fn the_number_of_requests_that_wait_for_bcrypt_is_limited() {
    let (users, queue) = (users(), Arc::new(BcryptQueue::default()));
    let running = Arc::clone(&queue.running).acquire_owned().await;
    let ask = || {
        let (users, queue) = (Arc::clone(&users), Arc::clone(&queue));
        async move {
            users
                .authenticate(credentials("costly:wrong"), &queue)
                .await
        }
    };
    let waiting: Vec<_> = (0..MAX_WAITING).map(|_| tokio::spawn(ask())).collect();
    while queue.waiting.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask().await, Verdict::Busy);
    let (aborted, others) = waiting.split_first().expect("some");
    aborted.abort();
    while queue.waiting.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    drop(running);
    assert_eq!(
        ask().await,
        Verdict::Rejected,
        "in the place of the request that was aborted"
    );
    // bcrypt has run for all others. On a busy machine their tasks may need one more poll.
    for waiting in others {
        while !waiting.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(queue.waiting.available_permits(), MAX_WAITING);
}

/// The minimum CPU time of each pair over several rounds, so that other load on the machine hardly matters.
fn times<const N: usize>(users: &Users, pairs: [&str; N]) -> [Duration; N] {
    let mut times = [Duration::MAX; N];
    for _ in 0..12 {
        for (time, pair) in times.iter_mut().zip(pairs) {
            let start = cpu_time();
            assert!(!users.verify(&credentials(pair)), "{pair}");
            *time = cpu_time().saturating_sub(start).min(*time);
        }
    }
    times
}

fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.try_into().expect("a positive time")
}

/// Without the extra hashes, the cheap user would take an eighth of the time.
#[test]
fn every_failure_takes_as_long_as_the_highest_cost() {
    let pairs = [
        "costly:wrong",
        "cheap:wrong",
        "unknown:wrong",
        "unknown:costly-pw",
    ];
    let [costly, others @ ..] = times(&users(), pairs);
    for time in others {
        assert!(
            time > costly / 2 && time < costly * 2,
            "{others:?}, not {costly:?}"
        );
    }
}
