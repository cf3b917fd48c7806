//! The memory that PostgreSQL may use by its settings, if every slot is taken and each backend sorts once.
//!
//! Sources: the settings of the same names (PostgreSQL documentation, "Resource Consumption"). A query may use several times
//! `work_mem` (one for each sort and hash, times `hash_mem_multiplier`), so this is no upper bound; few servers fill every slot, so it is
//! no forecast either. It is what the settings admit without anything unusual.

use super::Facts;
use crate::sample::settings::Setting;

/// Private memory of a backend besides `work_mem`: measured on 15 and 18, 1 to 1.5 MiB after a few statements, 11 MiB after it used
/// 200 tables.
const BACKEND: u64 = 5 << 20;

/// Bytes. None: a setting is unknown, because its poll failed or because the agent's session has a value of its own.
pub(crate) fn worst_case(facts: Facts<'_>) -> Option<u64> {
    let settings = facts.readings.settings.as_deref()?;
    let limits = &facts.readings.resources.as_deref()?.limits;
    let bytes = |name| setting_bytes(settings, name);
    let connections = u64::from(facts.max_connections);
    let autovacuum_workers = limits.running_autovacuum_workers();
    let backends = connections + limits.worker_processes + limits.wal_senders + autovacuum_workers;
    let sorting = connections + limits.parallel_workers.min(limits.worker_processes);
    let vacuum = bytes("autovacuum_work_mem_bytes").or_else(|| bytes("maintenance_work_mem_bytes"));
    let parts = [
        bytes("shared_buffers_bytes")?,
        bytes("wal_buffers_bytes")?,
        backends.saturating_mul(BACKEND),
        sorting.saturating_mul(bytes("work_mem_bytes")?),
        autovacuum_workers.saturating_mul(vacuum?),
    ];
    Some(parts.into_iter().fold(0, u64::saturating_add))
}

/// A setting in bytes. None also for -1, which means the value of another setting.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a setting in bytes is a whole number, and negative ones are left out"
)]
pub(crate) fn setting_bytes(settings: &[Setting], name: &str) -> Option<u64> {
    let setting = settings.iter().find(|setting| &*setting.name == name)?;
    (setting.value >= 0.0).then_some(setting.value as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sample::Readings;
    use crate::sample::readings::{ResourceLimits, Resources};

    const MIB: f64 = 1_048_576.0;

    fn worst(autovacuum_work_mem: f64, left_out: &str) -> Option<u64> {
        let settings = [
            ("autovacuum_work_mem_bytes", autovacuum_work_mem),
            ("maintenance_work_mem_bytes", 64.0 * MIB),
            ("shared_buffers_bytes", 128.0 * MIB),
            ("wal_buffers_bytes", 4.0 * MIB),
            ("work_mem_bytes", 4.0 * MIB),
        ];
        let settings = settings.into_iter().filter(|(name, _)| *name != left_out);
        let settings = settings.map(|(name, value)| Setting {
            name: name.into(),
            value,
        });
        let limits = ResourceLimits {
            worker_processes: 8,
            parallel_workers: 16,
            autovacuum_workers: 3,
            wal_senders: 10,
            ..ResourceLimits::default()
        };
        let readings = Readings {
            settings: Some(settings.collect()),
            resources: Some(Arc::new(Resources {
                limits,
                prepared: Vec::new(),
            })),
            ..Readings::default()
        };
        worst_case(Facts {
            version_num: 150_018,
            max_connections: 100,
            sessions: None,
            readings: &readings,
        })
    }

    #[test]
    fn it_is_the_sum_over_all_slots_by_the_settings() {
        let slots = 128 + 4 + 5 * (100 + 8 + 10 + 3) + 4 * (100 + 8);
        assert_eq!(worst(-1.0, ""), Some((slots + 3 * 64) << 20));
        assert_eq!(worst(16.0 * MIB, ""), Some((slots + 3 * 16) << 20));
        for setting in [
            "work_mem_bytes",
            "shared_buffers_bytes",
            "wal_buffers_bytes",
        ] {
            assert_eq!(worst(-1.0, setting), None, "{setting} is unknown");
        }
        assert_eq!(worst(-1.0, "maintenance_work_mem_bytes"), None);
        assert_eq!(worst(f64::MAX, ""), Some(u64::MAX));
    }
}
