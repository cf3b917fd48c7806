//! `servers.NAME` before validation. The doc comment of a key is its meaning in `docs/configuration.md`.

use std::collections::BTreeMap;

use config::Value;
use serde::Deserialize;

use super::super::backups::Directories;
use super::super::command::{Program, RawCommand};
use super::super::connection::{ADDRESS, BINDINGS, HOST, MODES};
use super::super::host::CGROUP;
use super::super::keys::{Content, Key, Table, path, plain};
use super::super::model::{ChannelBinding, SslMode};
#[cfg(test)]
use super::super::reference::{Row, Section};
use super::super::shapes::{Choice, Durations, Filled, List, Numbers, Secret, Size, Switch, Text};
use super::super::storage::VOLUME_PATH;
use super::{
    Block, HOUR, Leaf, MINUTE, MOST_CONNECTIONS, MS_100, RawBudget, RawDatabases, RawProbe,
    RawRoles, SECOND, table,
};

table!(
/// The capacity of the volume and what is measured of it. See [resources.md](resources.md).
RawStorage {
    /// The capacity, where the volume cannot be measured from here.
    size: Size();
    /// A directory on the volume of the data directory; it is measured with `statvfs`, as `df` does.
    path: Filled(VOLUME_PATH);
    /// How often each volume is measured.
    interval: Durations(SECOND..=HOUR) = "15s";
} {
    /// Further volumes by name, as in `{wal: /pgwal}`.
    volumes: Block<BTreeMap<String, Value>>;
});
table!(
/// One entry for each `PgBouncer` in front of the server; the name is the label `pooler` of its series. The keys of the connection are
/// as those of the server. No variable of libpq sets them. See [pgbouncer.md](pgbouncer.md).
RawPooler {
    /// The address of the pooler, or the directory of its Unix socket.
    host: Text(HOST);
    /// Connect to this address, and use `host` only to verify the certificate.
    hostaddr: Text(ADDRESS);
    /// The port.
    port: Numbers<u16>(1..=u16::MAX) = "6432";
    /// The user to log in as; one of `stats_users`.
    user: Filled("a name") = "pgcommons";
    /// The password. Better in a file.
    password: Secret("text in quotes");
    /// A file that contains only the password. Read at every connect.
    password_file: Filled("the path of a file");
    /// A file in the format of libpq's `~/.pgpass`.
    passfile: Filled("the path of a file");
    /// As in libpq.
    sslmode: Choice<SslMode>(&MODES) = "prefer";
    /// The CAs that the certificate of the pooler must be signed by, or `system`.
    sslrootcert: Filled("the path of a file");
    /// The certificate of the agent. Needs `sslkey`.
    sslcert: Filled("the path of a file");
    /// The key of `sslcert`, not encrypted.
    sslkey: Filled("the path of a file");
    /// How often its pools are read.
    interval: Durations(MS_100..=HOUR) = "1s";
    /// The `host`, or `host:port`, of the entries of `[databases]` that lead to this server. Needed if the pooler leads to several
    /// servers.
    server_hosts: List("[10.0.0.5, db1:5433]");
});
table!(
/// What the agent reads of the machine that PostgreSQL runs on, if both are on the same one. See [load.md](load.md). Beside `dsn` or
/// `hostaddr` the key `host` may have this table instead.
RawMachine {
    /// Read the CPU time and the private memory of each database from `/proc`. Needs the PID namespace of PostgreSQL.
    processes: Switch() = "false";
    /// Read the control group of PostgreSQL: its limits, memory, throttling and OOM kills. Needs its PID namespace, and a mount of the
    /// host's tree. `auto` looks in `/host/cgroup`, `/host/sys/fs/cgroup` and `/sys/fs/cgroup`. Without the key it is not read.
    cgroup: Filled(CGROUP);
} {});
table!(
/// One entry for each server. The name is the label `server` of its series. Without any entry the agent monitors the server of
/// `DATABASE_URL`, or of libpq's variables. Those also set the keys that an entry leaves out.
RawServer {
    /// The connection string, instead of the keys below. A key beside it overrides its part.
    dsn: Secret("a postgres:// URL, or key=value pairs");
    /// The server. Needed, unless `dsn`, `hostaddr` or a variable has it.
    host: Text(HOST);
    /// Connect to this address, and use `host` only to verify the certificate.
    hostaddr: Text(ADDRESS);
    /// The port.
    port: Numbers<u16>(1..=u16::MAX) = "5432";
    /// The role to log in as.
    user: Filled("a name") = "pgcommons";
    /// The password. Better in a file, or in a variable.
    password: Secret("text in quotes");
    /// A file that contains only the password. Read at every connect, so a new password needs no restart.
    password_file: Filled("the path of a file");
    /// A file in the format of libpq's `~/.pgpass`, which is the default. Ignored if other users may read it.
    passfile: Filled("the path of a file");
    /// A program that prints the password, such as an access token, run before each login. Not beside another key of a password. See
    /// [deploy/managed.md](deploy/managed.md#tokens-instead-of-a-password).
    password_command: Program();
    /// How long the program may run. It does not count for `poll.timeout`.
    password_command_timeout: Durations(SECOND..=MINUTE) = "10s";
    /// The database to connect to; not one of a tenant.
    dbname: Filled("a name") = "postgres";
    /// libpq's `options`. Those of the agent follow and override them.
    options: Text("text");
    /// As in libpq.
    channel_binding: Choice<ChannelBinding>(&BINDINGS) = "prefer";
    /// As in libpq, with the differences above. With `sslrootcert: system` the default is `verify-full`.
    sslmode: Choice<SslMode>(&MODES) = "prefer";
    /// The CAs that the certificate of the server must be signed by, or `system`: those of the operating system, which
    /// `verify-full` uses by default.
    sslrootcert: Filled("the path of a file");
    /// The certificate of the agent. Needs `sslkey`.
    sslcert: Filled("the path of a file");
    /// The key of `sslcert`, not encrypted.
    sslkey: Filled("the path of a file");
    /// The connection slots for applications, if a provider reserves more than the settings show (Azure). Otherwise computed
    /// from the settings.
    connections_limit: Numbers<u32>(1..=MOST_CONNECTIONS);
    /// The CPU cores that PostgreSQL may use, to tell whether it is saturated.
    cores: Numbers<f64>(0.01..=10_000.0);
    /// The memory that PostgreSQL may use, to compare with what it could take at worst.
    memory: Size();
    /// The directories with backups of its databases: each has `path`, `preset` or `pattern`, and if needed `max_age` and `exclude`.
    /// See [backups.md](backups.md).
    backups: Directories();
} {
    /// Labels of `pgcommons_server_info`, for joins, as in `{region: westeurope}`. Some rules use `azure_resource`,
    /// or `rds_instance` and `aws_region`: see [deploy/managed.md](deploy/managed.md#cpu-memory-and-storage).
    labels: Block<BTreeMap<String, Value>>;
    /// As `databases`, for this server: each of the two keys replaces the one above.
    databases: Block<RawDatabases>;
    /// As `roles`, for this server: replaces the key above.
    roles: Block<RawRoles>;
    storage: Block<RawStorage>;
    poolers["POOLER"]: Block<BTreeMap<String, Block<RawPooler>>>;
    probes["DATABASE"]: Block<BTreeMap<String, Block<RawProbe>>>;
    machine: Block<RawMachine>;
    /// As `budgets`, for this server: replaces the budget of the same database above.
    budgets: Block<BTreeMap<String, Block<RawBudget>>>;
});

