//! The exposition: a pure function of what is published. The only room that knows the `prometheus` crate; what exists,
//! under which name and with which labels, stands in the catalogue.

mod catalog;
mod family;
#[cfg(test)]
mod reference;
mod series;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write};

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{Encoder, TextEncoder};

use crate::health::ListenerHealth;
use crate::state::{Reload, Server};

/// What a page says of the agent, whatever its servers do.
pub(crate) struct AgentState {
    pub(crate) reload: Reload,
    pub(crate) listener: ListenerHealth,
}

/// Makes pages. What it keeps is only where the process finds its own figures.
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
    /// The text format, version 0.0.4. Fails only if `page` does.
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
