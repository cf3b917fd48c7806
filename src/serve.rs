//! The agent at work: listener, pollers and signals, until it is told to stop.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

use crate::clock::wall_clock;
use crate::config::{Config, ConfigError};
use crate::fleet::Fleet;
use crate::http::{self, Guard, WebFile};
use crate::logging::chain;
use crate::state::{Reload, State};

/// `reread` reads the configuration anew, for SIGHUP; the web file needs no signal.
pub(crate) async fn serve(
    config: Config,
    (web_file, guard): (Option<WebFile>, Guard),
    reread: impl Fn() -> Result<Config, ConfigError>,
) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("installing signal handlers")?;
    let listener = listen(&config.listen_address, &guard).await?;
    let mut reload = Reload {
        successful: true,
        last_success: wall_clock(),
    };
    let (publisher, state) = watch::channel(Arc::new(State::new(Vec::new(), reload)));
    let mut fleet = Fleet::new(publisher);
    let mut current = config.clone();
    fleet.follow(config.servers, reload);
    let (stop, stopped) = oneshot::channel::<()>();
    let (guards, guard) = watch::channel(Arc::new(guard));
    let mut following = pin!(follow(web_file, guards));
    let stopped = async { drop(stopped.await) };
    let mut listening = pin!(http::serve(listener, state, guard, stopped));
    loop {
        tokio::select! {
            never = &mut following => match never {},
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

async fn listen(address: &str, guard: &Guard) -> anyhow::Result<TcpListener> {
    let listener = http::bind(address).await;
    let listener = listener.with_context(|| format!("listening on {address}"))?;
    let (address, tls) = (listener.local_addr()?, guard.speaks_tls());
    info!(%address, version = crate::VERSION, tls, "listening");
    if guard.sends_passwords_in_the_clear() {
        warn!("basic_auth_users without tls_server_config: passwords travel in the clear");
    }
    Ok(listener)
}

async fn follow(file: Option<WebFile>, guards: watch::Sender<Arc<Guard>>) -> Infallible {
    match file {
        Some(file) => file.follow(guards).await,
        None => std::future::pending().await,
    }
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
