//! `pgcommons top`: the status in a terminal, again and again, for a session over SSH. It polls by itself, with the pollers of the
//! agent: so it works where no agent runs, needs no client for HTTP, TLS and passwords, and reads the configuration as `check`
//! does. It has one connection per server.

mod frame;

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, interval};

use super::cli::TopArgs;
use crate::clock::wall_clock;
use crate::collect::Supervisor;
use crate::config::Config;
use crate::scrapes::ScrapeLog;
use crate::state::{Published, Reload};
use crate::status::Status;
use crate::timeline::Timelines;

/// The alternate screen, without a cursor; long lines are cut off.
const BEGIN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const END: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// A terminal that does not know its size is taken for one of this many lines.
const LINES: u16 = 24;

/// Runs until SIGINT or SIGTERM.
pub(super) async fn run(args: &TopArgs, config: Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        io::stdout().is_terminal(),
        "standard output is not a terminal; pgcommons check prints once"
    );
    let mut interrupt = signal(SignalKind::interrupt()).context("installing signal handlers")?;
    let mut terminate = signal(SignalKind::terminate()).context("installing signal handlers")?;
    let mut resized = signal(SignalKind::window_change()).context("installing signal handlers")?;
    let reload = Reload {
        successful: true,
        last_success: wall_clock(),
    };
    let scrapes = ScrapeLog::default(); // there are none
    let (mut supervisor, state) = Supervisor::new(reload, scrapes.subscribe());
    supervisor.apply(config.servers, reload);
    let _screen = Screen::begin().context("writing to the terminal")?;
    let mut ticks = interval(args.interval);
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            error = supervisor.failure() => return Err(error).context("a poller ended unexpectedly"),
            _ = resized.recv() => {}
            _ = ticks.tick() => {}
        }
        show(&state).context("writing to the terminal")?;
    }
    Ok(())
}

/// The terminal, which is as before when this is dropped.
struct Screen;

impl Screen {
    fn begin() -> io::Result<Self> {
        let screen = Self;
        write(BEGIN)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(write(END));
    }
}

fn show(state: &Published) -> io::Result<()> {
    let state = state.borrow().clone().as_of(Instant::now());
    let status = Status::of(&state, &Timelines::default(), &[], wall_clock());
    write(&frame::frame(&status, lines()))
}

fn lines() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout());
    let lines = size.map_or(0, |size| size.ws_row);
    usize::from(if lines == 0 { LINES } else { lines })
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
