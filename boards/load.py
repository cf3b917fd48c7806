"""Panels about who uses the machine: sessions that work, CPU time and memory, by database."""
import style
from board import row
from panels import chart, limit, stacked
from queries import DATABASE, ONE_DATABASE, ONE_SERVER as s, SERVER

WAIT = "server, wait"
ACTIVE = ("cpu: runs, or waits for a CPU; io: a disk; lwlock: a lock inside the server; lock: a lock of another transaction; ipc: "
          "another process; client: its client; other: a pause or an extension.")


def load_by_database():
    """The line is the number of cores, or the default threshold of the alert."""
    panel = stacked(chart(
        "Load by database", "Average number of sessions that use the machine (cpu, io, lwlock) over three minutes, by database. Above "
        "the red line, the cores of the server, they wait for each other.",
        [(s.max(DATABASE, "pgcommons:database_load:sessions"), "{{datname}}"),
         (s.max(SERVER, "pgcommons:server_cores:last"), "cores")], axis="sessions"), 60)
    return limit(panel, "cores")


def active_by_wait():
    return stacked(chart(
        "Active sessions by what they wait for", f"Average number of active sessions of the server over three minutes. {ACTIVE}",
        [(f"{s.max(WAIT, 'pgcommons:server_active:sessions')} > 0", "{{wait}}")], axis="sessions", missing="no session is active"), 60)


def blocking():
    return chart(
        "Blocking sessions", "Sessions at the head of a queue for a lock, by their database: the cause of the wait.",
        [(f"{s.max(DATABASE, 'pgcommons_database_blocking_sessions')} > 0", "{{datname}}")], axis="sessions", missing="none", decimals=0)


def container_memory():
    panel = stacked(chart(
        "Memory of the container", "Memory of the control group of PostgreSQL without the cache of files: what the kernel cannot take "
        "back. At the red line it kills a process, and PostgreSQL ends all sessions. Absent unless machine.cgroup is configured.",
        [(s.max(SERVER, "pgcommons_container_memory_anonymous_bytes"), "private"),
         (s.max(SERVER, "pgcommons_container_memory_shared_bytes"), "shared"),
         (s.max(SERVER, "pgcommons_container_memory_limit_bytes"), "limit")], style.BYTES, missing="not configured"), 60)
    return limit(panel, "limit")


def cpu_by_database():
    ended = f"max by ({SERVER}) (rate({s.series('pgcommons_server_ended_cpu_seconds_total')}[$__rate_interval]))"
    panel = stacked(chart(
        "CPU by database", "Cores that the kernel counted for the sessions and workers of each database. Short sessions end before they "
        "are seen: their sum has no database. Absent unless machine.processes is configured.",
        [(s.max(DATABASE, "pgcommons:database_cpu:cores"), "{{datname}}"), (ended, "ended unseen")], axis="cores",
        missing="not configured"), 60)
    return panel


def saturation():
    return chart(
        "CPU pressure and throttling", "The part of the time in which a process of the container waits for a CPU, and the part of the "
        "periods in which the container reached its CPU limit. Absent unless machine.cgroup is configured.",
        [(s.max(SERVER, "pgcommons:server_cpu_pressure:ratio"), "waits for a CPU"),
         (s.max(SERVER, "pgcommons:server_cpu_throttled:ratio"), "CPU limit reached")], style.SHARE, missing="not configured")


def used():
    panel = chart(
        "CPU, memory and storage", "The used share of the CPU, the memory and the volume of the data directory, by the exporter of the "
        "provider, or as the agent sees it (machine.processes, machine.cgroup, storage). Above the line, an alert fires after some minutes.",
        [(s.max(SERVER, "pgcommons:server_cpu:ratio"), "CPU"), (s.max(SERVER, "pgcommons:server_memory:ratio"), "memory"),
         (s.max(SERVER, "pgcommons:server_storage:ratio"), "storage")], style.SHARE, lines=style.MACHINE_LINE, missing="not configured")
    return panel.max(1)


def oldest_statements():
    """By the clock of the browser's data source; that of the server may differ."""
    start = s.min(DATABASE, "pgcommons_database_oldest_statement_start_timestamp_seconds")
    return chart(
        "Oldest running statement", "For how long the oldest statement of each database has been running, without walsenders and "
        "autovacuum.", [(f"time() - {start}", "{{datname}}")], style.CLOCK, lines=style.STATEMENT_LINE, missing="no statement runs")


def oldest_statement_by_application():
    one = ONE_DATABASE
    start = one.min("server, datname, application_name", "pgcommons_database_oldest_statement_start_timestamp_seconds")
    start = f'label_replace({start}, "application_name", "no name", "application_name", "")'
    return chart(
        "Oldest running statement", "For how long the oldest statement of each application has been running.",
        [(f"time() - {start}", "{{application_name}}")], style.CLOCK, lines=style.STATEMENT_LINE, missing="no statement runs")


def of_server():
    return row(9, load_by_database(), active_by_wait(), blocking(), widths=(10, 8, 6))


def of_machine():
    return row(8, used(), cpu_by_database(), container_memory(), saturation())


def of_tenant():
    """The same for one database."""
    one = ONE_DATABASE
    active = stacked(chart(
        "Active sessions by what they wait for", f"Average number of active sessions over three minutes. {ACTIVE}",
        [(f"{one.max('server, datname, wait', 'pgcommons:database_active:sessions')} > 0", "{{wait}}")], axis="sessions",
        missing="no session is active"), 60)
    statements = chart(
        "Statements", "Average number of statements that run at the same time, by pg_stat_statements: a statement counts when it ends. "
        "Absent unless the extension is installed in the database that the agent connects to.",
        [(f"max by ({DATABASE}) (rate({one.series('pgcommons_database_statements_seconds_total')}[$__rate_interval]))", "statements"),
         (one.max(DATABASE, "pgcommons:database_cpu:cores"), "CPU cores")], axis="statements, cores", missing="not installed")
    shares = chart(
        "Share of the server", "This database's share of what all databases use: active sessions, CPU, waits for I/O, temporary bytes, WAL "
        "and commits. A share without data is not measured.",
        [(one.max(DATABASE, f"pgcommons:database_{what}:share"), name) for what, name in (
            ("active", "active sessions"), ("cpu", "CPU"), ("io", "I/O waits"), ("temporary", "temporary bytes"), ("wal", "WAL"),
            ("commits", "commits"))], style.SHARE, missing="none").max(1)
    return row(8, active, statements, shares)
