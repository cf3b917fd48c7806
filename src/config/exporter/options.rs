//! The flags of `postgres_exporter`, and what each does here.

/// What an option does here.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// It sets this key.
    Sets([&'static str; 2]),
    /// The agent always does what it asks for.
    Always,
    /// None. What to do instead.
    Nothing(&'static str),
}
use Effect::{Always, Nothing, Sets};

/// A flag without its dashes; the variable of `web.telemetry-path` is `PG_EXPORTER_WEB_TELEMETRY_PATH`.
pub(super) struct ExporterOption {
    pub(super) flag: &'static str,
    takes_value: bool,
    pub(super) effect: Effect,
}

const fn text(flag: &'static str, effect: Effect) -> ExporterOption {
    let takes_value = true;
    ExporterOption {
        flag,
        takes_value,
        effect,
    }
}

const fn switch(flag: &'static str, effect: Effect) -> ExporterOption {
    let takes_value = false;
    ExporterOption {
        flag,
        takes_value,
        effect,
    }
}

const NO_QUERIES: &str = "no file of queries: the agent sends only its own";
const NO_STATEMENTS: &str = "it left out: there are no series of single statements";

pub(super) const OPTIONS: [ExporterOption; 21] = [
    text("web.listen-address", Sets(["web", "listen_address"])),
    text("web.telemetry-path", Sets(["web", "telemetry_path"])),
    text("exclude-databases", Sets(["databases", "exclude"])),
    text("include-databases", Nothing("databases.include")),
    switch("auto-discover-databases", Always),
    switch(
        "disable-default-metrics",
        Nothing("metric_relabel_configs of Prometheus, to drop series"),
    ),
    switch(
        "disable-settings-metrics",
        Nothing("metric_relabel_configs of Prometheus, to drop series"),
    ),
    switch(
        "dumpmaps",
        Nothing("docs/metrics.md, which lists all series"),
    ),
    switch(
        "wrap-large-counters",
        Nothing("it left out: counters are as PostgreSQL counts them"),
    ),
    switch("web.systemd-socket", Nothing("web.listen_address")),
    text(
        "constantLabels",
        Nothing("labels of the target in Prometheus"),
    ),
    text("extend.query-path", Nothing(NO_QUERIES)),
    text(
        "metric-prefix",
        Nothing("metric_relabel_configs of Prometheus, to rename series"),
    ),
    text("collection-timeout", Nothing("poll.timeout")),
    text("scrape-timeout", Nothing("poll.timeout")),
    text(
        "collector.long_running_transactions.threshold",
        Nothing("it left out: all open transactions count"),
    ),
    switch(
        "collector.stat_statements.include_query",
        Nothing(NO_STATEMENTS),
    ),
    text(
        "collector.stat_statements.query_length",
        Nothing(NO_STATEMENTS),
    ),
    text("collector.stat_statements.limit", Nothing(NO_STATEMENTS)),
    text(
        "collector.stat_statements.exclude_databases",
        Nothing(NO_STATEMENTS),
    ),
    text(
        "collector.stat_statements.exclude_users",
        Nothing(NO_STATEMENTS),
    ),
];

/// The collectors whose series the agent always has.
const COLLECTORS: [&str; 16] = [
    "archiver",
    "database",
    "database_wraparound",
    "locks",
    "long_running_transactions",
    "postmaster",
    "replication",
    "replication_slot",
    "replication_slots",
    "roles",
    "stat_activity",
    "stat_archiver",
    "stat_bgwriter",
    "stat_checkpointer",
    "stat_database",
    "wal",
];

/// Whether a flag takes a value, and what it does. None: the exporter has no such flag.
pub(super) fn known(flag: &str) -> Option<(bool, Effect)> {
    let flag = flag.strip_prefix("--")?;
    let (positive, name) = match flag.strip_prefix("no-") {
        Some(name) => (false, name),
        None => (true, flag),
    };
    if let Some(option) = OPTIONS.iter().find(|option| option.flag == name) {
        return (positive || !option.takes_value)
            .then_some((option.takes_value, off(positive, option.effect)));
    }
    let collector = name.strip_prefix("collector.")?;
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    if collector.is_empty() || !collector.chars().all(is_name) {
        return None;
    }
    let effect = match (COLLECTORS.contains(&collector), positive) {
        (true, true) | (false, false) => Always,
        (true, false) => Nothing("metric_relabel_configs of Prometheus, to drop series"),
        (false, true) => Nothing("it left out: the agent does not have these series"),
    };
    Some((false, effect))
}

/// The effect of `--no-FLAG`: what has no effect need not be switched off.
fn off(positive: bool, effect: Effect) -> Effect {
    match (positive, effect) {
        (false, Nothing(_)) => Always,
        (false, Always) => {
            Nothing("it left out: the agent shows every database that is not excluded")
        }
        (_, effect) => effect,
    }
}
