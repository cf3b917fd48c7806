//! What is known of a server and of its databases, from whatever source.

use std::collections::BTreeSet;

use super::{Evidence, Needs, Steps};

/// One server. None and an absent step: unknown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerFacts {
    pub(crate) name: String,
    /// The end of the window, in seconds since the epoch.
    pub(crate) end: f64,
    /// The most connections in each step, for the sum over several servers.
    pub(crate) peaks: Steps,
    /// The part of each hour that is known, 0 to 1.
    pub(crate) known: Steps,
    /// Hours in which the server was down, by `pg_up`.
    pub(crate) down_hours: f64,
    pub(crate) agent_restarts: u32,
    pub(crate) server_restarts: u32,
    pub(crate) settings: ServerSettings,
    /// Sessions that used the machine, of all databases.
    pub(crate) load: Steps,
    /// Those of them that waited for a disk or for a lock inside the server.
    pub(crate) waiting: Steps,
    /// The part of the time in which a process waited for a CPU, by the kernel. Empty: not measured.
    pub(crate) pressure: Steps,
    /// Bytes of WAL on disk.
    pub(crate) wal: Option<f64>,
    /// Bytes that are left on the volume of the databases.
    pub(crate) storage_available: Option<f64>,
    /// Login roles.
    pub(crate) roles: BTreeSet<String>,
    /// By name.
    pub(crate) tenants: Vec<TenantFacts>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ServerSettings {
    /// Slots that ordinary roles may use.
    pub(crate) slots: Option<u32>,
    pub(crate) max_connections: Option<u32>,
    /// The major version of PostgreSQL.
    pub(crate) major: Option<u32>,
    pub(crate) cores: Option<f64>,
    /// Bytes.
    pub(crate) shared_buffers: Option<f64>,
    pub(crate) work_mem: Option<f64>,
    /// What the settings admit if every slot is used.
    pub(crate) memory_worst_case: Option<f64>,
}

impl ServerFacts {
    /// Without any value, for a window that ends then.
    pub(crate) fn new(name: &str, end: f64, step: u32, load_step: u32) -> Self {
        Self {
            name: name.to_owned(),
            end,
            peaks: Steps::new(step),
            known: Steps::new(super::HOUR),
            down_hours: 0.0,
            agent_restarts: 0,
            server_restarts: 0,
            settings: ServerSettings::default(),
            load: Steps::new(load_step),
            waiting: Steps::new(load_step),
            pressure: Steps::new(load_step),
            wal: None,
            storage_available: None,
            roles: BTreeSet::new(),
            tenants: Vec::new(),
        }
    }

    /// What the whole history of the server is worth.
    pub(crate) fn evidence(&self) -> Evidence {
        let mut hours = Steps::new(super::HOUR);
        for (step, share) in self.known.iter().filter(|(_, share)| *share > 0.0) {
            hours.add(self.known.end_of(step), share);
        }
        Evidence::of(&hours, &self.known, self.end)
    }

    /// The slots that ordinary roles may not use.
    pub(crate) fn reserved(&self) -> Option<u32> {
        let all = self.settings.max_connections?;
        Some(all.saturating_sub(self.settings.slots?))
    }
}

/// One database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TenantFacts {
    pub(crate) datname: String,
    /// The most connections in each hour.
    pub(crate) peaks: Steps,
    /// Until when its name had values of another database, in seconds since the epoch. None: never within the window.
    pub(crate) begins: Option<f64>,
    /// The name that it had before, within the window.
    pub(crate) renamed_from: Option<String>,
    /// The limit that PostgreSQL enforces. None: there is none, or it is unknown.
    pub(crate) limit: Option<u32>,
    /// Whether it is known that there is no limit.
    pub(crate) is_unlimited: bool,
    /// `budgets.DATABASE.connections`
    pub(crate) budget: Option<u32>,
    /// What the declared pools, or the poolers, may open at most.
    pub(crate) ceiling: Option<u32>,
    /// Instances of its applications, with those of a rollout; None: not declared.
    pub(crate) instances: Option<u32>,
    /// Seconds without a free connection within the window.
    pub(crate) exhausted: Option<f64>,
    /// Sessions that ended with a fatal error within the window, refused logins among them.
    pub(crate) fatal: Option<f64>,
    /// Bytes.
    pub(crate) sizes: Steps,
    pub(crate) size_budget: Option<f64>,
    /// Bytes of temporary files, and of WAL by `pg_stat_statements`, within the window.
    pub(crate) temporary: Option<f64>,
    pub(crate) written_wal: Option<f64>,
    /// As those of the server.
    pub(crate) load: Steps,
    pub(crate) waiting: Steps,
    pub(crate) needs: Needs,
}

impl TenantFacts {
    /// Without any value.
    pub(crate) fn new(datname: &str, load_step: u32) -> Self {
        Self {
            datname: datname.to_owned(),
            peaks: Steps::new(super::HOUR),
            begins: None,
            renamed_from: None,
            limit: None,
            is_unlimited: false,
            budget: None,
            ceiling: None,
            instances: None,
            exhausted: None,
            fatal: None,
            sizes: Steps::new(super::HOUR),
            size_budget: None,
            temporary: None,
            written_wal: None,
            load: Steps::new(load_step),
            waiting: Steps::new(load_step),
            needs: Needs::default(),
        }
    }

    /// Without what was measured of another database with this name.
    pub(crate) fn own(&self) -> Self {
        let Some(begins) = self.begins else {
            return self.clone();
        };
        let begins = begins + 1.0;
        Self {
            peaks: self.peaks.since(begins),
            sizes: self.sizes.since(begins),
            load: self.load.since(begins),
            waiting: self.waiting.since(begins),
            ..self.clone()
        }
    }

    /// The most connections that it should ever open, by its declaration.
    pub(crate) fn declared(&self) -> Option<u32> {
        self.ceiling.into_iter().chain(self.budget).min()
    }
}
