//! The listener with `--web.config.file`: authentication, TLS, and changes of the file.

mod bad;
mod flood;
mod reload;
mod tls;
mod users;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{Agent, AgentSpec};

/// Nothing listens there: these tests need no server that is up.
const NOWHERE: &[(&str, &str)] = &[("DATABASE_URL", "postgres://127.0.0.1:1")];
const TLS: &str = "cert_file: web.crt, key_file: web.key";

async fn agent_with(web: &str) -> Agent {
    Agent::start(AgentSpec {
        args: &["--web.config.file", web],
        env: NOWHERE,
        ..AgentSpec::default()
    })
    .await
}

fn hash(password: &str) -> String {
    hash_of_cost(password, 4)
}

fn hash_of_cost(password: &str, cost: u32) -> String {
    bcrypt::hash(password, cost).expect("a hash")
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
