//! Reading files away from the runtime: a file system may hang, and must not stop everything else with it.

use tokio::task::JoinHandle;

/// One read at a time, on a thread of its own. A read that hangs holds one thread, however many callers wait for it.
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

    /// Begins a read. The one before must have ended.
    pub(crate) fn begin(&mut self, read: impl FnOnce() -> T + Send + 'static) {
        debug_assert!(self.is_idle());
        self.0 = Some(tokio::task::spawn_blocking(read));
    }

    /// What the read that was begun has brought. Never ready while there is none. Nothing is lost when it is dropped.
    pub(crate) async fn ended(&mut self) -> T {
        let Some(reading) = &mut self.0 else {
            return std::future::pending().await;
        };
        let read = reading.await;
        self.0 = None;
        read.expect("reading files does not panic, and nothing cancels it")
    }

    /// Waits for the read before, if it still runs, and then reads. What the one before brings is for a caller that is gone.
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
    async fn a_read_that_hangs_is_waited_for_and_holds_one_thread() {
        let (release, hangs) = mpsc::channel::<()>();
        let mut reads = OneAtATime::default();
        let first = reads.run(move || hangs.recv().map_or(1, |()| 0));
        let moment = Duration::from_millis(20);
        assert!(timeout(moment, first).await.is_err());
        assert!(timeout(moment, reads.run(|| 2)).await.is_err());
        drop(release);
        assert_eq!(reads.run(|| 3).await, 3);
        assert!(reads.is_idle());
    }
}
