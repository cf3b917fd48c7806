//! `pgcommons_server_info`: the labels of a server, for joins with the metrics of a provider. They do not depend on whether it is up.

use crate::metrics::series::{Metric, gauge};

pub(super) const METRICS: &[Metric] = &[gauge(
    "pgcommons_server_info",
    &[],
    "Always 1, with the labels configured for the server (servers.NAME.labels), for joins with the metrics of a provider. Never absent.",
    |server, series| series.put_with([], &server.attached.labels, 1),
)];
