//! The timing of the fast poll, from a timer of the kernel. The runtime's own would wake the agent twice for each second, once
//! to see that it is not yet time; of what a poll costs the agent, waking up is the most.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

pub(super) struct Ticks {
    timer: AsyncFd<OwnedFd>,
    period: Duration,
}

impl Ticks {
    /// The first one is at once. Fails where there are no file descriptors left.
    pub(super) fn every(period: Duration) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let ticks = Self {
            timer: registered(timer)?,
            period,
        };
        ticks.reset_after(Duration::from_nanos(1));
        Ok(ticks)
    }

    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// The next one; those that were missed are one. Nothing is lost when it is dropped.
    pub(super) async fn tick(&self) {
        let read = |timer: &OwnedFd| Ok(rustix::io::read(timer, &mut [0; 8])?);
        // It fails only if somebody else closed the timer.
        drop(self.timer.async_io(Interest::READABLE, read).await);
    }

    /// The next one is then, and those after it a period apart.
    pub(super) fn reset_after(&self, wait: Duration) {
        let spec = Itimerspec {
            it_interval: timespec(self.period),
            it_value: timespec(wait.max(Duration::from_nanos(1))), // zero would stop it
        };
        let set = timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &spec);
        set.expect("the timer is one, and its times are times");
    }
}

#[expect(
    deprecated,
    reason = "what replaces it is unsafe for everybody; this is safe for a descriptor that its owner alone can close"
)]
fn registered(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(timer, Interest::READABLE)
}

fn timespec(time: Duration) -> Timespec {
    time.try_into().expect("no configured time is that long")
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const PERIOD: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn the_first_is_at_once_and_the_others_a_period_apart() {
        let ticks = Ticks::every(PERIOD).expect("a timer");
        ticks.tick().await;
        let first = Instant::now();
        for _ in 0..5 {
            ticks.tick().await;
        }
        // Somebody may have been kept from looking at the first.
        assert!(first.elapsed() > PERIOD * 2, "{:?}", first.elapsed());
    }

    #[tokio::test]
    async fn a_rest_is_kept_and_what_was_missed_is_one() {
        let ticks = Ticks::every(PERIOD).expect("a timer");
        ticks.tick().await;
        let start = Instant::now();
        ticks.reset_after(PERIOD * 5);
        ticks.tick().await;
        assert!(start.elapsed() >= PERIOD * 5, "{:?}", start.elapsed());
        tokio::time::sleep(PERIOD * 3).await;
        ticks.reset_after(Duration::from_hours(1));
        let next = timeout(PERIOD * 3, ticks.tick()).await;
        assert!(next.is_err(), "what was missed before a rest is forgotten");
    }
}
