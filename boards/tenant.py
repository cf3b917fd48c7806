"""Tenant: one database of one server."""
import backups
import load
import poolers
import probes
import queries
import style
import table
from alerts import alerts
from board import board as frame, crashes, database, one_server, path, restarts, row
from panels import bar_chart, chart, colored, limit, stacked, stat
from queries import DATABASE, ONE_DATABASE as s, statistic
from table import Column

SESSION = "server, datname, state, usename, application_name, backend_type"


def numbers():
    lost = s.series("pgcommons_database_sessions_lost_total", 'how="fatal"')
    return row(
        4,
        stat("Free connections", "Connections that an ordinary role can still open in this database, the smallest over all limits. At "
             "0 new connections are refused.", queries.free_connections(s), steps=style.FREE),
        stat("Binding limit", "The limit that is reached first, and where it is set: on the database, or by the slots of the server. "
             "A budget is no limit.", queries.binding_limit(s), legend="{{kind}}", decimals=0),
        stat("Peak", "The highest count of any poll in the time range, as a share of the smallest limit.",
             f"{queries.database_peak(s)} / {queries.smallest_limit(s)}", style.SHARE, steps=style.LIMIT_USED, decimals=0),
        stat("Time at the limit", "Time without a free connection in this database, in the time range.",
             queries.database_at_the_limit(s), style.SECONDS, steps=style.AT_THE_LIMIT, decimals=0),
        stat("Fatal errors", "Sessions of this database that ended with a fatal error, in the time range. Includes refused logins, and "
             "sessions that a timeout ended. Absent before PostgreSQL 14.",
             statistic(DATABASE, queries.increase(lost, "$__range")), steps=style.LOST, decimals=0),
        stat("Quota used", "Size on disk as a share of the configured quota.", queries.share(queries.size(s), queries.quota(s)),
             style.SHARE, steps=style.QUOTA_USED, missing="no quota", decimals=0),
        stat("Quota reached in", "When the size reaches the quota if it grows as in the last day (needs six hours of data); reached if "
             "it has.", queries.quota_reached(s), style.SECONDS, steps=style.QUOTA_REACHED,
             texts=style.QUOTA_REACHED_TEXTS, missing="no quota", decimals=1),
        widths=(4, 3, 3, 4, 3, 3, 4),
    )


def contacts():
    """The labels of a budget may have any names: those without a column here follow."""
    info = f"max without (job, instance) ({s.series('pgcommons_database_info')})"
    columns = [Column("Owner", info, label="owner"), Column("Team", label="team")]
    return table.table("Owner and team", "The owner and the labels that the configuration has for this database, for calls at night.",
                       columns, order=[("Owner", False)], hide=["server", "datname"], missing="no budget")


def sessions():
    """Client sessions, with every label that distinguishes them."""
    return s.max(SESSION, "pg_stat_activity_count", 'backend_type="client backend"')


def by_limit(title, description, queries_of_panel):
    panel = stacked(chart(title, description, queries_of_panel, axis="connections", decimals=0), 60)
    for name, shade in (("limit: database", "red"), ("limit: budget", "orange"), ("limit: server", style.GREY), ("limit", "red")):
        limit(panel, name, shade)
    return panel


def connections():
    by_kind = "min by (server, datname, kind)"
    limits = s.series("pgcommons_database_connections_limit", 'kind!="server"')
    server = s.series("pgcommons_database_connections_limit", 'kind="server"')
    every_limit = (f"{by_kind} ({limits}) or on (server, datname) {by_kind} ({server})", "limit: {{kind}}")
    smallest = (queries.smallest_limit(s), "limit")
    named = f'label_replace({sessions()}, "application_name", "no name", "application_name", "")'
    return row(
        9,
        by_limit("Connections by state", "Client sessions by state, with the limits of the database and of its budget, or the server's "
                 "limit if it has neither. Includes superusers, although limits do not bind them.",
                 [(f"sum by (server, datname, state) ({sessions()})", "{{state}}"), every_limit]),
        by_limit("Connections by role", "Client sessions by role, with the smallest limit that applies.",
                 [(f"sum by (server, datname, usename) ({sessions()})", "{{usename}}"), smallest]),
        by_limit("Connections by application", "Client sessions by application_name, with the smallest limit that applies. "
                 "Applications without series of their own are summed up as other.",
                 [(f"sum by (server, datname, application_name) ({named})", "{{application_name}}"), smallest]))


def rate(metric):
    return statistic(DATABASE, f"rate({s.series(metric)}[$__rate_interval])")


