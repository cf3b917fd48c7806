//! Who uses the server: what the sessions of each database do, and what they wait for.

use crate::support::{Scrape, TestSession};

mod blocking;
mod check;
mod classes;
mod memory;
mod oldest;
mod overflow;
mod statements;

fn active(page: &Scrape, datname: &str, wait: &str) -> Option<f64> {
    page.value(
        "pgcommons_database_active_seconds_total",
        &[("datname", datname), ("wait", wait)],
    )
}

fn active_of_server(page: &Scrape) -> f64 {
    page.sum("pgcommons_server_active_seconds_total", &[])
}

/// Starts a statement that goes on until the server stops or ends the session.
fn run(session: TestSession, sql: &'static str) {
    tokio::spawn(async move { drop(session.batch_execute(sql).await) });
}

/// Uses a CPU for as long as the session exists.
const BUSY: &str = "DO $$ BEGIN LOOP END LOOP; END $$";
