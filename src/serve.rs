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
use crate::state::Reload;
use crate::systemd::Systemd;

/// `reread` reads the configuration anew, for SIGHUP; the web file needs no signal.
pub(crate) async fn serve(
    config: Config,
    (web_file, guard): (Option<WebFile>, Guard),
    systemd: &Systemd,
    reread: impl Fn() -> Result<Config, ConfigError>,
) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("installing signal handlers")?;
    let listener = listen(&config.listen_address, &guard).await?;
    let mut reload = read_well();
    let (mut fleet, state) = Fleet::new(reload);
    warn_of_passfiles(&config);
    let mut current = config.clone();
    fleet.follow(config.servers, reload);
    let mut telling = pin!(systemd.follow(state.clone()));
    let (stop, stopped) = oneshot::channel::<()>();
    let (guards, guard) = watch::channel(Arc::new(guard));
    let mut following = pin!(follow(web_file, guards));
    let stopped = async { drop(stopped.await) };
    let mut listening = pin!(http::serve(listener, state, guard, stopped));
    loop {
        tokio::select! {
            never = &mut following => match never {},
            never = &mut telling => match never {},
            () = &mut listening => anyhow::bail!("the listener ended by itself"),
            error = fleet.failure() => return Err(error).context("a poller ended by itself"),
            signal = signals.next() => match signal {
                Told::Stop => break,
                Told::Reload => {
                    systemd.reloading().await;
                    reload = apply(reread(), &mut current, reload, &mut fleet);
                    systemd.ready().await;
                }
            },
        }
    }
    info!("stopping");
    systemd.stopping().await;
    drop((fleet, stop));
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
            let reload = read_well();
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

fn read_well() -> Reload {
    Reload {
        successful: true,
        last_success: wall_clock(),
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
