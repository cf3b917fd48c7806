//! The exposition: a pure function of what is published. The only room that knows the `prometheus` crate; what exists,
//! under which name and with which labels, stands in the catalogue.

mod catalog;
mod family;
mod reference;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, TextEncoder};

pub use reference::reference;

use crate::state::{Reload, Server};

/// Makes pages. What it keeps is only where the process finds its own figures.
pub struct Exposition {
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
    pub fn page(&self, servers: &[&Server], reload: &Reload) -> Vec<u8> {
        let mut families = family::families(servers, reload);
        families.extend(self.process.collect());
        encode(&families)
    }
}

/// The page without the figures of the process, which differ from run to run.
pub fn stable_page(servers: &[&Server], reload: &Reload) -> Vec<u8> {
    encode(&family::families(servers, reload))
}

fn encode(families: &[MetricFamily]) -> Vec<u8> {
    let mut page = Vec::new();
    let encoded = TextEncoder::new().encode(families, &mut page);
    encoded.expect("families without series are left out, and writing to memory cannot fail");
    page
}
