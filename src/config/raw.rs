//! The shape of the configuration file, before anything is checked: a mirror that accepts any value for any key, so that
//! every problem can be reported at once. No `Debug` here: it holds secrets.

use std::collections::BTreeMap;

use config::Value;
use serde::Deserialize;

pub(super) type Leaf = Option<Value>;

/// A table, or whatever stands in its place.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Block<T> {
    Given(T),
    Wrong(Leaf),
}

impl<T: Default> Default for Block<T> {
    fn default() -> Self {
        Self::Given(T::default())
    }
}

/// A table with a fixed set of keys. What it does not know is kept, to be complained of.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Deserialize, Default)]
        #[serde(default)]
        pub(super) struct $name {
            $(pub(super) $key: $type,)*
            #[serde(flatten)]
            pub(super) unknown: BTreeMap<String, Value>,
        }

        impl $name {
            pub(super) const KEYS: &'static [&'static str] = &[$(stringify!($key)),*];
        }
    };
}

table!(RawConfig {
    web: Block<RawWeb>,
    log: Block<RawLog>,
    poll: Block<RawPoll>,
    stats: Block<RawStats>,
    sizes: Block<RawSizes>,
    activity: Block<RawActivity>,
    databases: Block<RawDatabases>,
    budgets: Block<BTreeMap<String, Block<RawBudget>>>,
    servers: Block<BTreeMap<String, Block<RawServer>>>,
});
table!(RawWeb {
    listen_address: Leaf,
});
table!(RawLog { level: Leaf });
table!(RawPoll {
    interval: Leaf,
    timeout: Leaf,
    time_share: Leaf,
    window: Leaf,
});
table!(RawStats { interval: Leaf });
table!(RawSizes {
    interval: Leaf,
    time_share: Leaf,
});
table!(RawActivity {
    databases: Leaf,
    roles: Leaf,
    application_names: Leaf,
});
table!(RawDatabases {
    include: Leaf,
    exclude: Leaf,
});
table!(RawBudget {
    connections: Leaf,
    size: Leaf,
    owner: Leaf,
    labels: Block<BTreeMap<String, Leaf>>,
});
table!(RawServer {
    dsn: Leaf,
    host: Leaf,
    hostaddr: Leaf,
    port: Leaf,
    user: Leaf,
    password: Leaf,
    password_file: Leaf,
    passfile: Leaf,
    dbname: Leaf,
    options: Leaf,
    channel_binding: Leaf,
    sslmode: Leaf,
    sslrootcert: Leaf,
    sslcert: Leaf,
    sslkey: Leaf,
    connections_limit: Leaf,
    databases: Block<RawDatabases>,
    budgets: Block<BTreeMap<String, Block<RawBudget>>>,
});

// The file of `--web.config.file`.
table!(RawWebFile {
    tls_server_config: Block<RawServerTls>,
    http_server_config: Block<RawHttp>,
    basic_auth_users: Block<BTreeMap<String, Leaf>>,
    rate_limit: Block<RawRateLimit>,
});
table!(RawServerTls {
    cert: Leaf,
    key: Leaf,
    client_ca: Leaf,
    cert_file: Leaf,
    key_file: Leaf,
    client_ca_file: Leaf,
    client_auth_type: Leaf,
    client_allowed_sans: Leaf,
    min_version: Leaf,
    max_version: Leaf,
    cipher_suites: Leaf,
    prefer_server_cipher_suites: Leaf,
    curve_preferences: Leaf,
});
table!(RawHttp {
    http2: Leaf,
    headers: Block<BTreeMap<String, Leaf>>,
});
table!(RawRateLimit {
    interval: Leaf,
    burst: Leaf,
});

/// The keys of a server that say how to connect to it; the same as libpq's, but for `dsn` and `password_file`.
impl RawServer {
    pub(super) fn connection(&mut self) -> Vec<(&'static str, Leaf)> {
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
