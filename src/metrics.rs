//! The exposition: a pure function of the published state. The only room that uses the `prometheus` crate. The catalogue
//! defines every metric with its name and labels.

mod catalog;
mod family;
#[cfg(test)]
mod reference;
mod series;
mod settings;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write};

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{Encoder, TextEncoder};

use crate::health::{ListenerHealth, ReceiverHealth};
use crate::state::{Reload, Server};

/// What a page shows about the agent itself.
pub(crate) struct AgentState {
    pub(crate) reload: Reload,
    pub(crate) listener: ListenerHealth,
    /// In the order of the configuration.
    pub(crate) receivers: Vec<ReceiverHealth>,
}

/// Writes pages. Keeps only the collector for the metrics of the agent's own process.
pub(crate) struct Exposition {
    process: ProcessCollector,
}

impl Default for Exposition {
    fn default() -> Self {
        Self {
            process: ProcessCollector::for_self(),
        }
    }
}

impl Exposition {
    /// Writes the text format, version 0.0.4. Fails only if writing to `page` fails.
    pub(crate) fn write(
        &self,
        servers: &[&Server],
        agent: &AgentState,
        mut page: &mut dyn Write,
    ) -> io::Result<()> {
        family::families(servers, agent, page)?;
        let encoded = TextEncoder::new().encode(&self.process.collect(), &mut page);
        encoded.map_err(io::Error::other)
    }
}
