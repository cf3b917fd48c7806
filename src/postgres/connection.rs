//! Opens a connection: libpq's terms into the driver's, password and certificates, TLS, the login, and the deadline of all this.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, Socket, config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{ConnectError, tls};
use crate::blocking::OneAtATime;
use crate::config::{ChannelBinding, Login, SslMode, Target};
use crate::logging::chain;

/// The `application_name` of every session.
pub(crate) const APPLICATION_NAME: &str = "pgcommons";

/// The task that moves the bytes of a connection; dropped, it closes the connection, also one that hangs.
pub(super) struct Driver(JoinHandle<()>);

impl Driver {
    /// Returns once, when the connection is closed.
    pub(super) async fn closed(&mut self) {
        drop((&mut self.0).await);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) type Opened = (Client, Driver);

/// What a login reads first: password and certificates, on a thread of its own, for a file on a dead mount must not stop
/// everything else. One that hangs is waited for by the logins after it, or each would leave a thread behind.
#[derive(Default)]
pub(crate) struct CredentialFiles(OneAtATime<Result<Prepared, ConnectError>>);

type Prepared = (Config, Option<MakeRustlsConnect>);

impl CredentialFiles {
    async fn read(
        &mut self,
        target: &Target,
        options: &str,
        timeout: Duration,
    ) -> Result<Prepared, ConnectError> {
        let (target, options) = (target.clone(), options.to_owned());
        let read = move || prepared(&target, options, timeout);
        self.0.run(read).await
    }
}

/// The deadline covers the look-up of the name, TCP, TLS and the login, none of which the driver's own timeout covers.
/// `options` are libpq's; a `PgBouncer` console takes only empty ones.
pub(super) async fn open(
    target: &Target,
    options: &str,
    timeout: Duration,
    files: &mut CredentialFiles,
) -> Result<Opened, ConnectError> {
    let attempt = attempt(target, options, timeout, files);
    let late = |_| ConnectError::Timeout(humantime::format_duration(timeout));
    tokio::time::timeout(timeout, attempt).await.map_err(late)?
}

async fn attempt(
    target: &Target,
    options: &str,
    timeout: Duration,
    files: &mut CredentialFiles,
) -> Result<Opened, ConnectError> {
    let (mut config, encrypted) = files.read(target, options, timeout).await?;
    let Some(encrypted) = encrypted else {
        return connect(&config, NoTls).await;
    };
    match connect(&config, encrypted).await {
        Err(error) if target.tls.mode == SslMode::Prefer && error.plaintext_may_do() => {
            config.ssl_mode(config::SslMode::Disable);
            connect(&config, NoTls).await
        }
        result => result,
    }
}

fn prepared(target: &Target, options: String, timeout: Duration) -> Result<Prepared, ConnectError> {
    let mut config = driver_config(target, options, timeout)?;
    if target.is_socket() || target.tls.mode == SslMode::Disable {
        config.ssl_mode(config::SslMode::Disable);
        return Ok((config, None));
    }
    let tls = MakeRustlsConnect::new(tls::client_config(&target.tls)?);
    Ok((config, Some(tls)))
}

async fn connect<T>(config: &Config, tls: T) -> Result<Opened, ConnectError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await.map_err(ConnectError::driver)?;
    let driver = tokio::spawn(async {
        // Between two polls no query waits for the server's last error; the next query only fails with "connection closed".
        if let Err(error) = connection.await {
            tracing::warn!(error = chain(&error), "a session was ended");
        }
    });
    Ok((client, Driver(driver)))
}

fn driver_config(
    target: &Target,
    options: String,
    timeout: Duration,
) -> Result<Config, ConnectError> {
    let mut config = Config::new();
    config
        .host(&target.host)
        .port(target.port)
        .user(&target.user)
        .dbname(&target.dbname)
        .application_name(APPLICATION_NAME)
        .options(options)
        .ssl_mode(match target.tls.mode {
            SslMode::Disable => config::SslMode::Disable,
            SslMode::Prefer => config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => config::SslMode::Require,
        })
        .channel_binding(match target.channel_binding {
            ChannelBinding::Disable => config::ChannelBinding::Disable,
            ChannelBinding::Prefer => config::ChannelBinding::Prefer,
            ChannelBinding::Require => config::ChannelBinding::Require,
        })
        // Of each address of a name: the first may be silent, and the second not. A SYN that is lost is sent again in a second.
        .connect_timeout(timeout / 2)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3);
    if let Some(address) = target.hostaddr {
        config.hostaddr(address);
    }
    let login = Login {
        host: &target.host,
        port: target.port,
        dbname: &target.dbname,
        user: &target.user,
    };
    if let Some(password) = target.password.read(login)? {
        config.password(password.expose_secret());
    }
    Ok(config)
}
