//! The process of the server: start, stop, freeze, and end when the cluster is dropped.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use super::super::binaries;
use super::super::process::{children, is_stopped, server_command, signal};
use super::super::wait::{eventually, poll_blocking};
use super::Cluster;
use super::disk::mounted_command;
use super::ports::free_port;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const DROP_LIMIT: Duration = Duration::from_secs(10);
const FREEZE_LIMIT: Duration = Duration::from_secs(5);
/// A little longer than a server without data takes to recover from a crash.
const CATCH_LIMIT: Duration = Duration::from_secs(3);
const RELOAD_LIMIT: Duration = Duration::from_secs(5);
/// How often to retry when another process takes the port between its choice and the server's bind.
const PORT_ATTEMPTS: u32 = 5;

/// The mode of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopMode {
    /// Terminates the sessions and shuts down cleanly.
    Fast,
    /// Ends all processes at once; the next start runs recovery.
    Immediate,
}

impl StopMode {
    fn signal(self) -> &'static str {
        match self {
            Self::Fast => "INT",
            Self::Immediate => "QUIT",
        }
    }
}

impl Cluster {
    pub(crate) fn postmaster_pid(&self) -> u32 {
        self.server.as_ref().expect("the server runs").id()
    }

    /// Stops the server; blocks until it has.
    pub(crate) fn stop(&mut self, mode: StopMode) {
        self.thaw();
        let mut server = self.server.take().expect("the server runs");
        signal(mode.signal(), &[server.id()]);
        if !ends_within(STOP_LIMIT, &mut server) {
            self.server = Some(server);
            panic!("the server did not stop:\n{}", self.log());
        }
    }

    /// Starts a smart shutdown: the server accepts no new sessions and stops when the last one has ended.
    pub(crate) fn begin_to_stop(&self) {
        signal("TERM", &[self.postmaster_pid()]);
    }

    /// Kills the postmaster alone; blocks until its children have noticed and ended, so that the server can start again.
    pub(crate) fn kill_postmaster(&mut self) {
        let mut server = self.server.take().expect("the server runs");
        let orphans = children(server.id());
        signal("KILL", &[server.id()]);
        assert!(ends_within(STOP_LIMIT, &mut server), "SIGKILL ends it");
        let ended = poll_blocking(STOP_LIMIT, || {
            orphans.iter().all(|pid| is_stopped(*pid)).then_some(())
        });
        assert!(ended.is_some(), "its children {orphans:?} did not end");
    }

