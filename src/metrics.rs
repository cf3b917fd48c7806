//! The exposition: a pure function of what is published. The only room that knows the `prometheus` crate; what exists,
//! under which name and with which labels, stands in the catalogue.

mod catalog;
mod family;
#[cfg(test)]
mod reference;
mod series;
#[cfg(test)]
mod tests;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, TextEncoder};

use crate::state::{Reload, Server};

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
    /// The text format, version 0.0.4.
    pub(crate) fn page(&self, servers: &[&Server], reload: &Reload) -> Vec<u8> {
        let mut families = family::families(servers, reload);
        families.extend(self.process.collect());
        encode(&families)
    }
}

fn encode(families: &[MetricFamily]) -> Vec<u8> {
    let mut page = Vec::new();
    let encoded = TextEncoder::new().encode(families, &mut page);
    encoded.expect("families without series are left out, and writing to memory cannot fail");
    page
}
