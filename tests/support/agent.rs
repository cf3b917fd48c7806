//! The agent as a process: started, queried over HTTP, signalled, and killed when its handle is dropped.

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

/// A running agent. Dropping it kills the process, and panics if its log contains a secret.
pub(crate) struct Agent {
    child: Child,
    address: SocketAddr,
    /// A file, not a pipe: what the agent logged before it answered can be read after the answer.
    log: NamedTempFile,
    secrets: Secrets,
    _config: Option<NamedTempFile>,
}

impl Agent {
    /// Starts an agent, on a free port unless the arguments have an address, and waits until it listens.
    pub(crate) async fn start(spec: AgentSpec<'_>) -> Self {
        let (mut command, config) = spec.command();
        // Ten polls per second take more than the default fraction of time, more so on a busy machine.
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
            let address = self.addresses().first().copied();
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

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.log.path()).expect("the file is ours");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The addresses that it has said so far that it listens on.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.log().lines().filter_map(address_in).collect()
    }

    pub(crate) async fn get(&self, path: &str) -> HttpReply {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> HttpReply {
        self.request("GET", path, headers).await
    }

    /// Any method. Several requests may run at the same time.
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

    /// Scrapes until `is_wanted` returns true, and returns that page.
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
        let lines: Vec<&str> = last.lines().filter(|line| is_relevant(line)).collect();
        let (lines, log) = (lines.join("\n"), self.log());
        panic!("scraped {SCRAPE_LIMIT:?} without success: {what}\n{lines}\n--- log ---\n{log}");
    }

    /// Sends a signal: `TERM`, `INT`, ...
    pub(crate) fn signal(&self, name: &str) {
        process::signal(name, &[self.pid()]);
    }

    /// The exit status; `None` if the agent has not exited within `limit`.
    pub(crate) async fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let ended = poll(limit, async || self.child.try_wait().ok().flatten());
        let status = ended.await?;
        Some(status)
    }

    /// Kills the agent if it still runs.
    fn end(&mut self) {
        // Both fail only if the process has ended already.
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

fn is_relevant(line: &str) -> bool {
    line.starts_with("pgcommons_") || line.starts_with("pg_up")
}

fn address_in(line: &str) -> Option<SocketAddr> {
    // In JSON it is `"address":"127.0.0.1:19187",`.
    let (_, address) = line.split_once("address")?;
    let is_outside = |c: char| c.is_whitespace() || c == ',';
    let address = address
        .split(is_outside)
        .next()?
        .trim_matches(['"', '=', ':']);
    line.contains("listening").then(|| address.parse().ok())?
}