    /// Starts a stopped server on its old port; blocks until it accepts connections.
    pub(crate) fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server runs already");
        if let Err(log) = self.launch() {
            panic!("the server did not start:\n{log}");
        }
    }

    pub(crate) fn restart(&mut self, mode: StopMode) {
        self.stop(mode);
        self.start_again();
    }

    /// Stops all processes of the server with SIGSTOP: the kernel accepts connections, but no process answers.
    pub(crate) fn freeze(&self) {
        let postmaster = self.postmaster_pid();
        // The postmaster first: then no new children are forked.
        freeze_all(&[postmaster]);
        freeze_all(&children(postmaster));
    }

    /// Undoes [`Cluster::freeze`].
    pub(crate) fn thaw(&self) {
        if let Some(server) = &self.server {
            let mut pids = children(server.id());
            pids.push(server.id());
            signal("CONT", &pids);
        }
    }

    /// All processes that the postmaster has started and that still run.
    pub(crate) fn processes(&self) -> Vec<u32> {
        children(self.postmaster_pid())
    }

    /// One of the server's own processes, by its title as `ps` shows it.
    pub(crate) fn process(&self, title: &str) -> Option<u32> {
        let mut processes = children(self.postmaster_pid()).into_iter();
        processes.find(|pid| {
            let shown = fs::read_to_string(format!("/proc/{pid}/cmdline"));
            shown.is_ok_and(|shown| shown.contains(title))
        })
    }

    /// Stops one of the server's own processes that lives for a short time, once it exists; `None` if it was missed. Blocks.
    pub(crate) fn catch(&self, title: &str) -> Option<u32> {
        poll_blocking(CATCH_LIMIT, || {
            let pid = self.process(title)?;
            signal("STOP", &[pid]);
            Some(pid)
        })
        .filter(|pid| self.process(title) == Some(*pid))
    }

    /// Sends a signal (`STOP`, `KILL`, ...) to one of the server's processes, such as a backend.
    pub(crate) fn signal_process(&self, name: &str, pid: u32) {
        let is_child = children(self.postmaster_pid()).contains(&pid);
        assert!(is_child, "{pid} is no process of this server");
        signal(name, &[pid]);
    }

    /// Makes the server read its files again. New sessions use them when this returns.
    pub(crate) async fn reload(&self) {
        let reloads = || self.log().matches("received SIGHUP").count();
        let before = reloads();
        signal("HUP", &[self.postmaster_pid()]);
        eventually(RELOAD_LIMIT, "the server reloads", async || {
            (reloads() > before).then_some(())
        })
        .await;
    }

    pub(super) fn launch_on_free_port(&mut self) {
        for _ in 0..PORT_ATTEMPTS {
            self.port = free_port();
            self.append_conf(&[("port", &self.port.to_string())]);
            match self.launch() {
                Ok(()) => return,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("the server did not start:\n{log}"),
            }
        }
        panic!("no port stayed free long enough");
    }

    /// Starts the server and waits until it is ready, or returns what it logged.
    fn launch(&mut self) -> Result<(), String> {
        let data = self.data_dir();
        let log_start = self.log().len();
        let log = self.log_file();
        let mut server = self
            .command()
            .envs(self.env.iter().cloned())
            .arg("-D")
            .arg(&data)
            .stdout(log.try_clone().expect("a file handle can be cloned"))
            .stderr(log)
            .spawn()
            .expect("postgres can be run");
        let ready = poll_blocking(START_LIMIT, || match server.try_wait() {
            Ok(None) => is_ready(&data, server.id()).then_some(true),
            Ok(Some(_)) | Err(_) => Some(false),
        });
        // Stored in any case, so that the drop ends it.
        let server = self.server.insert(server);
        if ready == Some(true) {
            return Ok(());
        }
        end(server);
        self.server = None;
        Err(self.log().split_off(log_start))
    }

    fn command(&self) -> Command {
        let (postgres, folder) = (binaries::folder().join("postgres"), self.root.path());
        match &self.mount {
            None => server_command(&postgres, folder),
            Some(mount) => mounted_command(mount, &postgres, folder),
        }
    }

    fn log_file(&self) -> File {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log can be written")
    }
}

/// postmaster.pid has the status of the postmaster; the pid shows that it is not the file of an earlier one.
fn is_ready(data: &Path, pid: u32) -> bool {
    let Ok(pid_file) = fs::read_to_string(data.join("postmaster.pid")) else {
        return false;
    };
    let mut lines = pid_file.lines().map(str::trim);
    lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
}

fn freeze_all(pids: &[u32]) {
    signal("STOP", pids);
    let frozen = poll_blocking(FREEZE_LIMIT, || {
        pids.iter().all(|pid| is_stopped(*pid)).then_some(())
    });
    assert!(frozen.is_some(), "processes {pids:?} did not freeze");
}

fn ends_within(limit: Duration, server: &mut Child) -> bool {
    // An error means that the process has ended.
    poll_blocking(limit, || match server.try_wait() {
        Ok(None) => None,
        Ok(Some(_)) | Err(_) => Some(()),
    })
    .is_some()
}

/// Ends a server in any case: cleanly if that works, so that no shared memory remains.
fn end(server: &mut Child) {
    signal("QUIT", &[server.id()]);
    if ends_within(DROP_LIMIT, server) {
        return;
    }
    let mut pids = children(server.id());
    pids.push(server.id());
    signal("KILL", &pids);
    ends_within(DROP_LIMIT, server);
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.thaw();
        if let Some(server) = &mut self.server {
            end(server);
        }
    }
}
