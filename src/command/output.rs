//! Standard output. A text is written completely, or the caller gets an error: an exit code of 0 without output would be
//! wrong.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{OFlags, fcntl_getfl, fstat};

/// Writes the whole text and flushes it.
pub(crate) fn print(text: &str) -> io::Result<()> {
    if !is_open() {
        return Err(io::Error::other(
            "it is closed (or it is /dev/null, opened for reading and writing)",
        ));
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether standard output was open when the process started.
///
/// If a standard stream is closed, Rust opens `/dev/null` for reading and writing in its place before `main`, so every write
/// succeeds. A shell's `>/dev/null` and systemd's `StandardOutput=null` open it for writing only, which this function detects.
/// It cannot detect a caller that opens it for both (`<>/dev/null`, `daemon(3)`, Python's `subprocess.DEVNULL`, Node's
/// `ignore`): that counts as closed.
#[must_use]
pub fn is_open() -> bool {
    let out = io::stdout();
    let is_null = fs::metadata("/dev/null")
        .is_ok_and(|null| fstat(&out).is_ok_and(|out| out.st_rdev == null.rdev()));
    !is_null || fcntl_getfl(&out).is_ok_and(|flags| !flags.contains(OFlags::RDWR))
}
