//! Files of `/proc/PID`, as proc(5) describes them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::param::{clock_ticks_per_second, page_size};

use super::HostError;
use crate::sample::{PageCounts, ProcessId};

/// Longer than `stat` ever is: 52 numbers and a name of at most 64 bytes.
const STAT_LENGTH: usize = 2048;

/// A part of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stat {
    pub(super) id: ProcessId,
    pub(super) parent: i32,
    /// CPU seconds of the process itself: user and system.
    pub(super) own_seconds: f64,
    /// The same of its children that ended and that it waited for.
    pub(super) ended_seconds: f64,
    pub(super) pages: PageCounts,
}

impl Stat {
    pub(super) fn read(pid: i32) -> Result<Self, HostError> {
        let path = || PathBuf::from(format!("/proc/{pid}/stat"));
        let mut buffer = [0; STAT_LENGTH];
        let text = read_small(pid, "stat", &mut buffer).map_err(|source| {
            if has_ended(&source) {
                return HostError::NotVisible { pid };
            }
            let path = path();
            HostError::Unreadable { path, source }
        })?;
        Self::parse(pid, text).ok_or_else(|| HostError::Malformed { path: path() })
    }

    /// The name of the program may contain spaces and parentheses, so fields are counted from the last parenthesis.
    fn parse(pid: i32, text: &[u8]) -> Option<Self> {
        let end = text.iter().rposition(|byte| *byte == b')')?;
        let text = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let fields: Vec<&str> = text.split_ascii_whitespace().take(22).collect();
        // The numbers of proc(5); the first after the name is 3.
        let field = |number: usize| fields.get(number - 3).copied();
        let number = |number| field(number)?.parse::<u64>().ok();
        let ticks = |number| field(number)?.parse::<i64>().ok();
        let seconds = |ticks: i64| ticks.max(0) as f64 / clock_ticks_per_second() as f64;
        Some(Self {
            id: ProcessId {
                pid,
                start: field(22)?.parse().ok()?,
            },
            parent: field(4)?.parse().ok()?,
            own_seconds: seconds(ticks(14)?) + seconds(ticks(15)?),
            ended_seconds: seconds(ticks(16)?) + seconds(ticks(17)?),
            pages: PageCounts {
                faults: number(10)?.saturating_add(number(12)?),
                resident: number(24)?,
            },
        })
    }
}

/// Resident bytes that are neither of a file nor of shared memory: `resident` less `shared` of `/proc/PID/statm`. 0 of a process
/// that has ended.
pub(super) fn private_bytes(pid: i32) -> Option<u64> {
    let mut buffer = [0; 256];
    let text = match read_small(pid, "statm", &mut buffer) {
        Ok(text) => text,
        Err(error) if has_ended(&error) => return Some(0),
        Err(_) => return None,
    };
    let mut pages = std::str::from_utf8(text).ok()?.split_ascii_whitespace();
    let mut pages = || pages.next()?.parse::<u64>().ok();
    let (_size, resident, shared) = (pages()?, pages()?, pages()?);
    let page = u64::try_from(page_size()).ok()?;
    Some(resident.saturating_sub(shared).saturating_mul(page))
}

/// The second error: the process ended after the file was opened.
fn has_ended(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::NOENT | Errno::SRCH))
}

fn read_small<'a>(pid: i32, name: &str, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut file = File::open(format!("/proc/{pid}/{name}"))?;
    let length = file.read(buffer)?;
    Ok(&buffer[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &[u8] = b"7 (post) gr) es) S 3 7 7 0 -1 4194624 1 2 3 4 150 50 300 100 20 0 1 0 4242 1000 20 18446744073709551615 1";

    #[test]
    fn fields_are_counted_after_a_hostile_name() {
        let stat = Stat::parse(7, STAT).expect("valid");
        assert_eq!(
            stat.id,
            ProcessId {
                pid: 7,
                start: 4242
            }
        );
        assert_eq!(stat.parent, 3);
        let (faults, resident) = (1 + 3, 20);
        assert_eq!(stat.pages, PageCounts { faults, resident });
        let ticks = clock_ticks_per_second() as f64;
        assert!((stat.own_seconds - 200.0 / ticks).abs() < 1e-9, "{stat:?}");
        assert!(
            (stat.ended_seconds - 400.0 / ticks).abs() < 1e-9,
            "{stat:?}"
        );
    }

    #[test]
    fn what_is_not_complete_is_no_figure() {
        for end in 0..STAT.len() - 25 {
            assert_eq!(Stat::parse(7, &STAT[..end]), None, "{end}");
        }
        for text in [&b"7 postgres S 3"[..], b"7 (a) S x 7", b")", b"\xff)\xff"] {
            assert_eq!(Stat::parse(7, text), None);
        }
    }

    #[test]
    fn the_own_process_is_readable_and_a_missing_one_is_not_visible() {
        let pid = i32::try_from(std::process::id()).expect("small");
        let stat = Stat::read(pid).expect("readable");
        assert_eq!(stat.id.pid, pid);
        assert!(stat.id.start > 0 && stat.parent > 0);
        assert!(private_bytes(pid).is_some_and(|bytes| bytes > 100_000));
        let error = Stat::read(i32::MAX).expect_err("no such process");
        assert!(matches!(error, HostError::NotVisible { .. }), "{error}");
        assert_eq!(private_bytes(i32::MAX), Some(0));
    }
}
