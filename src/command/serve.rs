//! Runs the agent: listener, pollers and signals, until SIGTERM or SIGINT.

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
use crate::config::Config;
use crate::http::{self, Pages, Protection, WebFile};
use crate::notify::{Notifier, Origin};
use crate::scrapes::ScrapeLog;
use crate::state::Published;
use crate::systemd::Systemd;
use crate::timeline::{self, Store};
use reload::{Loaded, Reloader, log_warnings, successful_reload};

/// SIGHUP calls `load` to read the configuration again. The web file is followed without a signal.
pub(super) async fn run(
    mut config: Config,
    (web_file, protection): (Option<WebFile>, Protection),
    systemd: &Systemd,
    load: impl Fn() -> Loaded + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let (mut stop_signals, mut hangup) = signals().context("installing signal handlers")?;
    let listeners = listen(&config.listen_addresses, &protection).await?;
    let metrics_path = config.telemetry_path.clone();
    let scrapes = ScrapeLog::default();
    let (retention, has_page) = (config.retention.clone(), config.has_page);
    let (store, timelines) = Store::open(&retention);
    let (recorded, timelines) = watch::channel(Arc::new(timelines));
    let origin = origin(&config);
    let receivers = std::mem::take(&mut config.receivers);
    let (mut supervisor, state, mut reloader) = start(config, &scrapes, load);
    let mut notifier = Notifier::new(state.clone(), origin);
    notifier.apply(&receivers);
    let mut recording = pin!(timeline::run(
        retention.clone(),
        state.clone(),
        recorded,
        store
    ));
    let mut notifying = pin!(systemd.follow(state.clone()));
    let (publisher, protection) = watch::channel(Arc::new(protection));
    let mut following = pin!(follow(web_file, publisher));
    let (stop, stopped) = oneshot::channel::<()>();
    let pages = Pages {
        published: state,
        metrics_path,
        scrapes,
        receivers: notifier.health(),
        timelines: has_page.then(|| timelines.clone()),
    };
    let mut listening = pin!(http::serve(listeners, pages, protection, async {
        drop(stopped.await);
    }));
    loop {
        tokio::select! {
            never = &mut following => match never {},
            never = &mut notifying => match never {},
            never = &mut recording => match never {},
            () = &mut listening => anyhow::bail!("the listener ended unexpectedly"),
            error = supervisor.failure() => return Err(error).context("a poller ended unexpectedly"),
            error = notifier.failure() => return Err(error).context("the notifications ended unexpectedly"),
            () = stop_signals.recv() => break,
            // A SIGHUP during a reload is handled after it.
            _ = hangup.recv(), if reloader.is_idle() => {
                systemd.reloading().await;
                reloader.begin();
            }
            loaded = reloader.ended() => {
                reloader.apply(loaded, &mut supervisor, &mut notifier);
                systemd.ready().await;
            }
        }
    }
    info!("stopping");
    systemd.stopping().await;
    drop((supervisor, notifier, stop));
    let timelines = Arc::clone(&timelines.borrow());
    tokio::join!(listening, timeline::save_at_end(&retention, timelines));
    Ok(())
}

/// Starts the pollers.
fn start<F>(config: Config, scrapes: &ScrapeLog, load: F) -> (Supervisor, Published, Reloader<F>)
where
    F: Fn() -> Loaded + Send + Sync + 'static,
{
    let reload = successful_reload();
    let (mut supervisor, state) = Supervisor::new(reload, scrapes.subscribe());
    log_warnings(&config);
    let reloader = Reloader::new(&config, reload, load);
    supervisor.apply(config.servers, reload);
    (supervisor, state, reloader)
}

/// What identifies this agent in notifications.
fn origin(config: &Config) -> Origin {
    let external = config.external_url.as_ref();
    Origin::new(external, &config.listen_addresses, config.has_page)
}

async fn listen(addresses: &[String], protection: &Protection) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = http::bind(address).await;
        let listener = listener.with_context(|| format!("listening on {address}"))?;
        let (address, tls) = (listener.local_addr()?, protection.has_tls());
        info!(%address, version = crate::build_info::VERSION, tls, "listening");
        listeners.push(listener);
    }
    if protection.sends_passwords_in_clear_text() {
        warn!("basic_auth_users without tls_server_config: passwords are sent in clear text");
    }
    Ok(listeners)
}

async fn follow(file: Option<WebFile>, publisher: watch::Sender<Arc<Protection>>) -> Infallible {
    match file {
        Some(file) => file.follow(publisher).await,
        None => std::future::pending().await,
    }
}

struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Handlers for SIGTERM and SIGINT, and for SIGHUP.
fn signals() -> std::io::Result<(StopSignals, Signal)> {
    let stop = StopSignals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    Ok((stop, signal(SignalKind::hangup())?))
}
