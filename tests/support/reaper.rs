//! A process per cluster that ends the server and removes its files if the tests are killed.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::wait::poll_blocking;

/// Waits until the pipe from the tests closes, which happens however they end. A server that a test has stopped has no
/// postmaster.pid.
const SCRIPT: &str = r#"
cat >/dev/null
pidfile="$0/data/postmaster.pid"
if pid=$(head -n 1 "$pidfile" 2>/dev/null) && [ -n "$pid" ]; then
  kill -s QUIT "$pid"; kill -s CONT "$pid"
  tries=0
  while [ -f "$pidfile" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  [ -f "$pidfile" ] && kill -s KILL "$pid"
fi
rm -rf "$0"
"#;

/// Also ends a cluster in a `static`, which is never dropped.
pub(crate) struct Reaper(Child);

impl Reaper {
    pub(crate) fn watch(root: &Path) -> Self {
        let child = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(root)
            .current_dir("/")
            .stdin(Stdio::piped())
            // With the output of the tests held open, a pipeline that reads it would not end.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C in the terminal must not reach it.
            .process_group(0)
            .spawn()
            .expect("sh can be run");
        Self(child)
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let ended = poll_blocking(Duration::from_secs(15), || self.0.try_wait().ok().flatten());
        if ended.is_none() {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}
