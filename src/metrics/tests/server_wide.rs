//! Readings about the server as a whole for the golden pages: a primary of PostgreSQL 16 with two standbys.

use std::sync::Arc;

use crate::sample::Readings;
use crate::sample::archive::ArchiveQueue;
use crate::sample::readings::Archiver;
use crate::sample::replication::{Replication, WalSenders};
use crate::sample::server_stats::{
    Bgwriter, BgwriterUntil16, Checkpointer, OpenTransactions, ServerStats,
};
use crate::sample::settings::Setting;

pub(super) fn readings(privileged: bool) -> Readings {
    Readings {
        archiver: Some(Archiver {
            archived_count: 12,
            failed_count: 1,
            last_archive_age: Some(30.0),
        }),
        archive_queue: privileged.then_some(ArchiveQueue {
            files: 3,
            oldest: Some(1_700_000_040.0),
            longest_wait: Some(60.0),
        }),
        server: Some(server_stats(privileged)),
        replication: Some(Arc::new(replication(privileged))),
        settings: Some(settings(&[
            ("autovacuum_work_mem_bytes", -1.0),
            ("checkpoint_timeout_seconds", 300.0),
            ("fsync", 1.0),
            ("max_connections", 20.0),
        ])),
        ..Readings::default()
    }
}

pub(super) fn settings(values: &[(&str, f64)]) -> Arc<[Setting]> {
    let setting = |(name, value): &(&str, f64)| Setting {
        name: (*name).into(),
        value: *value,
    };
    values.iter().map(setting).collect()
}

fn server_stats(privileged: bool) -> ServerStats {
    ServerStats {
        bgwriter: Bgwriter {
            buffers_clean: 5,
            maxwritten_clean: 1,
            buffers_alloc: 900,
            stats_reset: Some(1_699_000_001.5),
            until_16: Some(BgwriterUntil16 {
                checkpoints_timed: 40,
                checkpoints_req: 2,
                checkpoint_write_time: 1234.5,
                checkpoint_sync_time: 12.0,
                buffers_checkpoint: 300,
                buffers_backend: 60,
                buffers_backend_fsync: 0,
            }),
        },
        checkpointer: None,
        transactions: privileged.then_some(OpenTransactions {
            count: 2,
            oldest: Some(33.25),
        }),
    }
}

pub(super) fn checkpointer() -> Checkpointer {
    Checkpointer {
        num_timed: 1,
        num_requested: 2,
        restartpoints_timed: 3,
        restartpoints_req: 4,
        restartpoints_done: 5,
        write_time: 6.5,
        sync_time: 7.5,
        buffers_written: 8,
        stats_reset: None,
    }
}

fn replication(privileged: bool) -> Replication {
    let sender = |name: &str, slot: Option<&str>, lag_bytes| WalSenders {
        application_name: name.into(),
        state: "streaming",
        slot_name: slot.map(Into::into),
        current_lsn: Some(50_331_648.0),
        lag_bytes,
    };
    let senders = [
        sender("stand\"by", Some("standby_1"), Some(4096.0)),
        sender("walreceiver", None, None),
    ];
    Replication {
        lag: Some(0.0),
        last_replay: None,
        senders: senders.into_iter().filter(|_| privileged).collect(),
    }
}
