//! What the admin console of `PgBouncer` shows. Columns are read by name, because they differ by version; a column that a
//! version lacks is None. Verified with 1.18 and 1.26.

use std::collections::BTreeMap;

/// A numeric column of `SHOW POOLS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolFigure {
    ClientsActive,
    ClientsWaiting,
    ClientsActiveCancel,
    ClientsWaitingCancel,
    ServersActive,
    ServersActiveCancel,
    ServersBeingCancelled,
    ServersIdle,
    ServersUsed,
    ServersTested,
    ServersLogin,
    /// Seconds that the oldest client has waited.
    MaxWait,
}

impl PoolFigure {
    pub(crate) const COUNT: usize = 12;
    /// The column of each figure, in the order of the enum.
    pub(crate) const COLUMNS: [&'static [&'static str]; Self::COUNT] = [
        &["cl_active"],
        &["cl_waiting"],
        &["cl_active_cancel_req"],
        &["cl_waiting_cancel_req"],
        &["sv_active"],
        &["sv_active_cancel"],
        &["sv_being_canceled"],
        &["sv_idle"],
        &["sv_used"],
        &["sv_tested"],
        &["sv_login"],
        &["maxwait"],
    ];
}

/// A numeric column of `SHOW DATABASES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AliasFigure {
    PoolSize,
    ReservePool,
    MaxConnections,
    CurrentConnections,
    Paused,
    Disabled,
}

impl AliasFigure {
    pub(crate) const COUNT: usize = 6;
    pub(crate) const COLUMNS: [&'static [&'static str]; Self::COUNT] = [
        &["pool_size"],
        &["reserve_pool_size", "reserve_pool"],
        &["max_connections"],
        &["current_connections"],
        &["paused"],
        &["disabled"],
    ];
}

/// A numeric column of `SHOW STATS_TOTALS`. Times are in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TotalFigure {
    Transactions,
    Queries,
    BytesReceived,
    BytesSent,
    TransactionTime,
    QueryTime,
    WaitTime,
    ServerAssignments,
    ClientParses,
    ServerParses,
    Binds,
}

impl TotalFigure {
    pub(crate) const COUNT: usize = 11;
    pub(crate) const COLUMNS: [&'static [&'static str]; Self::COUNT] = [
        &["xact_count"],
        &["query_count"],
        &["bytes_received"],
        &["bytes_sent"],
        &["xact_time"],
        &["query_time"],
        &["wait_time"],
        &["server_assignment_count"],
        &["client_parse_count"],
        &["server_parse_count"],
        &["bind_count"],
    ];
}

/// A row of `SHOW POOLS`: the connections of one user to one entry of `[databases]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool {
    /// The name in `[databases]`, not the database of PostgreSQL.
    pub(crate) alias: String,
    pub(crate) user: String,
    pub(crate) figures: [Option<i64>; PoolFigure::COUNT],
}

impl Pool {
    pub(crate) fn figure(&self, figure: PoolFigure) -> Option<i64> {
        self.figures[figure as usize]
    }

    /// Clients that wait for a server connection. None: the console has no such column.
    pub(crate) fn waiting(&self) -> Option<u32> {
        self.figure(PoolFigure::ClientsWaiting).map(count)
    }
}

/// A number of clients or connections.
pub(crate) fn count(figure: i64) -> u32 {
    u32::try_from(figure.max(0)).unwrap_or(u32::MAX)
}

/// A row of `SHOW DATABASES`: an entry of `[databases]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alias {
    pub(crate) name: String,
    /// Empty: a Unix socket.
    pub(crate) host: String,
    pub(crate) port: String,
    /// The database of PostgreSQL.
    pub(crate) datname: String,
    /// Empty: each client's own user.
    pub(crate) force_user: String,
    pub(crate) pool_mode: String,
    pub(crate) figures: [Option<i64>; AliasFigure::COUNT],
}

impl Alias {
    pub(crate) fn figure(&self, figure: AliasFigure) -> Option<i64> {
        self.figures[figure as usize]
    }
}

/// A row of `SHOW USERS` with limits of its own (1.24+).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PoolerUser {
    pub(crate) name: String,
    /// None: that of the entry of `[databases]`.
    pub(crate) pool_size: Option<i64>,
    pub(crate) reserve_pool: Option<i64>,
    /// None, and 0: no limit.
    pub(crate) max_connections: Option<i64>,
}

/// A row of `SHOW STATS_TOTALS`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AliasTotals {
    pub(crate) alias: String,
    pub(crate) figures: [Option<i64>; TotalFigure::COUNT],
}

/// With more clients they are not read: each is a row.
pub(crate) const MOST_CLIENTS: i64 = 2_000;

/// What changes seldom, and the counters. An empty list: the console does not know the command.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PoolerSettings {
    /// For example `PgBouncer 1.18.0`; empty: unknown.
    pub(crate) version: String,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) users: Vec<PoolerUser>,
    pub(crate) totals: Vec<AliasTotals>,
    /// Clients by database, user, application and state. None: there are more than [`MOST_CLIENTS`], or the console does not tell.
    pub(crate) clients: Option<BTreeMap<[String; 4], u32>>,
    /// `SHOW LISTS`: item and count.
    pub(crate) lists: Vec<(String, i64)>,
    /// `max_client_conn`
    pub(crate) max_clients: Option<i64>,
    /// `max_user_connections`; 0: no limit.
    pub(crate) max_user_connections: Option<i64>,
}

impl PoolerSettings {
    /// The count of an item of `SHOW LISTS`.
    pub(crate) fn count_of(&self, item: &str) -> Option<i64> {
        let mut lists = self.lists.iter();
        lists
            .find(|(name, _)| name == item)
            .map(|(_, count)| *count)
    }
}

/// What one poll brought.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PoolerAnswer {
    pub(crate) pools: Vec<Pool>,
    /// None: it was not due.
    pub(crate) settings: Option<PoolerSettings>,
}
