//! The agent at work: listener, pollers and signals, until it is told to stop.

use std::pin::pin;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

use crate::clock::wall_clock;
use crate::config::{Config, ConfigError};
use crate::fleet::Fleet;
use crate::http;
use crate::logging::chain;
use crate::state::{Reload, State};

/// `reread` reads the configuration anew, for SIGHUP.
pub(crate) async fn serve(
    config: Config,
    reread: impl Fn() -> Result<Config, ConfigError>,
) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("installing signal handlers")?;
    let listener = http::bind(&config.listen_address).await;
    let listener = listener.with_context(|| format!("listening on {}", config.listen_address))?;
    info!(address = %listener.local_addr()?, version = crate::VERSION, "listening");

    let mut reload = Reload {
        successful: true,
        last_success: wall_clock(),
    };
    let (publisher, state) = watch::channel(Arc::new(State::new(Vec::new(), reload)));
    let mut fleet = Fleet::new(publisher);
    warn_of_passfiles(&config);
    let mut current = config.clone();
    fleet.follow(config.servers, reload);

    let (stop, stopped) = oneshot::channel::<()>();
    let mut listening = pin!(http::serve(listener, state, async { drop(stopped.await) }));
    loop {
        tokio::select! {
            () = &mut listening => anyhow::bail!("the listener ended by itself"),
            error = fleet.failure() => return Err(error).context("a poller ended by itself"),
            signal = signals.next() => match signal {
                Told::Stop => break,
                Told::Reload => {
                    let read = reread();
                    reload = apply(read, &mut current, reload, &mut fleet);
                }
            },
        }
    }
    info!("stopping");
    drop(fleet);
    drop(stop);
    listening.await;
    Ok(())
}

/// Follows a good configuration; a bad one is complained of, and the old one stays.
fn apply(
    read: Result<Config, ConfigError>,
    current: &mut Config,
    reload: Reload,
    fleet: &mut Fleet,
) -> Reload {
    match read {
        Ok(new) => {
            if new.listen_address != current.listen_address || new.log_level != current.log_level {
                warn!("web.listen_address and log.level take effect at the next start");
            }
            let reload = Reload {
                successful: true,
                last_success: wall_clock(),
            };
            warn_of_passfiles(&new);
            fleet.follow(new.servers.clone(), reload);
            info!(servers = new.servers.len(), "configuration reloaded");
            *current = new;
            reload
        }
        Err(problems) => {
            error!(
                error = chain(&problems),
                "configuration not reloaded, the old one stays"
            );
            let reload = Reload {
                successful: false,
                ..reload
            };
            fleet.note(reload);
            reload
        }
    }
}

/// What the server says to a login without a password does not tell why there was none.
fn warn_of_passfiles(config: &Config) {
    for server in &config.servers {
        if let Some(path) = server.target.password.passed_over() {
            warn!(
                server = server.name,
                path = %path.display(),
                "password file passed over: others may read it (chmod 600)"
            );
        }
    }
}

enum Told {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}