/// The connection keys of a server: libpq's parameters, and `password_file`.
impl RawServer {
    pub(in crate::config) fn command(&mut self) -> RawCommand {
        RawCommand {
            program: self.password_command.take(),
            timeout: self.password_command_timeout.take(),
        }
    }

    pub(in crate::config) fn connection(&mut self) -> Vec<(&'static str, Leaf)> {
        vec![
            ("host", self.host.take()),
            ("hostaddr", self.hostaddr.take()),
            ("port", self.port.take()),
            ("user", self.user.take()),
            ("password", self.password.take()),
            ("password_file", self.password_file.take()),
            ("passfile", self.passfile.take()),
            ("dbname", self.dbname.take()),
            ("options", self.options.take()),
            ("channel_binding", self.channel_binding.take()),
            ("sslmode", self.sslmode.take()),
            ("sslrootcert", self.sslrootcert.take()),
            ("sslcert", self.sslcert.take()),
            ("sslkey", self.sslkey.take()),
        ]
    }
}

/// The connection keys of a pooler, with its own defaults.
impl RawPooler {
    pub(in crate::config) fn connection(&mut self) -> Vec<(&'static str, Leaf)> {
        let port = Self::port();
        let default = port.default.map(Value::from);
        vec![
            (Self::host().name, self.host.take()),
            (Self::hostaddr().name, self.hostaddr.take()),
            (port.name, self.port.take().or(default)),
            (Self::user().name, self.user.take()),
            (Self::password().name, self.password.take()),
            (Self::password_file().name, self.password_file.take()),
            (Self::passfile().name, self.passfile.take()),
            ("dbname", Some(Value::from("pgbouncer"))), // of the console
            (Self::sslmode().name, self.sslmode.take()),
            (Self::sslrootcert().name, self.sslrootcert.take()),
            (Self::sslcert().name, self.sslcert.take()),
            (Self::sslkey().name, self.sslkey.take()),
        ]
    }
}
