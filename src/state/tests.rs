use std::time::Duration;

use super::*;

/// Otherwise a counter would fall to 0 and grow again, and an alert would take that for a crash.
#[tokio::test]
async fn a_server_whose_poll_has_expired_keeps_its_crashes() {
    let crashes = Crashes {
        total: 3,
        last: Some(5.0),
    };
    let now = Instant::now();
    let unused = LazySnapshot::new(Box::new(|| unreachable!("it has expired")));
    let server = Server::new("a".to_owned(), Ok(Arc::new(unused)), Health::of(&["poll"]))
        .with_crashes(crashes)
        .current_until(watch::channel(now).1);
    let reload = Reload {
        successful: true,
        last_success: 0.0,
    };
    let state = Arc::new(State::new(vec![Arc::new(server)], reload));
    let late = state.as_of(now + Duration::from_secs(1));
    let server = late.server("a").expect("a server");
    assert_eq!(
        server.status.as_ref().err(),
        Some(&Down::Poll(Outcome::Timeout))
    );
    assert_eq!(server.crashes, crashes);
}
