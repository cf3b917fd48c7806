//! Resources that all databases share: each is driven to its limit on a server, and the database that holds it is named.

mod countable;
mod denied;
mod lock_table;
mod slots;
mod temporary;

use crate::support::Scrape;

const RATIO: &str = "pgcommons_resource_utilization_ratio";

fn ratio(page: &Scrape, resource: &str) -> Option<f64> {
    page.value(RATIO, &[("resource", resource)])
}

/// Slots of a resource that a database holds.
fn held(page: &Scrape, datname: &str, resource: &str) -> Option<f64> {
    let labels = [("datname", datname), ("resource", resource)];
    page.value("pgcommons_database_resource_slots_used", &labels)
}
