"""Panels of one server about its volumes, its WAL, and what keeps or fills them."""
import queries
import resources
import style
import table
from panels import bar_chart, chart, colored, limit, stacked
from queries import DATABASE, ONE_SERVER as s, SERVER
from table import Column

VOLUME = "server, volume, source"
SLOT = "server, slot_name"


def parts():
    free = resources.volume_of_databases(s, "pgcommons_server_storage_available_bytes")
    volumes = f"count by (server) ({s.max('server, volume', 'pgcommons_server_storage_capacity_bytes')})"
    panel = stacked(chart(
        "Storage by part", "Bytes of all databases, of WAL and of open temporary files. With storage.path, other is what else is used "
        "on the volume; with storage.path or storage.size, free is what is left. With several volumes neither is shown. A part is "
        "absent while it is unknown.",
        [(s.max("server, part", "pgcommons_server_storage_bytes"), "{{part}}"), (f"{free} and {volumes} == 1", "free")], style.BYTES), 60)
    for name, shade in (("databases", "blue"), ("wal", "purple"), ("temporary", "orange"), ("other", style.GREY)):
        colored(panel, name, shade)
    return colored(panel, "free", "green", custom_fillOpacity=10)


def volumes():
    def of(metric):
        return s.max(VOLUME, f"pgcommons_server_storage_{metric}")

    inodes = queries.share(s.max("server, volume", "pgcommons_server_storage_inodes_available"),
                           s.max("server, volume", "pgcommons_server_storage_inodes"))
    columns = [
        Column("Volume", label="volume"),
        Column("Capacity is", label="source", width=100),
        Column("Available", of("available_bytes"), unit=style.BYTES, decimals=1, width=95),
        Column("Capacity", of("capacity_bytes"), unit=style.BYTES, decimals=1, width=95),
        Column("Available share", queries.share(of("available_bytes"), of("capacity_bytes")), unit=style.SHARE, steps=style.AVAILABLE,
               decimals=0, width=145),
        Column("Free inodes", inodes, unit=style.SHARE, steps=style.AVAILABLE, decimals=0, width=95),
    ]
    return table.table(
        "Volumes", "Each volume, the fullest first. Measured: what df shows as available. Configured: storage.size less databases, WAL "
        "and temporary files. Volumes may be on one file system, so do not add them up.", columns, order=[("Available share", False)],
        hide=["server"], missing="storage is not configured")


def temporary_files():
    files = s.max(DATABASE, "pgcommons_database_temporary_bytes")
    return stacked(chart(
        "Open temporary files by database", "Bytes in temporary files that are open now, without those of parallel queries.",
        [(f'label_replace({files} > 0, "datname", "left by a crash", "datname", "")', "{{datname}}")], style.BYTES, missing="none"))


def slots():
    kind = "server, slot_name, slot_type"
    columns = [
        Column("Slot", label="slot_name"),
        Column("Database", label="database", width=110),
        Column("Type", label="slot_type", width=75),
        Column("In use", s.max(f"{SLOT}, database", "pg_replication_slots_active"), width=65, texts=style.yes_or_no("green", "orange")),
        Column("WAL status", s.max(f"{kind}, wal_status", "pg_replication_slots_wal_status"), label="wal_status", width=95,
               texts=style.WAL_STATUS),
        Column("Keeps", s.max(f"{SLOT}, database", "pg_replication_slots_pg_wal_lsn_diff"), unit=style.BYTES, decimals=1, width=90),
        Column("Until it is lost", s.max(kind, "pg_replication_slots_safe_wal_size_bytes"), unit=style.BYTES, decimals=1, width=110,
               steps=style.SAFE_WAL),
    ]
    return table.table(
        "Replication slots", "The slots and the WAL that they keep on disk for all databases, those that keep most first. A slot that "
        "is not in use keeps WAL until it is dropped. Until it is lost: the WAL that can still be written (blank without "
        "max_slot_wal_keep_size); 0 or less: at the next checkpoint.", columns, order=[("Keeps", True)], hide=["server"], missing="none")


def wal():
    slots = f"max by (server) ({s.series('pg_replication_slots_pg_wal_lsn_diff')})"
    panel = chart("WAL on disk", "Size of pg_wal, and the WAL that the slot keeps that keeps most. Above the line, max_wal_size, "
                  "something keeps WAL: a slot, files that wait to be archived, or wal_keep_size.",
                  [(s.max(SERVER, "pg_wal_size_bytes"), "pg_wal"), (slots, "kept by a slot"),
                   (s.max(SERVER, "pg_settings_max_wal_size_bytes"), "max_wal_size")], style.BYTES)
    colored(panel, "pg_wal", "purple", custom_fillOpacity=20)
    colored(panel, "kept by a slot", "orange")
    limit(panel, "max_wal_size", style.GREY)
    return panel


def archiving():
    oldest = f"time() - {s.max(SERVER, 'pgcommons_server_wal_archive_oldest_ready_timestamp_seconds')}"
    panel = chart("Files that wait to be archived", "WAL files that are complete and wait to be archived, and for how long the "
                  "oldest has waited.",
                  [(s.max(SERVER, "pgcommons_server_wal_archive_ready_files"), "files"), (oldest, "age of the oldest")], axis="files",
                  missing="the server archives none", decimals=0)
    colored(panel, "files", "blue", custom_fillOpacity=20)
    return colored(panel, "age of the oldest", "orange", unit=style.SECONDS, custom_axisPlacement="right", custom_axisLabel="age")


def checkpoints():
    """The counters have moved to another view in PostgreSQL 17."""
    def rate(*metrics):
        return "60 * (" + " or ".join(s.over(SERVER, "rate", metric, "$__rate_interval") for metric in metrics) + ")"

    scheduled = rate("pg_stat_bgwriter_checkpoints_timed_total", "pg_stat_checkpointer_num_timed_total")
    requested = rate("pg_stat_bgwriter_checkpoints_req_total", "pg_stat_checkpointer_num_requested_total")
    panel = bar_chart(chart(
        "Checkpoints by cause", "Checkpoints per minute. Scheduled: checkpoint_timeout has passed. Requested: max_wal_size was "
        "reached, or by a command such as CREATE DATABASE; many of them mean that max_wal_size is small.",
        [(scheduled, "scheduled"), (requested, "requested")], style.PER_MINUTE)).axis_soft_max(1)
    colored(panel, "scheduled", "green")
    return colored(panel, "requested", "orange")


def standbys():
    lag = f"{s.max(SERVER, 'pg_replication_lag_seconds')} and {s.max(SERVER, 'pg_replication_is_replica')} == 1"
    panel = chart("Standbys", "WAL that each standby of this server has not replayed. If this server is a standby: the time since the "
                  "last commit that it has replayed, 0 if it has replayed all.",
                  [(s.max("server, application_name", "pg_stat_replication_pg_wal_lsn_diff"), "{{application_name}}"),
                   (lag, "lag of this server")], style.BYTES, missing="none")
    return colored(panel, "lag of this server", "orange", unit=style.SECONDS, custom_axisPlacement="right")