def work():
    hit, read = rate("pg_stat_database_blks_hit"), rate("pg_stat_database_blks_read")
    transactions = chart("Transactions", "Committed and rolled back transactions per second.",
                         [(rate("pg_stat_database_xact_commit"), "committed"), (rate("pg_stat_database_xact_rollback"), "rolled back")],
                         style.PER_SECOND)
    colored(transactions, "committed", "green")
    colored(transactions, "rolled back", "red")
    return row(
        8, transactions,
        chart("Cache hit ratio", "Blocks found in shared buffers, as a share of all blocks requested; no line if none were requested. "
              "Other blocks may still come from the operating system's cache.", [(f"{hit} / ({hit} + {read} > 0)", "hit ratio")],
              style.SHARE).min(0).max(1),
        chart("Temporary files written", "Bytes per second written to temporary files by sorts and hashes that do not fit in work_mem. "
              "A file is counted when it is closed.", [(rate("pg_stat_database_temp_bytes"), "temporary files")], style.BYTES_PER_SECOND))


def shared():
    """What this database takes from the others."""
    resource = "server, resource"
    held = f"{s.max(resource, 'pgcommons_database_resource_slots_used')} > 0"
    limit_of_server = s.whole_server().max(resource, "pgcommons_resource_slots_limit")
    return row(
        7,
        chart("Open temporary files", "Bytes in temporary files that are open now, without those of parallel queries.",
              [(f"{s.max(DATABASE, 'pgcommons_database_temporary_bytes')} > 0", "temporary files")], style.BYTES, missing="none"),
        chart("WAL kept by its replication slots", "WAL of all databases that a replication slot of this database keeps on disk, "
              "because its client has not read it.",
              [(f"{s.max(DATABASE, 'pgcommons_database_wal_retained_bytes')} > 0", "WAL")], style.BYTES,
              missing="none"),
        chart("Resources held", "What this database holds of resources that all databases share, as a share of the limit of the server.",
              [(f"({held}) / {limit_of_server}", "{{resource}}")], style.SHARE, missing="none"))


def locks():
    deadlocks = statistic(DATABASE, queries.increase(s.series("pg_stat_database_deadlocks"), "$__rate_interval"))
    blocked = chart("Blocked sessions and deadlocks", "Sessions that wait for a lock, and detected deadlocks.",
                    [(s.max(DATABASE, "pgcommons_database_sessions_blocked"), "blocked sessions"), (deadlocks, "deadlocks")],
                    axis="sessions, deadlocks", decimals=0).axis_soft_max(1)
    colored(blocked, "blocked sessions", "orange")
    colored(blocked, "deadlocks", "red", custom_drawStyle="bars", custom_fillOpacity=80)
    return row(
        8,
        bar_chart(chart("Locks", "Locks held or awaited, by mode.",
                        [(f"{s.max('server, datname, mode', 'pg_locks_count')} > 0", "{{mode}}")], axis="locks",
                        missing="no locks", decimals=0)),
        blocked,
        chart("Oldest open transaction", "Age of the oldest open transaction, by state. An old transaction that is idle holds its "
              "locks and holds back vacuum.", [(s.max("server, datname, state", "pg_stat_activity_max_tx_duration"), "{{state}}")],
              style.CLOCK, lines=style.HOUR_LINE, missing="no open transaction"),
        load.oldest_statement_by_application())


def size():
    panel = chart("Size and forecast", "Size on disk, the quota, and the size in seven days if the database grows as in the last day "
                  "(needs six hours of data).",
                  [(queries.size(s), "size"), (queries.quota(s), "quota"), (queries.forecast(s), "in 7 days")], style.BYTES)
    colored(panel, "size", "blue")
    limit(panel, "quota")
    limit(panel, "in 7 days", "purple")
    active = chart("Active sessions", "Average number of sessions that execute a statement, and of those that read or write blocks "
                   "(0 without track_io_timing). A statement is counted when it ends.",
                   [(rate("pg_stat_database_active_time_seconds_total"), "executing"),
                    (f"{rate('pg_stat_database_blk_read_time')} / 1000", "reading blocks"),
                    (f"{rate('pg_stat_database_blk_write_time')} / 1000", "writing blocks")], axis="sessions")
    return row(8, panel, active)


def board():
    return frame(
        "Tenant", "One database of a shared PostgreSQL server in detail.",
        rows=[numbers(), row(6, alerts(s, hide=["server"]), contacts(), widths=(16, 8)), connections(),
              row(8, poolers.of_database(s), probes.workspaces()), load.of_tenant(), work(), shared(), locks(), size(), backups.of_database()],
        variables=[one_server(), database()], annotations=[restarts(s.whole_server()), crashes(s.whole_server())],
        links={"Fleet": [], "Shared server": ["server"], "Agent": ["server"]})
