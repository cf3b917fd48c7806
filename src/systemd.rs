//! Tells systemd how the agent fares, as `sd_notify(3)` has it. Without `NOTIFY_SOCKET`, and where systemd does not take
//! what it is told, nothing happens.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tracing::warn;

use crate::config::Environment;
use crate::state::{Published, State};

/// A queue that is full is tried again so often; systemd that hangs must not hang the agent.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// `WatchdogSec` of the unit.
    watchdog: Option<Duration>,
}

impl Systemd {
    pub(crate) fn of(environment: &Environment) -> Self {
        let opened = environment.get("NOTIFY_SOCKET").map(|name| open(name));
        let socket = opened.and_then(|opened| {
            opened
                .inspect_err(|error| warn!(%error, "NOTIFY_SOCKET cannot be used"))
                .ok()
        });
        let watchdog = watchdog(environment).filter(|_| socket.is_some());
        Self { socket, watchdog }
    }

    /// A configuration was read anew, or refused.
    pub(crate) async fn ready(&self) {
        self.tell("READY=1").await;
    }

    /// The time is what tells systemd which of several reloads this is.
    pub(crate) async fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now
            .tv_sec
            .saturating_mul(1_000_000)
            .saturating_add(now.tv_nsec / 1000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"))
            .await;
    }

    pub(crate) async fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping").await;
    }

    /// Says that the listener is open, keeps the line of `systemctl status`, and feeds the watchdog: to be awaited where
    /// pollers and the listener run, so that it hangs when they do.
    pub(crate) async fn follow(&self, mut published: Published) -> Infallible {
        self.ready().await;
        let mut ticks = self.watchdog.map(ticks);
        let mut said = None;
        loop {
            let status = status(&published.borrow_and_update());
            if said.as_ref() != Some(&status) {
                self.tell(&format!("STATUS={status}")).await;
                said = Some(status);
            }
            tokio::select! {
                () = next(&mut ticks) => self.tell("WATCHDOG=1").await,
                changed = published.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    async fn tell(&self, message: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        for _ in 0..ATTEMPTS {
            match socket.send_to_addr(message.as_bytes(), address) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(PAUSE).await,
                Err(error) => return tracing::debug!(%error, message, "systemd was not told"),
                Ok(_) => return,
            }
        }
    }
}

/// A path, or a name that lies in no folder, behind `@`.
fn open(name: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None if name.starts_with('/') => SocketAddr::from_pathname(name),
        None => Err(io::Error::other("want a path, or a name behind @")),
    }?;
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// None: no watchdog, or that of another process.
fn watchdog(environment: &Environment) -> Option<Duration> {
    let own = std::process::id().to_string();
    let microseconds = environment.get("WATCHDOG_USEC")?.parse().ok()?;
    let is_ours = environment
        .get("WATCHDOG_PID")
        .is_none_or(|pid| *pid == own);
    (is_ours && microseconds > 0).then(|| Duration::from_micros(microseconds))
}

/// Twice in the time that systemd waits.
fn ticks(watchdog: Duration) -> Interval {
    let mut ticks = interval((watchdog / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn next(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => {
            ticks.tick().await;
        }
        None => std::future::pending().await,
    }
}

fn status(state: &State) -> String {
    let up = state.servers.iter().filter(|server| server.status.is_ok());
    let reload = if state.reload.successful {
        ""
    } else {
        "; configuration not reloaded, the old one stays"
    };
    format!(
        "{} of {} servers up{reload}",
        up.count(),
        state.servers.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_of_another_process_is_not_ours() {
        let own = std::process::id().to_string();
        let minute = Some(Duration::from_mins(1));
        for (usec, pid, expected) in [
            ("60000000", None, minute),
            ("60000000", Some(own.as_str()), minute),
            ("60000000", Some("1"), None),
            ("0", None, None),
            ("soon", None, None),
        ] {
            let mut environment = Environment::new();
            environment.insert("WATCHDOG_USEC".to_owned(), usec.to_owned());
            if let Some(pid) = pid {
                environment.insert("WATCHDOG_PID".to_owned(), pid.to_owned());
            }
            assert_eq!(watchdog(&environment), expected, "{usec} {pid:?}");
        }
        assert_eq!(watchdog(&Environment::new()), None);
    }

    #[test]
    fn what_is_no_socket_is_refused() {
        for name in ["", "relative", "vsock:2:1"] {
            assert!(open(name).is_err(), "{name}");
        }
    }
}
