//! `pgcommons_server_storage_*`: the space of a server's volumes, as configured and as measured. Measured figures do not
//! depend on whether PostgreSQL is up: a full disk stops it.

use crate::metrics::series::{Metric, Series, gauge};
use crate::sample::Space;
use crate::state::Server;

const MEASURED: &str = "measured";
const CONFIGURED: &str = "configured";
/// `storage.size` is the capacity of this volume.
const DATA: &str = "data";

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "pgcommons_server_storage_capacity_bytes",
        &["volume", "source"],
        "Capacity of a volume: measured (statvfs of storage.path, volume data, and of storage.volumes), configured \
         (storage.size). Volumes may be on one file system, so do not add them up. Measured: absent while the volume cannot be \
         measured; present while the server is down.",
        |server, series| {
            let configured = server.attached.storage_size.map(|size| size as f64);
            series.put_known([DATA, CONFIGURED], configured);
            of_volumes(server, series, |space| space.capacity);
        },
    ),
    gauge(
        "pgcommons_server_storage_available_bytes",
        &["volume", "source"],
        "Space that PostgreSQL can still use on a volume: what df shows as available, without the blocks that are reserved for \
         root. Configured: storage.size less the parts (pgcommons_server_storage_bytes), absent while one is unknown. Measured: absent \
         while the volume cannot be measured; present while the server is down.",
        |server, series| {
            let configured = server.storage().configured_available();
            series.put_known([DATA, CONFIGURED], configured.map(|bytes| bytes as f64));
            of_volumes(server, series, |space| space.available);
        },
    ),
    gauge(
        "pgcommons_server_storage_inodes",
        &["volume"],
        "Inodes of a volume, in use and free. Absent if its file system has no fixed number of them, and while the volume cannot \
         be measured.",
        |server, series| {
            for (volume, space) in server.attached.spaces() {
                let inodes = space.inodes.map(|inodes| inodes.capacity as f64);
                series.put_known([volume], inodes);
            }
        },
    ),
    gauge(
        "pgcommons_server_storage_inodes_available",
        &["volume"],
        "Free inodes of a volume; at 0 PostgreSQL can create no file. Absent if its file system has no fixed number of them, and \
         while the volume cannot be measured.",
        |server, series| {
            for (volume, space) in server.attached.spaces() {
                let inodes = space.inodes.map(|inodes| inodes.available as f64);
                series.put_known([volume], inodes);
            }
        },
    ),
];

fn of_volumes(server: &Server, series: &mut Series, bytes: fn(&Space) -> u64) {
    for (volume, space) in server.attached.spaces() {
        series.put([volume, MEASURED], bytes(space) as f64);
    }
}
