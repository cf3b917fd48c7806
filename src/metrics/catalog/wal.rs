//! `pg_wal_*` and `pg_replication_slots_*`: facts about the write-ahead log, as `postgres_exporter` names them.

use crate::metrics::series::{Metric, Series, gauge};
use crate::sample::readings::{ReplicationSlot, Wal};
use crate::state::Server;

const SLOT: &[&str] = &["slot_name", "slot_type"];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pg_wal_segments",
        &[],
        "Segment files in pg_wal. Absent if PostgreSQL refuses the list of files.",
        |server, series| of_wal(server, series, |wal| wal.segments),
    ),
    gauge(
        "pg_wal_size_bytes",
        &[],
        "Bytes in segment files in pg_wal. Absent if PostgreSQL refuses the list of files.",
        |server, series| of_wal(server, series, |wal| wal.bytes),
    ),
    gauge(
        "pg_replication_slots_pg_wal_lsn_diff",
        &["slot_name", "database"],
        "Bytes of WAL that the slot keeps: since restart_lsn, 0 if the slot is lost or was never used. Physical slots have no \
         database.",
        |server, series| {
            of_database(server, series, |slot| slot.retained_bytes as f64);
        },
    ),
    gauge(
        "pg_replication_slots_active",
        &["slot_name", "database"],
        "Whether a client uses the slot. Physical slots have no database.",
        |server, series| {
            of_database(server, series, |slot| f64::from(u8::from(slot.is_active)));
        },
    ),
    gauge(
        "pg_replication_slots_slot_is_active",
        SLOT,
        "Whether a client uses the slot.",
        |server, series| {
            of_slot(server, series, |slot| {
                Some(f64::from(u8::from(slot.is_active)))
            });
        },
    ),
    gauge(
        "pg_replication_slots_slot_current_wal_lsn",
        SLOT,
        "The position of the server in the WAL, in bytes; on a standby what it has received.",
        |server, series| of_slot(server, series, |slot| slot.current_lsn),
    ),
    gauge(
        "pg_replication_slots_slot_confirmed_flush_lsn",
        SLOT,
        "The position in the WAL that the client of a logical slot has confirmed, in bytes; absent for physical slots.",
        |server, series| of_slot(server, series, |slot| slot.confirmed_flush_lsn),
    ),
    gauge(
        "pg_replication_slots_safe_wal_size_bytes",
        SLOT,
        "WAL that can be written before the slot is lost; negative: it is lost at the next checkpoint. Absent without \
         max_slot_wal_keep_size, and for slots that are lost or were never used.",
        |server, series| {
            of_slot(server, series, |slot| {
                slot.safe_wal_bytes.map(|bytes| bytes as f64)
            });
        },
    ),
    gauge(
        "pg_replication_slots_wal_status",
        &["slot_name", "slot_type", "wal_status"],
        "Always 1; whether the WAL of the slot is reserved, extended (beyond max_wal_size), unreserved (lost at the next \
         checkpoint) or lost. Absent for slots that were never used.",
        |server, series| {
            for slot in slots(server) {
                if let Some(status) = slot.wal_status {
                    series.put([&*slot.name, slot_type(slot), status.label()], 1);
                }
            }
        },
    ),
];

fn of_wal(server: &Server, series: &mut Series, value: fn(&Wal) -> u64) {
    let wal = server.snapshot().and_then(|it| it.readings.wal.as_ref());
    series.put_known([], wal.map(|wal| value(wal) as f64));
}

fn slots(server: &Server) -> &[ReplicationSlot] {
    let slots = server.snapshot().and_then(|it| it.readings.slots.as_ref());
    slots.map_or(&[], |slots| slots)
}

fn slot_type(slot: &ReplicationSlot) -> &'static str {
    if slot.is_logical {
        "logical"
    } else {
        "physical"
    }
}

fn of_database(server: &Server, series: &mut Series, value: fn(&ReplicationSlot) -> f64) {
    for slot in slots(server) {
        let datname = slot.datname.as_deref().unwrap_or_default();
        series.put([&*slot.name, datname], value(slot));
    }
}

fn of_slot(server: &Server, series: &mut Series, value: fn(&ReplicationSlot) -> Option<f64>) {
    for slot in slots(server) {
        series.put_known([&*slot.name, slot_type(slot)], value(slot));
    }
}
