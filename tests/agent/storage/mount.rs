//! Mounts that only one process and its children see. Mounting needs root.

use std::path::Path;
use std::process::{Command, Stdio};

/// A command for [`crate::support::AgentSpec::through`]: runs the script in a mount namespace of its own, then the agent.
pub(crate) fn after(script: &str) -> [String; 6] {
    let script = format!("{script} && exec \"$@\"");
    let words = ["unshare", "--mount", "sh", "-c", &script, "sh"];
    words.map(str::to_owned)
}

/// Mounts a file system in memory there.
pub(crate) fn tmpfs(folder: &Path, megabytes: u32) -> String {
    let folder = folder.display();
    format!("mount -t tmpfs -o size={megabytes}m none '{folder}'")
}

/// Mounts a file system there that answers nothing, as an NFS server that is dead: the process that executes the script keeps
/// /dev/fuse open, and nobody reads it.
pub(crate) fn hanging(folder: &Path) -> String {
    let (folder, options) = (
        folder.display(),
        "fd=3,rootmode=40000,user_id=0,group_id=0,allow_other",
    );
    format!("exec 3<>/dev/fuse && mount -i -t fuse -o {options} none '{folder}'")
}

/// Makes an overlay the root directory, as the image of a container is. The devices stay what they are.
pub(crate) fn overlay_root() -> String {
    let steps = [
        "mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work /mnt/root",
        "mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work none /mnt/root",
        "mount --rbind /dev /mnt/root/dev && mount --bind /proc /mnt/root/proc",
        "set -- chroot /mnt/root \"$@\"",
    ];
    steps.join(" && ")
}

/// Whether the script can be run.
pub(crate) fn is_permitted(script: &str) -> bool {
    let [program, args @ ..] = after(script);
    let status = Command::new(program)
        .args(args)
        .arg("true")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Runs a command among the mounts of a process. Returns what it prints, or panics.
pub(crate) fn among_mounts_of(pid: u32, command: &[&str]) -> String {
    let output = Command::new("nsenter")
        .arg(format!("--mount=/proc/{pid}/ns/mnt"))
        .args(command)
        .stdin(Stdio::null())
        .output()
        .expect("nsenter can be run");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
