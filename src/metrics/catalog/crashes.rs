//! `pgcommons_server_*` about crashes: present while the server is down, too.

use crate::metrics::series::{Metric, counter, gauge};

pub(super) const METRICS: &[Metric] = &[
    counter(
        "pgcommons_server_crashes_total",
        &[],
        "Crashes that the agent saw since it started: a process of the server died, such as a backend that was killed, and \
         PostgreSQL ended all sessions. A restart or a failover is none. Without pg_monitor a crash may be missed.",
        |server, series| series.put([], server.crashes.total as f64),
    ),
    gauge(
        "pgcommons_server_last_crash_timestamp_seconds",
        &[],
        "Time of the last crash, since the epoch. On 15 and later also of a crash before the agent started, by the server's \
         clock, unless the server was restarted since. Absent if no crash is known.",
        |server, series| series.put_known([], server.crashes.last),
    ),
];
