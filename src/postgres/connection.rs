//! Opens a connection: reads password and certificates, sets up TLS, logs in, and applies one deadline to all of it.

use std::time::Duration;

use futures_util::future::poll_fn;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Socket, config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::password_command::PasswordCommands;
use super::{ConnectError, tls};
use crate::blocking::OneAtATime;
use crate::config::{ChannelBinding, Login, SslMode, Target};
use crate::logging::chain;

/// The `application_name` of every session.
pub(crate) const APPLICATION_NAME: &str = "pgcommons";

/// The task that reads and writes the socket of a connection. Dropping it closes the connection, even one that hangs.
pub(super) struct Driver {
    task: JoinHandle<()>,
    last_message: watch::Receiver<Option<SqlState>>,
}

impl Driver {
    /// Returns once, when the connection is closed.
    pub(super) async fn closed(&mut self) {
        drop((&mut self.task).await);
    }

    /// The code of the last notice, or of the last error that answered no statement. A query fails only after the messages
    /// before the end of the connection were read.
    pub(super) fn last_message(&self) -> Option<SqlState> {
        self.last_message.borrow().clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) type Opened = (Client, Driver);

/// Reads password and certificates before a login, on its own thread, because a file on a dead mount must not block the
/// runtime. Later logins wait for a read that hangs; otherwise each would leave a thread behind.
#[derive(Default)]
pub(crate) struct CredentialFiles {
    files: OneAtATime<Result<Prepared, ConnectError>>,
    commands: PasswordCommands,
}

type Prepared = (Config, Option<MakeRustlsConnect>);

impl CredentialFiles {
    async fn read(
        &mut self,
        target: &Target,
        options: &str,
        timeout: Duration,
        password: Option<SecretString>,
    ) -> Result<Prepared, ConnectError> {
        let (target, options) = (target.clone(), options.to_owned());
        let read = move || prepared(&target, options, timeout, password);
        self.files.run(read).await
    }

    /// The password that the command of the target prints, if it has one.
    async fn printed(&mut self, target: &Target) -> Result<Option<SecretString>, ConnectError> {
        match &target.password.command {
            Some(command) => Ok(Some(self.commands.run(command).await?)),
            None => Ok(None),
        }
    }
}

/// The deadline covers name resolution, TCP, TLS and the login; the driver's own timeout covers none of these completely. A command
/// that prints the password has a deadline of its own.
/// `options` is libpq's parameter; a `PgBouncer` console accepts none, and an empty one is not sent.
pub(super) async fn open(
    target: &Target,
    options: &str,
    timeout: Duration,
    files: &mut CredentialFiles,
) -> Result<Opened, ConnectError> {
    let password = files.printed(target).await?;
    let attempt = attempt(target, options, timeout, (files, password));
    let timed_out = |_| ConnectError::Timeout(humantime::format_duration(timeout));
    tokio::time::timeout(timeout, attempt)
        .await
        .map_err(timed_out)?
}

async fn attempt(
    target: &Target,
    options: &str,
    timeout: Duration,
    (files, password): (&mut CredentialFiles, Option<SecretString>),
) -> Result<Opened, ConnectError> {
    let (mut config, encrypted) = files.read(target, options, timeout, password).await?;
    let Some(encrypted) = encrypted else {
        return connect(&config, NoTls).await;
    };
    match connect(&config, encrypted).await {
        Err(error) if target.tls.mode == SslMode::Prefer && error.may_retry_plaintext() => {
            config.ssl_mode(config::SslMode::Disable);
            connect(&config, NoTls).await
        }
        result => result,
    }
}

fn prepared(
    target: &Target,
    options: String,
    timeout: Duration,
    password: Option<SecretString>,
) -> Result<Prepared, ConnectError> {
    let mut config = driver_config(target, options, timeout);
    if let Some(password) = password.map_or_else(|| stored(target), |it| Ok(Some(it)))? {
        config.password(password.expose_secret());
    }
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
    let (sender, last_message) = watch::channel(None);
    let task = tokio::spawn(drive(connection, sender));
    Ok((client, Driver { task, last_message }))
}

/// Reads and writes until the connection ends. The driver's own loop would drop the codes of notices.
async fn drive<S, T>(
    mut connection: Connection<S, T>,
    last_message: watch::Sender<Option<SqlState>>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                last_message.send_replace(Some(notice.code().clone()));
            }
            Ok(_) => {}
            // Between two polls no query receives the server's last error: the next query only fails with "connection closed".
            Err(error) => {
                if let Some(code) = error.code() {
                    last_message.send_replace(Some(code.clone()));
                }
                tracing::warn!(
                    error = chain(&error),
                    "the connection was closed with an error"
                );
                return;
            }
        }
    }
}

fn driver_config(target: &Target, options: String, timeout: Duration) -> Config {
    let mut config = Config::new();
    config
        .host(&target.host)
        .port(target.port)
        .user(&target.user)
        .dbname(&target.dbname)
        .application_name(APPLICATION_NAME)
        .ssl_mode(ssl_mode(target.tls.mode))
        .channel_binding(channel_binding(target.channel_binding))
        // Per address of a name: if the first does not answer, the second may. A lost SYN is sent again after a second.
        .connect_timeout(timeout / 2)
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(5))
        .keepalives_retries(3);
    if !options.is_empty() {
        config.options(options);
    }
    if let Some(address) = target.hostaddr {
        config.hostaddr(address);
    }
    config
}

/// The password in the configuration or in a file.
fn stored(target: &Target) -> Result<Option<SecretString>, ConnectError> {
    let login = Login {
        host: &target.host,
        port: target.port,
        dbname: &target.dbname,
        user: &target.user,
    };
    Ok(target.password.read(login)?)
}

fn ssl_mode(mode: SslMode) -> config::SslMode {
    match mode {
        SslMode::Disable => config::SslMode::Disable,
        SslMode::Prefer => config::SslMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => config::SslMode::Require,
    }
}

fn channel_binding(binding: ChannelBinding) -> config::ChannelBinding {
    match binding {
        ChannelBinding::Disable => config::ChannelBinding::Disable,
        ChannelBinding::Prefer => config::ChannelBinding::Prefer,
        ChannelBinding::Require => config::ChannelBinding::Require,
    }
}
