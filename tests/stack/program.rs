//! Finds other programs and starts each on its own port. Dropping the handle kills the program.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::{eventually, exchange_async};

const START_LIMIT: Duration = Duration::from_secs(30);
const UNPACKED: &str = "target/tools";

/// The path of a program with one of these names: unpacked by `scripts/need`, or on `PATH`.
pub(crate) fn find(names: &[&str]) -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join(UNPACKED);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(unpacked)
        .chain(std::env::split_paths(&path))
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("none of {names:?} is here; `scripts/need {}`", names[0]))
}

/// A running program. Dropping it kills the process.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Program {
    /// Starts the program that `command` builds for a port and this folder, and waits until it is ready.
    pub(crate) async fn start(
        folder: TempDir,
        port: u16,
        command: impl FnOnce(SocketAddr, &Path) -> Command,
    ) -> Self {
        Self::start_with_health(folder, port, "/-/ready", command).await
    }

    /// The same for a program that is ready when this path is answered with 200.
    pub(crate) async fn start_with_health(
        folder: TempDir,
        port: u16,
        path: &str,
        command: impl FnOnce(SocketAddr, &Path) -> Command,
    ) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let log = File::create(folder.path().join("log")).expect("a log can be made");
        let child = command(address, folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle can be cloned"))
            .stderr(log)
            .spawn()
            .expect("the program can be run");
        let mut program = Self {
            child,
            address,
            folder,
        };
        eventually(START_LIMIT, "the program gets ready", async || {
            let ended = program.child.try_wait().ok().flatten();
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", program.log());
            let reply = exchange_async(address, "GET", path, &[]).await;
            (reply.ok()?.status == 200).then_some(())
        })
        .await;
        program
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
