//! The queries, in `PromQL`. Two Prometheus servers may scrape one agent, and an agent may get another address, so every series is aggregated
//! by what it is about.

/// Counts as load: what uses the machine. As in the rules.
const LOAD: &str = "cpu|io|lwlock";
const WAITING: &str = "io|lwlock";

/// Seconds. Windows of these lengths, one after the other, have no value in common.
pub(super) fn window(seconds: u32) -> String {
    format!("{}ms", u64::from(seconds) * 1000 - 1)
}

/// How many samples each hour has, by server: of the agent, and of the recorded rules.
pub(super) fn samples(metric: &str) -> String {
    format!(
        "max by (server) (count_over_time({metric}{{server!=\"\"}}[{}]))",
        window(3600)
    )
}

pub(super) const SERVER_PEAK: &str = "pgcommons_server_connections_peak";
pub(super) const DATABASE_PEAK: &str = "pgcommons_database_connections_peak";
pub(super) const RECORDED_DATABASE_PEAK: &str = "pgcommons:database_connections:peak_5m";

/// The queries about one server.
pub(super) struct OfServer<'a> {
    /// As a string in `PromQL`.
    pub(super) server: String,
    /// Whether the rules have recorded the whole window.
    pub(super) is_recorded: bool,
    /// For a server without figures of its own, those of its databases are used.
    pub(super) peak: &'a str,
    /// The days of the window.
    pub(super) days: u32,
    /// Seconds: how old a value may be that is the present one.
    pub(super) lookback: u32,
    /// Seconds: over how long the load is averaged.
    pub(super) load_step: u32,
}

impl<'a> OfServer<'a> {
    pub(super) fn new(server: &str, peak: &'a str) -> Self {
        // PromQL has the escapes of JSON, and more.
        let server = serde_json::Value::from(server).to_string();
        Self {
            server,
            is_recorded: false,
            peak,
            days: 0,
            lookback: 0,
            load_step: 0,
        }
    }

    fn series(&self, metric: &str, matchers: &[&str]) -> String {
        let server = format!("server={}", self.server);
        let all: Vec<_> = std::iter::once(&*server)
            .chain(matchers.iter().copied())
            .collect();
        format!("{metric}{{{}}}", all.join(", "))
    }

    /// The value that the series have now, or had a short time ago.
    pub(super) fn last(&self, by: &str, metric: &str, matchers: &[&str]) -> String {
        let series = self.series(metric, matchers);
        format!(
            "max by ({by}) (last_over_time({series}[{}s]))",
            self.lookback
        )
    }

    /// The least such value.
    pub(super) fn least(&self, by: &str, metric: &str, matchers: &[&str]) -> String {
        let series = self.series(metric, matchers);
        format!(
            "min by ({by}) (last_over_time({series}[{}s]))",
            self.lookback
        )
    }

    /// How much a counter grew in the window.
    pub(super) fn grown(&self, metric: &str, matchers: &[&str]) -> String {
        let series = self.series(metric, matchers);
        format!("max by (datname) (increase({series}[{}d]))", self.days)
    }

    /// The same of a counter of `pg_stat_database`, which has a series for each OID of a name.
    pub(super) fn grown_by_oid(&self, metric: &str, matchers: &[&str]) -> String {
        let series = self.series(metric, matchers);
        format!(
            "sum by (datname) (max by (datid, datname) (increase({series}[{}d])))",
            self.days
        )
    }

    /// The most connections of the server in each step.
    pub(super) fn server_peaks(&self, step: u32) -> String {
        let most = format!(
            "max_over_time({}[{}])",
            self.series(self.peak, &[]),
            window(step)
        );
        if self.peak == SERVER_PEAK {
            format!("max by (server) ({most})")
        } else {
            format!("sum by (server) (max by (server, datname) ({most}))")
        }
    }

    /// How many parts of each hour have a sample.
    pub(super) fn known_parts(&self, part: u32) -> String {
        let present = format!(
            "present_over_time({}[{part}s])",
            self.series(self.peak, &[])
        );
        format!(
            "count_over_time((max by (server) ({present}))[{}:{part}s])",
            window(3600)
        )
    }

    /// The most connections of each database in each hour.
    pub(super) fn database_peaks(&self) -> String {
        let metric = if self.is_recorded {
            RECORDED_DATABASE_PEAK
        } else {
            DATABASE_PEAK
        };
        self.hourly("datname", "max", metric)
    }

    /// Which OID each name had in each hour.
    pub(super) fn oids(&self) -> String {
        let series = self.series("pg_stat_database_numbackends", &["datname!=\"\""]);
        format!(
            "max by (datid, datname) (count_over_time({series}[{}]))",
            window(3600)
        )
    }

    /// `function` is the start of the name of one over time: max, min, avg.
    pub(super) fn hourly(&self, by: &str, function: &str, metric: &str) -> String {
        let series = self.series(metric, &[]);
        format!(
            "max by ({by}) ({function}_over_time({series}[{}]))",
            window(3600)
        )
    }

    pub(super) fn sizes(&self, step: u32) -> String {
        let series = self.series("pg_database_size_bytes", &[]);
        format!(
            "max by (datname) (last_over_time({series}[{}]))",
            window(step)
        )
    }

    pub(super) fn agent_restarts(&self) -> String {
        let series = self.series("pgcommons_polls_total", &[]);
        format!("max by (server) (resets({series}[{}d]))", self.days)
    }

    /// The load of the server, or the part that waits.
    pub(super) fn server_load(&self, is_waiting: bool) -> String {
        self.load("server", "server", is_waiting)
    }

    /// The part of the time in which a process of the container waits for a CPU.
    pub(super) fn pressure(&self) -> String {
        let metric = "pgcommons_container_pressure_seconds_total";
        let series = self.series(metric, &["resource=\"cpu\"", "kind=\"some\""]);
        format!("max by (server) (rate({series}[{}s]))", self.load_step)
    }

    pub(super) fn database_load(&self, is_waiting: bool) -> String {
        self.load("database", "datname", is_waiting)
    }

    fn load(&self, of: &str, by: &str, is_waiting: bool) -> String {
        let (what, wait) = if is_waiting {
            ("waiting", WAITING)
        } else {
            ("sessions", LOAD)
        };
        if self.is_recorded {
            let series = self.series(&format!("pgcommons:{of}_load:{what}_5m"), &[]);
            return format!(
                "max by ({by}) (avg_over_time({series}[{}]))",
                window(self.load_step)
            );
        }
        let metric = format!("pgcommons_{of}_active_seconds_total");
        let series = self.series(&metric, &[&format!("wait=~\"{wait}\"")]);
        format!(
            "sum by ({by}) (max by ({by}, wait) (rate({series}[{}s])))",
            self.load_step
        )
    }
}
