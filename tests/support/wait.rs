//! Waiting. The tests sleep only here.

use std::time::Duration;

use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const MAX_PAUSE: Duration = Duration::from_millis(50);

/// The pauses are short at first, so that short waits end early.
fn pauses() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(FIRST_PAUSE), |pause| Some((*pause * 2).min(MAX_PAUSE)))
}

/// Polls `probe` until it answers; panics with `what` after `limit`.
pub(crate) async fn eventually<T>(
    limit: Duration,
    what: &str,
    probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    match poll(limit, probe).await {
        Some(answer) => answer,
        None => panic!("waited {limit:?} without success: {what}"),
    }
}

/// Polls `probe` until it answers; `None` after `limit`.
pub(crate) async fn poll<T>(
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let end = Instant::now() + limit;
    for pause in pauses() {
        if let Some(answer) = probe().await {
            return Some(answer);
        }
        if Instant::now() >= end {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    None
}

/// [`poll`] for code that may run in a `Drop`, which cannot await.
pub(crate) fn poll_blocking<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    for pause in pauses() {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if Instant::now() >= end {
            break;
        }
        std::thread::sleep(pause);
    }
    None
}
