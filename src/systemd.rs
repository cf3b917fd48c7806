//! Notifies systemd of the state of the agent (`sd_notify(3)`). Does nothing without `NOTIFY_SOCKET`; failed notifications
//! do not affect the agent.

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

/// Attempts while the queue of the socket is full. Limited, because a systemd that hangs must not hang the agent.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// `WatchdogSec` of the unit.
    watchdog: Option<Duration>,
}

impl Systemd {
    pub(crate) fn new(environment: &Environment) -> Self {
        let opened = environment.get("NOTIFY_SOCKET").map(|name| open(name));
        let socket = opened.and_then(|opened| {
            opened
                .inspect_err(|error| warn!(%error, "NOTIFY_SOCKET cannot be used"))
                .ok()
        });
        let watchdog = watchdog(environment).filter(|_| socket.is_some());
        Self { socket, watchdog }
    }

    /// The agent has started, or a reload has ended.
    pub(crate) async fn ready(&self) {
        self.notify("READY=1").await;
    }

    /// The timestamp identifies this reload to systemd.
    pub(crate) async fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now
            .tv_sec
            .saturating_mul(1_000_000)
            .saturating_add(now.tv_nsec / 1000);
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"))
            .await;
    }

    pub(crate) async fn stopping(&self) {
        self.notify("STOPPING=1\nSTATUS=stopping").await;
    }

    /// Notifies systemd that the agent is ready, updates the status text of `systemctl status`, and sends the watchdog
    /// keep-alive. The caller awaits it in the same task as pollers and listener, so that it stops if they hang.
    pub(crate) async fn follow(&self, mut published: Published) -> Infallible {
        self.ready().await;
        let mut ticks = self.watchdog.map(ticks);
        let mut sent = None;
        loop {
            let status = status(&published.borrow_and_update());
            if sent.as_ref() != Some(&status) {
                self.notify(&format!("STATUS={status}")).await;
                sent = Some(status);
            }
            tokio::select! {
                () = next(&mut ticks) => self.notify("WATCHDOG=1").await,
                changed = published.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    async fn notify(&self, message: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        for _ in 0..ATTEMPTS {
            match socket.send_to_addr(message.as_bytes(), address) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(PAUSE).await,
                Err(error) => return tracing::debug!(%error, message, "cannot notify systemd"),
                Ok(_) => return,
            }
        }
    }
}

/// `name` is a path, or the name of an abstract socket after `@`.
fn open(name: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None if name.starts_with('/') => SocketAddr::from_pathname(name),
        None => Err(io::Error::other(
            "want a path, or an abstract socket name after @",
        )),
    }?;
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// None: no watchdog, or the watchdog of another process.
fn watchdog(environment: &Environment) -> Option<Duration> {
    let own = std::process::id().to_string();
    let microseconds = environment.get("WATCHDOG_USEC")?.parse().ok()?;
    let is_ours = environment
        .get("WATCHDOG_PID")
        .is_none_or(|pid| *pid == own);
    (is_ours && microseconds > 0).then(|| Duration::from_micros(microseconds))
}

/// Two keep-alives in each watchdog period.
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
        "; configuration not reloaded, the current one is kept"
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
    fn an_invalid_socket_name_is_refused() {
        for name in ["", "relative", "vsock:2:1"] {
            assert!(open(name).is_err(), "{name}");
        }
    }
}
