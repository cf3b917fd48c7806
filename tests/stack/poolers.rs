//! A `PgBouncer` in front of the main server: a pool that is too small, one of a database at its limit, one that may open too much,
//! and nearly as many clients as it admits.

use std::time::Duration;

use crate::support::{Cluster, PgBouncer, PoolerClients, eventually};

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Poolers {
    edge: PgBouncer,
    _clients: PoolerClients,
}

impl Poolers {
    /// Must run before other sessions use up the limit of `shop`.
    pub(crate) async fn start(main: &Cluster) -> Self {
        let entries = [
            ("shop", "pool_size=1"),
            ("wiki", "pool_size=1"),
            ("bursts", ""),
        ];
        let entries = entries.map(|(name, more)| {
            let port = main.port();
            format!("{name} = host=127.0.0.1 port={port} {more}\n")
        });
        let settings = "stats_users = agent\nmax_client_conn = 6";
        let edge = PgBouncer::start(&entries.concat(), settings, &["shop", "wiki"]).await;
        let mut clients = PoolerClients::default();
        for (name, count) in [("shop", 2), ("wiki", 3)] {
            clients.add(&edge, count, name, name);
        }
        eventually(LIMIT, "clients wait", async || {
            let pools = edge.console("SHOW POOLS").await;
            let waits = pools
                .iter()
                .filter(|pool| pool["sv_active"] == "1" && pool["cl_waiting"] != "0");
            (waits.count() == 2).then_some(())
        })
        .await;
        Self {
            edge,
            _clients: clients,
        }
    }

    /// The key `poolers`: one that answers, and one that does not.
    pub(crate) fn configuration(&self) -> String {
        let port = self.edge.port();
        format!(
            "    poolers:\n      edge: {{host: 127.0.0.1, port: {port}, user: agent}}\n      \
             spare: {{host: 127.0.0.1, port: 1, user: agent}}\n"
        )
    }
}
