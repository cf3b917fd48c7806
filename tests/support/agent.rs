//! The agent as a process: started, asked over HTTP, signalled, and gone with its handle.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
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

const MAX_TIME_FRACTION: &str = "PGCOMMONS__POLL__MAX_TIME_FRACTION";
const START_LIMIT: Duration = Duration::from_secs(20);
const SCRAPE_LIMIT: Duration = Duration::from_mins(1);

/// A running agent; dropping it kills it, and panics if it has given a secret away.
pub(crate) struct Agent {
    child: Child,
    address: SocketAddr,
    /// A file and no pipe: what it has logged before it answers is there when the answer is.
    log: NamedTempFile,
    secrets: Secrets,
    _config: Option<NamedTempFile>,
}

impl Agent {
    /// Starts an agent, on a port of its own unless the arguments say where, and waits until it
    /// listens.
    pub(crate) async fn start(spec: AgentSpec<'_>) -> Self {
        let (mut command, config) = spec.command();
        // Ten polls a second are more than their share, and a busy machine makes each of them dear.
        if !spec.env.iter().any(|(name, _)| *name == MAX_TIME_FRACTION) {
            command.env(MAX_TIME_FRACTION, "0.5");
        }
        if !spec
            .args
            .iter()
            .any(|arg| arg.starts_with(spec::LISTEN_FLAG))
        {
            command.args([spec::LISTEN_FLAG, "127.0.0.1:0"]);
        }
        let log = NamedTempFile::new().expect("a temporary file can be made");
        let stderr = log.reopen().expect("the file is ours");
        let child = command
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("the agent can be run");
        let mut agent = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
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
        let bytes = fs::read(self.log.path()).expect("the file is ours");
        String::from_utf8_lossy(&bytes).into_owned()
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

    /// How it ended; `None` if it has not within `limit`.
    pub(crate) async fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let ended = poll(limit, async || self.child.try_wait().ok().flatten());
        let status = ended.await?;
        Some(status)
    }

    /// Ends it if it has not ended.
    fn end(&mut self) {
        // Both fail only when there is nothing left to do.
        drop(self.child.kill());
        drop(self.child.wait());
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
