//! SIGHUP: the configuration is read anew, on a thread of its own, for a file system may hang. One reading at a time.

use std::sync::Arc;

use tracing::{error, info, warn};

use crate::blocking::OneAtATime;
use crate::clock::wall_clock;
use crate::collect::Supervisor;
use crate::config::{Config, ConfigError};
use crate::logging::chain;
use crate::state::Reload;

pub(crate) type Read = Result<Config, ConfigError>;

pub(super) struct Reloading<F> {
    current: Config,
    last: Reload,
    reread: Arc<F>,
    running: OneAtATime<Read>,
}

impl<F: Fn() -> Read + Send + Sync + 'static> Reloading<F> {
    /// Of the configuration that the agent has started with.
    pub(super) fn of(current: Config, last: Reload, reread: F) -> Self {
        Self {
            current,
            last,
            reread: Arc::new(reread),
            running: OneAtATime::default(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_idle()
    }

    pub(super) fn begin(&mut self) {
        let reread = Arc::clone(&self.reread);
        let read = move || {
            let config = reread()?;
            log_warnings(&config);
            Ok(config)
        };
        self.running.begin(read);
    }

    /// Never ready while nothing is read.
    pub(super) async fn ended(&mut self) -> Read {
        self.running.ended().await
    }

    /// Follows a good configuration; a bad one is complained of, and the old one stays.
    pub(super) fn apply(&mut self, read: Read, supervisor: &mut Supervisor) {
        match read {
            Ok(new) => {
                let old = &self.current;
                if new.listen_address != old.listen_address || new.log_level != old.log_level {
                    warn!("web.listen_address and log.level take effect at the next start");
                }
                self.last = read_well();
                supervisor.apply(new.servers.clone(), self.last);
                info!(servers = new.servers.len(), "configuration reloaded");
                self.current = new;
            }
            Err(problems) => {
                error!(
                    error = chain(&problems),
                    "configuration not reloaded, the old one stays"
                );
                self.last.successful = false;
                supervisor.set_reload(self.last);
            }
        }
    }
}

pub(super) fn read_well() -> Reload {
    Reload {
        successful: true,
        last_success: wall_clock(),
    }
}

/// What the server says to a login without a password does not tell why there was none.
pub(super) fn log_warnings(config: &Config) {
    for warning in &config.warnings {
        warn!("configuration: {warning}");
    }
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
