//! SIGHUP: reads the configuration again. Another thread reads the file, because a file system may hang. One read at a time.

use std::sync::Arc;

use tracing::{error, info, warn};

use crate::blocking::OneAtATime;
use crate::clock::wall_clock;
use crate::collect::Supervisor;
use crate::config::{Config, ConfigError};
use crate::logging::{LogFormat, chain};
use crate::notify::Notifier;
use crate::state::Reload;
use crate::timeline::Retention;
use crate::web_client::Url;

pub(crate) type Loaded = Result<Config, ConfigError>;

/// `web`, `log`, `history` and `state`.
#[derive(PartialEq)]
struct Fixed {
    listen_addresses: Vec<String>,
    telemetry_path: String,
    has_page: bool,
    external_url: Option<Url>,
    retention: Retention,
    log_level: tracing::Level,
    log_format: LogFormat,
}

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listen_addresses: config.listen_addresses.clone(),
            telemetry_path: config.telemetry_path.clone(),
            has_page: config.has_page,
            external_url: config.external_url.clone(),
            retention: config.retention.clone(),
            log_level: config.log_level,
            log_format: config.log_format,
        }
    }
}

pub(super) struct Reloader<F> {
    /// The part of the configuration that a reload does not change, as of the start.
    started: Fixed,
    last: Reload,
    load: Arc<F>,
    running: OneAtATime<Loaded>,
}

impl<F: Fn() -> Loaded + Send + Sync + 'static> Reloader<F> {
    /// `config` is the configuration that the agent has started with.
    pub(super) fn new(config: &Config, last: Reload, load: F) -> Self {
        Self {
            started: Fixed::of(config),
            last,
            load: Arc::new(load),
            running: OneAtATime::default(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_idle()
    }

    pub(super) fn begin(&mut self) {
        let load = Arc::clone(&self.load);
        let read = move || {
            let config = load()?;
            log_warnings(&config);
            Ok(config)
        };
        self.running.begin(read);
    }

    /// The result of the running read. Pending while there is none.
    pub(super) async fn ended(&mut self) -> Loaded {
        self.running.ended().await
    }

    /// Applies a valid configuration. Logs the problems of an invalid one and keeps the current configuration.
    pub(super) fn apply(
        &mut self,
        loaded: Loaded,
        supervisor: &mut Supervisor,
        notifier: &mut Notifier,
    ) {
        match loaded {
            Ok(new) => {
                if self.started != Fixed::of(&new) {
                    warn!("web, log, history and state take effect at the next start");
                }
                self.last = successful_reload();
                let servers = new.servers.len();
                supervisor.apply(new.servers, self.last);
                notifier.apply(&new.receivers);
                info!(servers, "configuration reloaded");
            }
            Err(problems) => {
                error!(
                    error = chain(&problems),
                    "configuration not reloaded, the current one is kept"
                );
                self.last.successful = false;
                supervisor.set_reload(self.last);
            }
        }
    }
}

pub(super) fn successful_reload() -> Reload {
    Reload {
        successful: true,
        last_success: wall_clock(),
    }
}

/// A failed login does not show that its password file was ignored, so the log does.
pub(super) fn log_warnings(config: &Config) {
    for warning in &config.warnings {
        warn!("configuration: {warning}");
    }
    for server in &config.servers {
        if let Some(path) = server.target.password.ignored_passfile() {
            warn!(
                server = server.name,
                path = %path.display(),
                "password file ignored: other users may read it (chmod 600)"
            );
        }
    }
}
