//! What happens to the other databases of a server if one moves out.

use super::{HOUR, ServerFacts, Steps, growth};

/// None: unknown. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Without {
    pub(crate) server: String,
    pub(crate) datname: String,
    /// The peak of the server in the window.
    pub(crate) peak: Option<u32>,
    /// The most that the others can have had: an upper bound, because peaks within an hour may not be simultaneous.
    pub(crate) peak_of_others: Option<u32>,
    pub(crate) slots: Option<u32>,
    /// Hours in which the load was above the cores, and how many of them the others cause alone. None also while the cores are unknown.
    pub(crate) saturated_hours: Option<f64>,
    pub(crate) saturated_hours_of_others: Option<f64>,
    pub(crate) size: Option<f64>,
    /// Days until the volume is full, as it is and without the database. None also: never.
    pub(crate) days_to_full: Option<f64>,
    pub(crate) days_to_full_of_others: Option<f64>,
}

/// None: the server has no such database.
pub(crate) fn without(server: &ServerFacts, datname: &str) -> Option<Without> {
    let tenant = server.tenants.iter().find(|it| it.datname == datname)?;
    let others = || server.tenants.iter().filter(|it| it.datname != datname);
    let growth: f64 = others()
        .filter_map(|it| growth::per_day(&it.sizes))
        .map(|it| it.max(0.0))
        .sum();
    let own = growth::per_day(&tenant.sizes).unwrap_or(0.0).max(0.0);
    let size = tenant.sizes.last_value();
    let available = server.storage_available;
    let freed = available.zip(size).map(|(free, size)| free + size);
    let saturated = |of: &dyn Fn(u32, f64) -> f64| {
        let cores = server.settings.cores?;
        let steps = server
            .load
            .iter()
            .filter(|(step, all)| of(*step, *all) > cores)
            .count();
        (!server.load.is_empty())
            .then(|| steps as f64 * f64::from(server.load.seconds()) / f64::from(HOUR))
    };
    Some(Without {
        server: server.name.clone(),
        datname: datname.to_owned(),
        peak: server.peaks.most(),
        peak_of_others: peak_of_others(server, datname),
        slots: server.settings.slots,
        saturated_hours: saturated(&|_, all| all),
        saturated_hours_of_others: saturated(&|step, all| {
            all - tenant.load.at(step).unwrap_or(0.0)
        }),
        size,
        days_to_full: available.and_then(|free| growth::days_to_full(free, Some(growth + own))),
        days_to_full_of_others: freed.and_then(|free| growth::days_to_full(free, Some(growth))),
    })
}

/// For each hour the peaks of the others, and for sessions in no listed database what the server had beyond the sum of all. Never more than the
/// server had.
fn peak_of_others(server: &ServerFacts, datname: &str) -> Option<u32> {
    let mut hours = Steps::new(HOUR);
    for (step, value) in server.peaks.iter() {
        hours.add(server.peaks.end_of(step), value);
    }
    let bounds = hours.iter().map(|(hour, all)| {
        let peaks = server
            .tenants
            .iter()
            .map(|it| (&it.datname, it.peaks.at(hour).unwrap_or(0.0)));
        let (mut sum, mut own) = (0.0, 0.0);
        for (name, peak) in peaks {
            sum += peak;
            own += if name == datname { peak } else { 0.0 };
        }
        all.min(sum - own + (all - sum).max(0.0))
    });
    bounds.reduce(f64::max).map(super::steps::count)
}
