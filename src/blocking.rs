//! Reads files on another thread: a file system may hang, and must not block the runtime.

use tokio::task::JoinHandle;

/// Runs one read at a time on another thread. A read that hangs occupies one thread, however many callers wait for it.
#[derive(Debug)]
pub(crate) struct OneAtATime<T>(Option<JoinHandle<T>>);

impl<T> Default for OneAtATime<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> OneAtATime<T> {
    pub(crate) fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// Starts a read. The previous one must have ended.
    pub(crate) fn begin(&mut self, read: impl FnOnce() -> T + Send + 'static) {
        debug_assert!(self.is_idle());
        self.0 = Some(tokio::task::spawn_blocking(read));
    }

    /// The result of the running read. Pending while there is none. Cancel-safe: dropping the future loses no result.
    pub(crate) async fn ended(&mut self) -> T {
        let Some(reading) = &mut self.0 else {
            return std::future::pending().await;
        };
        let read = reading.await;
        self.0 = None;
        read.expect("reading files does not panic, and nothing cancels it")
    }

    /// Waits for the previous read if it still runs, drops its result, and then reads: its caller no longer waits.
    pub(crate) async fn run(&mut self, read: impl FnOnce() -> T + Send + 'static) -> T {
        if !self.is_idle() {
            drop(self.ended().await);
        }
        self.begin(read);
        self.ended().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_read_that_hangs_occupies_one_thread() {
        let (release, hangs) = mpsc::channel::<()>();
        let mut reads = OneAtATime::default();
        let first = reads.run(move || hangs.recv().map_or(1, |()| 0));
        let short = Duration::from_millis(20);
        assert!(timeout(short, first).await.is_err());
        assert!(timeout(short, reads.run(|| 2)).await.is_err());
        drop(release);
        assert_eq!(reads.run(|| 3).await, 3);
        assert!(reads.is_idle());
    }
}
