//! The ticks of the primary poll, from a `timerfd`. Tokio's timer would wake the agent twice per second, once only to find
//! that the tick is not due; waking up is the largest part of what a poll costs the agent. An alarm rings once.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

pub(super) struct Ticks {
    timer: AsyncFd<OwnedFd>,
    period: Duration,
}

impl Ticks {
    /// The first tick is at once. Fails when no file descriptor is left.
    pub(super) fn every(period: Duration) -> io::Result<Self> {
        let ticks = Self {
            timer: timer()?,
            period,
        };
        ticks.reset_after(NOW);
        Ok(ticks)
    }

    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// Waits for the next tick. Missed ticks count as one. Cancel-safe.
    pub(super) async fn tick(&self) {
        expired(&self.timer).await;
    }

    /// The next tick is after `wait`, the following ones a period apart.
    pub(super) fn reset_after(&self, wait: Duration) {
        set(&self.timer, wait.max(NOW), self.period);
    }
}

pub(super) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    at: Option<Instant>,
}

impl Alarm {
    /// It is not set. Fails when no file descriptor is left.
    pub(super) fn new() -> io::Result<Self> {
        let (timer, at) = (timer()?, None);
        Ok(Self { timer, at })
    }

    /// Rings once, at this time. None: not at all.
    pub(super) fn set(&mut self, at: Option<Instant>) {
        if std::mem::replace(&mut self.at, at) != at {
            let wait = at.map(|at| at.saturating_duration_since(Instant::now()));
            let wait = wait.map_or(Duration::ZERO, |wait| wait.max(NOW));
            set(&self.timer, wait, Duration::ZERO);
        }
    }

    /// Cancel-safe.
    pub(super) async fn rings(&self) {
        expired(&self.timer).await;
    }
}

/// The shortest time: zero would stop the timer.
const NOW: Duration = Duration::from_nanos(1);

fn timer() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    registered(timerfd_create(TimerfdClockId::Monotonic, flags)?)
}

fn set(timer: &AsyncFd<OwnedFd>, wait: Duration, period: Duration) {
    let spec = Itimerspec {
        it_interval: timespec(period),
        it_value: timespec(wait),
    };
    let set = timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &spec);
    set.expect("the descriptor is a timer and both times are valid");
}

async fn expired(timer: &AsyncFd<OwnedFd>) {
    let read = |timer: &OwnedFd| Ok(rustix::io::read(timer, &mut [0; 8])?);
    // Reading fails only if other code has closed the descriptor.
    drop(timer.async_io(Interest::READABLE, read).await);
}

#[expect(
    deprecated,
    reason = "its replacement is unsafe for every caller; this call is safe because only the owner can close an OwnedFd"
)]
fn registered(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(timer, Interest::READABLE)
}

fn timespec(time: Duration) -> Timespec {
    time.try_into()
        .expect("no configured time exceeds the range of timespec")
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const PERIOD: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn the_first_tick_is_at_once_and_the_others_a_period_apart() {
        let ticks = Ticks::every(PERIOD).expect("a timer");
        ticks.tick().await;
        let first = Instant::now();
        for _ in 0..5 {
            ticks.tick().await;
        }
        // This test may have run late after the first tick.
        assert!(first.elapsed() > PERIOD * 2, "{:?}", first.elapsed());
    }

    #[tokio::test]
    async fn a_reset_is_respected_and_missed_ticks_are_one() {
        let ticks = Ticks::every(PERIOD).expect("a timer");
        ticks.tick().await;
        let start = Instant::now();
        ticks.reset_after(PERIOD * 5);
        ticks.tick().await;
        assert!(start.elapsed() >= PERIOD * 5, "{:?}", start.elapsed());
        tokio::time::sleep(PERIOD * 3).await;
        ticks.reset_after(Duration::from_hours(1));
        let next = timeout(PERIOD * 3, ticks.tick()).await;
        assert!(next.is_err(), "ticks missed before a reset are dropped");
    }

    #[tokio::test]
    async fn an_alarm_rings_once_and_not_when_it_is_taken_back() {
        let mut alarm = Alarm::new().expect("a timer");
        let start = Instant::now();
        alarm.set(Some(start + PERIOD));
        alarm.rings().await;
        assert!(start.elapsed() >= PERIOD, "{:?}", start.elapsed());
        assert!(timeout(PERIOD * 3, alarm.rings()).await.is_err());
        alarm.set(Some(start)); // in the past
        alarm.rings().await;
        alarm.set(Some(Instant::now() + PERIOD));
        alarm.set(None);
        assert!(timeout(PERIOD * 3, alarm.rings()).await.is_err());
    }
}
