//! The agent as a process: started, asked over HTTP, signalled, and gone with its handle.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::exposition::Scrape;
use super::http::{self, HttpReply};
use super::process;
use super::wait::poll;
use secrets::Secrets;

pub(crate) use self::spec::{AgentSpec, run};

mod secrets;
mod spec;

pub(crate) const TIME_SHARE: &str = "PGCOMMONS__POLL__TIME_SHARE";
const START_LIMIT: Duration = Duration::from_secs(20);
const SCRAPE_LIMIT: Duration = Duration::from_mins(1);

/// A running agent; dropping it kills it, and panics if it has given a secret away.
pub(crate) struct Agent {
    child: Child,
    address: SocketAddr,
    log: Log,
    reader: Option<JoinHandle<()>>,
    secrets: Secrets,
    _config: Option<NamedTempFile>,
}

impl Agent {
    /// Starts an agent, on a port of its own unless the arguments say where, and waits until it
    /// listens.
    pub(crate) async fn start(spec: AgentSpec<'_>) -> Self {
        let (mut command, config) = spec.command();
        // Ten polls a second are more than their share, and a busy machine makes each of them dear.
        if !spec.env.iter().any(|(name, _)| *name == TIME_SHARE) {
            command.env(TIME_SHARE, "0.5");
        }
        if !spec
            .args
            .iter()
            .any(|arg| arg.starts_with(spec::LISTEN_FLAG))
        {
            command.args([spec::LISTEN_FLAG, "127.0.0.1:0"]);
        }
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent can be run");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let log = Log::default();
        let mut agent = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            reader: Some(log.read_from(stderr)),
            log,
            secrets: Secrets::of(&spec),
            _config: config,
        };
        agent.address = agent.listening_address().await;
        agent
    }

    async fn listening_address(&mut self) -> SocketAddr {
        let listening = poll(START_LIMIT, async || {
            let address = self.log().lines().find_map(address_in);
            let has_ended = !matches!(self.child.try_wait(), Ok(None));
            (address.is_some() || has_ended).then_some(address)
        });
        if let Some(address) = listening.await.flatten() {
            return address;
        }
        self.end();
        panic!("the agent does not listen:\n{}", self.log());
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    pub(crate) async fn get(&self, path: &str) -> HttpReply {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> HttpReply {
        self.request("GET", path, headers).await
    }

    /// Any method. Several at a time may be awaited together.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> HttpReply {
        let reply = http::exchange_async(self.address, method, path, headers).await;
        let reply =
            reply.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()));
        self.secrets.assert_absent(path, &reply.body);
        reply
    }

    pub(crate) async fn scrape(&self) -> Scrape {
        let reply = self.get("/metrics").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        Scrape::parse(&reply.text())
    }

    /// Scrapes until the page is as wanted, and returns it.
    pub(crate) async fn scrape_until(
        &self,
        what: &str,
        mut is_wanted: impl FnMut(&Scrape) -> bool,
    ) -> Scrape {
        let mut last = None;
        let found = poll(SCRAPE_LIMIT, async || {
            let page = last.insert(self.scrape().await);
            is_wanted(page).then(|| page.clone())
        });
        if let Some(page) = found.await {
            return page;
        }
        let last = last.as_ref().map_or("", Scrape::text);
        let lines: Vec<&str> = last.lines().filter(|line| is_ours(line)).collect();
        let (lines, log) = (lines.join("\n"), self.log());
        panic!("scraped {SCRAPE_LIMIT:?} in vain: {what}\n{lines}\n--- log ---\n{log}");
    }

    /// Sends a signal: `TERM`, `INT`, ...
    pub(crate) fn signal(&self, name: &str) {
        process::signal(name, &[self.pid()]);
    }

    /// How it ended; `None` if it has not within `limit`. After that the log is complete.
    pub(crate) async fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let ended = poll(limit, async || self.child.try_wait().ok().flatten());
        let status = ended.await?;
        self.end();
        Some(status)
    }

    /// Ends it if it has not ended, and completes the log.
    fn end(&mut self) {
        // Both fail only when there is nothing left to do.
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            // Nothing in it panics, and a drop must not either.
            drop(reader.join());
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.end();
        if !std::thread::panicking() {
            self.secrets.assert_absent("the log", self.log().as_bytes());
        }
    }
}

fn is_ours(line: &str) -> bool {
    line.starts_with("pgcommons_") || line.starts_with("pg_up")
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("address=")?;
    let address = address.split_whitespace().next()?.trim_matches('"');
    line.contains("listening").then(|| address.parse().ok())?
}

/// The lines of stderr, collected by a thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn read_from(&self, source: impl Read + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        std::thread::spawn(move || {
            // Split by hand: a byte that is not UTF-8 must not end the log.
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                let mut text = log.0.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&String::from_utf8_lossy(&line));
                text.push('\n');
            }
        })
    }
}
