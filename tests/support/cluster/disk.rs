//! A server with a small disk: a file system that only the server's processes see. Mounting needs root.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::process::{clean, give_to_server, server_account};
use super::Cluster;

impl Cluster {
    /// Starts a server whose tablespace `small` has this many megabytes. `None` if mounting is not permitted.
    pub(crate) async fn start_with_small_disk(megabytes: u32) -> Option<Self> {
        let probe = Command::new("unshare")
            .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
            .stderr(Stdio::null())
            .status();
        let (uid, gid) = server_account()?;
        if !probe.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut cluster = Self::prepare(&[]);
        let folder = cluster.root.path().join("small");
        fs::create_dir(&folder).expect("the folder is new");
        give_to_server(&folder);
        let shown = folder.display();
        cluster.mount = Some(format!(
            "mount -t tmpfs -o size={megabytes}m,uid={uid},gid={gid} none '{shown}'"
        ));
        cluster.launch_on_free_port();
        cluster
            .sql(&format!("CREATE TABLESPACE small LOCATION '{shown}'"))
            .await;
        Some(cluster)
    }
}

/// Mounts in a new namespace, then executes the server under the server's account.
pub(super) fn mounted_command(mount: &str, program: &Path, cwd: &Path) -> Command {
    let (uid, gid) = server_account().expect("only root mounts");
    let script =
        format!("{mount} && exec setpriv --reuid={uid} --regid={gid} --clear-groups \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(program);
    clean(&mut command, cwd);
    command
}
