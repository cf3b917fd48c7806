//! Reads files on another thread: a file system may hang, and must not block the runtime.

use tokio::sync::oneshot;

/// Runs one read at a time on another thread. A read that hangs occupies one thread, however many callers wait for it.
#[derive(Debug)]
pub(crate) struct OneAtATime<T>(Option<oneshot::Receiver<T>>);

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
        let (sender, result) = oneshot::channel();
        tokio::task::spawn_blocking(move || sender.send(read()));
        self.0 = Some(result);
    }

    /// Starts a read that may take hours, at the lowest priority for the CPU. Its thread is not one of the runtime's, which read at
    /// normal priority later, and does not delay the end of the process. Err: the kernel gives no thread.
    pub(crate) fn begin_in_background(
        &mut self,
        name: &str,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<()> {
        debug_assert!(self.is_idle());
        let (sender, result) = oneshot::channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                lower_priority();
                drop(sender.send(read())); // its caller may be gone
            })?;
        self.0 = Some(result);
        Ok(())
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

    /// The result, if the running read has ended. Does not wait.
    pub(crate) fn try_ended(&mut self) -> Option<T> {
        let read = self.0.as_mut()?.try_recv().ok()?;
        self.0 = None;
        Some(read)
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

/// Gives the calling thread the lowest priority for the CPU. Linux counts threads, not processes (`setpriority(2)`).
pub(crate) fn lower_priority() {
    const LOWEST: i32 = 19;
    let _ = rustix::process::setpriority_process(None, LOWEST); // reading also works at normal priority
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
