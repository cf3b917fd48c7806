//! Standard output. What is printed arrives, or the caller gets an error: an exit code of 0 with nothing said would be a lie.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{OFlags, fcntl_getfl, fstat};

/// Prints all of it.
pub(crate) fn print(text: &str) -> io::Result<()> {
    if !is_open() {
        return Err(io::Error::other(
            "it is closed (or is /dev/null opened for reading and writing, which looks the same)",
        ));
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether the process was started with a standard output.
///
/// Rust opens `/dev/null` for reading and writing in the place of a standard stream that is closed, before `main`, so every
/// write succeeds. A shell's `>/dev/null` and systemd's `StandardOutput=null` open it for writing only and are told apart. A
/// caller that opens it for both (`<>/dev/null`, `daemon(3)`, Python's `subprocess.DEVNULL`, Node's `ignore`) is taken for
/// one that has closed it: nothing shows the difference.
#[must_use]
pub fn is_open() -> bool {
    let out = io::stdout();
    let is_null = fs::metadata("/dev/null")
        .is_ok_and(|null| fstat(&out).is_ok_and(|out| out.st_rdev == null.rdev()));
    !is_null || fcntl_getfl(&out).is_ok_and(|flags| !flags.contains(OFlags::RDWR))
}
