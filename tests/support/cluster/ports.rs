//! Chooses TCP ports for clusters and other programs.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the kernel's ephemeral range, so that no outgoing connection and no listener on port 0 takes the port of a
/// cluster while a test has stopped it.
const LOWEST: u32 = 12_000;
const COUNT: u32 = 20_000;

pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Concurrent test processes start far apart.
    let start = std::process::id().wrapping_mul(7_919);
    (0..COUNT)
        .map(|_| TAKEN.fetch_add(1, Ordering::Relaxed))
        .map(|taken| LOWEST + start.wrapping_add(taken) % COUNT)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("one of so many ports is free")
}
