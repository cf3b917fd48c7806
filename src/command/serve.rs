//! The agent at work: listener, pollers and signals, until it is told to stop.

mod reload;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use crate::collect::Supervisor;
use crate::config::{Config, Environment};
use crate::http::{self, Guard, WebFile};
use crate::logging;
use crate::systemd::Systemd;
use reload::{Read, Reloading, log_warnings, read_well};

/// `reread` reads the configuration anew, for SIGHUP; the web file needs no signal.
pub(super) async fn run(
    config: Config,
    (web_file, guard): (Option<WebFile>, Guard),
    environment: &Environment,
    reread: impl Fn() -> Read + Send + Sync + 'static,
) -> anyhow::Result<()> {
    logging::init(config.log_level);
    let systemd = Systemd::of(environment);
    let (mut stop_signals, mut hangup) = signals().context("installing signal handlers")?;
    let listener = listen(&config.listen_address, &guard).await?;
    let reload = read_well();
    let (mut supervisor, state) = Supervisor::new(reload);
    log_warnings(&config);
    supervisor.apply(config.servers.clone(), reload);
    let mut reloading = Reloading::of(config, reload, reread);
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
            error = supervisor.failure() => return Err(error).context("a poller ended by itself"),
            () = stop_signals.told() => break,
            // What comes while it is being read is for afterwards.
            _ = hangup.recv(), if reloading.is_idle() => {
                systemd.reloading().await;
                reloading.begin();
            }
            read = reloading.ended() => {
                reloading.apply(read, &mut supervisor);
                systemd.ready().await;
            }
        }
    }
    info!("stopping");
    systemd.stopping().await;
    drop((supervisor, stop));
    listening.await;
    Ok(())
}

async fn listen(address: &str, guard: &Guard) -> anyhow::Result<TcpListener> {
    let listener = http::bind(address).await;
    let listener = listener.with_context(|| format!("listening on {address}"))?;
    let (address, tls) = (listener.local_addr()?, guard.speaks_tls());
    info!(%address, version = crate::build_info::VERSION, tls, "listening");
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

struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGTERM and SIGINT, and SIGHUP.
fn signals() -> std::io::Result<(Stop, Signal)> {
    let stop = Stop {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    Ok((stop, signal(SignalKind::hangup())?))
}
