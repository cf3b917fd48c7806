//! The configuration file before validation: a raw mirror that accepts any value for any key, so that all problems are
//! reported at once. No type here derives `Debug`, because they hold secrets.

use std::collections::BTreeMap;

use config::Value;
use serde::{Deserialize, Deserializer};

/// None: the key is missing. A key without a value is `Some` of kind `Nil`.
pub(super) type Leaf = Option<Value>;

/// A table, or another value in its place.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Block<T> {
    Given(T),
    /// None: the key has no value, which means an empty table.
    Wrong(Option<Value>),
}

impl<T: Default> Default for Block<T> {
    fn default() -> Self {
        Self::Given(T::default())
    }
}

/// A table with a fixed set of keys: single values, then tables. Unknown keys are kept, so that the validation can refuse
/// them.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($leaf:ident),* $(,)? } $({ $($key:ident: $type:ty),* $(,)? })?) => {
        $(#[$doc])*
        #[derive(Deserialize, Default)]
        #[serde(default)]
        pub(super) struct $name {
            $(#[serde(deserialize_with = "present")] pub(super) $leaf: Leaf,)*
            $($(pub(super) $key: $type,)*)?
            #[serde(flatten)]
            pub(super) unknown: BTreeMap<String, Value>,
        }

        impl $name {
            pub(super) const KEYS: &'static [&'static str] =
                &[$(stringify!($leaf),)* $($(stringify!($key)),*)?];
        }
    };
}

/// Keeps a key without a value as `Some`; serde's `Option` would make it None, like a missing key.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Leaf, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

table!(RawConfig {} {
    web: Block<RawWeb>,
    log: Block<RawLog>,
    poll: Block<RawPoll>,
    stats: Block<RawStats>,
    sizes: Block<RawSizes>,
    series_limits: Block<RawSeriesLimits>,
    databases: Block<RawDatabases>,
    budgets: Block<BTreeMap<String, Block<RawBudget>>>,
    servers: Block<BTreeMap<String, Block<RawServer>>>,
});
table!(RawWeb { listen_address });
table!(RawLog { level });
table!(RawPoll {
    interval,
    timeout,
    max_time_fraction,
    window
});
table!(RawStats { interval });
table!(RawSizes {
    interval,
    max_time_fraction
});
table!(RawSeriesLimits {
    databases,
    roles,
    application_names
});
table!(RawDatabases { include, exclude });
table!(RawBudget { connections, size, owner } {
    labels: Block<BTreeMap<String, Value>>,
});
table!(RawStorage { size, path, interval } {
    volumes: Block<BTreeMap<String, Value>>,
});
table!(RawServer {
    dsn,
    host,
    hostaddr,
    port,
    user,
    password,
    password_file,
    passfile,
    dbname,
    options,
    channel_binding,
    sslmode,
    sslrootcert,
    sslcert,
    sslkey,
    connections_limit,
    cores,
    memory,
} {
    storage: Block<RawStorage>,
    databases: Block<RawDatabases>,
    budgets: Block<BTreeMap<String, Block<RawBudget>>>,
});

// The file of `--web.config.file`.
table!(RawWebFile {} {
    tls_server_config: Block<RawServerTls>,
    http_server_config: Block<RawHttp>,
    basic_auth_users: Block<BTreeMap<String, Value>>,
    rate_limit: Block<RawRateLimit>,
});
table!(RawServerTls {
    cert,
    key,
    client_ca,
    cert_file,
    key_file,
    client_ca_file,
    client_auth_type,
    client_allowed_sans,
    min_version,
    max_version,
    cipher_suites,
    prefer_server_cipher_suites,
    curve_preferences,
});
table!(RawHttp { http2 } {
    headers: Block<BTreeMap<String, Value>>,
});
table!(RawRateLimit { interval, burst });

/// The connection keys of a server: libpq's parameters, and `password_file`.
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
