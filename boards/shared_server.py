"""Shared server: one server, and how its databases and roles share it."""
import backups
import isolation
import load
import poolers
import probes
import queries
import resources
import storage
import style
import table
from alerts import alerts
from board import board as frame, crashes, one_server, path, restarts, row
from panels import chart, colored, limit, stacked, stat
from queries import DATABASE, ONE_SERVER as s, ROLE, SERVER
from table import Column


def what_runs_out():
    columns = [
        Column("Resource", label="resource", texts=resources.NAMES, width=195),
        Column("State", resources.state(s), width=120, texts=resources.STATE, cell=table.BACKGROUND, rest={"custom_align": "center"}),
        Column("Share used", resources.used(s), unit=style.SHARE, decimals=0, width=115),
        Column("Used", s.max(resources.RESOURCE, "pgcommons_resource_slots_used"), width=75, decimals=0),
        Column("Limit", resources.limit(s), width=75, decimals=0),
        Column("Largest database", label="datname", link=path("Tenant", "server", datname="__value.raw") + "&${__url_time_range}"),
        Column("Holds", resources.largest(s), unit=style.SHARE, decimals=0, width=75),
    ]
    return table.table(
        "What runs out first", "The finite resources of the server: those that need attention first, then by the share used. At 100 % "
        "PostgreSQL refuses, waits or stops; the lock table fails between 160 and 190 %. Used and Limit are counts. Largest database "
        "is the one that holds most, and Holds its share of the limit; for IDs it is the one with the oldest. A resource "
        "without a limit is not listed.",
        columns, order=[("State", False), ("Share used", True)], hide=["server"], missing="unknown")


def numbers():
    lost = s.series("pgcommons_database_sessions_lost_total", 'how="fatal"')
    return row(
        4,
        stat("Server", "Whether the last poll of the server succeeded. While it is down, all other panels are empty.",
             s.min(SERVER, "pg_up"), steps=style.UP, texts=style.STATE, filled=True),
        stat("Free slots", "Connections that an ordinary role can still open: slots less the reserved ones and those in use. "
             "At 0 every application is refused.", queries.free_slots(s), steps=style.FREE),
        stat("Peak", "The highest count of any poll in the time range, as a share of the slots that ordinary roles may use. "
             "Polls are more frequent than scrapes.", queries.share(queries.server_peak(s), queries.slots(s)), style.SHARE,
             steps=style.LIMIT_USED, decimals=0),
        stat("Time at the limit", "Time without a free connection on the whole server, in the time range.",
             queries.server_at_the_limit(s), style.SECONDS, steps=style.AT_THE_LIMIT, decimals=0),
        stat("Fatal errors", "Sessions of all databases that ended with a fatal error, in the time range. Includes refused logins, "
             "and sessions that a timeout ended. Absent before PostgreSQL 14.",
             queries.statistic(SERVER, queries.increase(lost, "$__range")), steps=style.LOST, decimals=0),
        stat("Quota reached in", "When the first database reaches its size quota if it grows as in the last day (needs six hours of "
             "data); reached if it has.", queries.quota_reached(s, "min by (server) {}"), style.SECONDS,
             steps=style.QUOTA_REACHED, texts=style.QUOTA_REACHED_TEXTS, missing="no quotas", decimals=1),
        stat("Crashes", "Crashes of the server that the agent saw in the time range: a process of the server died, and PostgreSQL "
             "ended all sessions.", s.grown(SERVER, "pgcommons_server_crashes_total", "$__range"), steps=style.ANY_IS_BAD, decimals=0),
        stat("Last crash", "The last crash that is known. It may be before the time range.",
             f"1000 * {s.max(SERVER, 'pgcommons_server_last_crash_timestamp_seconds')}", style.AGO, missing="none known"),
        widths=(2, 3, 2, 4, 3, 4, 3, 3),
    )


def committed():
    return stat(
        "Committed", "Sum of the connection limits of the databases as a share of the slots; a database without a limit counts as the "
        "whole server. Above 100 % the limits do not protect the tenants from each other.",
        queries.share(queries.committed(s), queries.slots(s)), style.SHARE, steps=style.COMMITTED, decimals=0)


def databases():
    columns = [
        Column("Database", label="datname", link=path("Tenant", "server", datname="__value.raw") + "&${__url_time_range}"),
        Column("Owner", s.max("server, datname, owner", "pgcommons_database_info"), label="owner", width=90),
        Column("Used", s.max(DATABASE, "pgcommons_database_connections"), width=65),
        Column("Limit", queries.binding_limit(s), width=65),
        Column("Set by", label="kind", width=85),
        Column("Free", queries.free_connections(s), steps=style.FREE, width=65),
        Column("Limit used", queries.limit_used(s), unit=style.SHARE, steps=style.LIMIT_USED_BAR, cell=table.BAR, width=170,
               rest={"min": 0, "max": 1}),
        Column("Peak", queries.database_peak(s), width=65),
        Column("Time at the limit", queries.database_at_the_limit(s), unit=style.SECONDS, steps=style.AT_THE_LIMIT, decimals=0,
               width=130),
        Column("Size", queries.size(s), unit=style.BYTES, decimals=1, width=90),
        Column("Quota", queries.quota(s), unit=style.BYTES, decimals=1, width=90),
        Column("Quota used", queries.share(queries.size(s), queries.quota(s)), unit=style.SHARE, steps=style.QUOTA_USED, decimals=0,
               width=100),
        Column("Quota reached in", queries.quota_reached(s), unit=style.SECONDS, steps=style.QUOTA_REACHED,
               texts=style.QUOTA_REACHED_TEXTS, decimals=1, width=145),
    ]
    return row(9, table.table(
        "Databases", "One row per database, the one with the fewest free connections first. Limit is the one that binds: the limit of "
        "the database, or the slots left on the server. Peak and Time at the limit (without a free connection) are for the time range. "
        "Quota reached in assumes growth as in the last day (needs six hours of data).",
        columns, order=[("Free", False), ("Limit used", True)], hide=["server"]))


def connections():
    used = s.max(DATABASE, "pgcommons_database_connections")
    others = f"clamp_min({queries.used_slots(s)} - sum by (server) ({used}), 0)"
    slots = stacked(chart(
        "Slots by database", "Slots in use by database. Others are sessions outside the monitored databases, including the agent's "
        "own. At the red line ordinary roles are refused; between the red and the grey line only roles with reserved slots can connect.",
        [(used, "{{datname}}"), (others, "others"), (queries.slots(s), "limit for applications"),
         (s.max(SERVER, "pg_settings_max_connections"), "max_connections")], axis="connections", decimals=0), 60)
    limit(slots, "limit for applications")
    limit(slots, "max_connections", style.GREY)
    colored(slots, "others", style.DARK_GREY)
    peaks = f"{queries.database_peak(s, '$__rate_interval')} / {queries.smallest_limit(s)}"
    return row(10, slots, chart(
        "Peak of each database against its limit", "The highest count of any poll, as a share of the smallest limit that applies to "
        "the database.", [(peaks, "{{datname}}")], style.SHARE, lines=style.SHARE_LINES), widths=(16, 8))


def roles():
    limits = s.max("server, rolname, kind", "pgcommons_role_connections_limit")
    columns = [
        Column("Role", label="rolname"),
        Column("Used", s.max(ROLE, "pgcommons_role_connections"), width=58),
        Column("Limit", f"bottomk by (server, rolname) (1, {limits})", width=58),
        Column("Set by", label="kind", width=80),
        Column("Free", s.min(ROLE, "pgcommons_role_connections_headroom"), steps=style.FREE, width=58),
        Column("Peak", s.over(ROLE, "max_over_time", "pgcommons_role_connections_peak", "$__range"), width=58),
    ]
    return table.table(
        "Roles against their limits", "Roles, those with the fewest free connections first. Limit is the smallest that applies: the "
        "limit of the role, or the slots it may use. Free is the number of connections left in a database without a limit.",
        columns, order=[("Free", False)], hide=["server"])


def work():
    return row(
        8,
        stacked(chart("Size of each database", "Size on disk of the measured databases.", [(queries.size(s), "{{datname}}")],
                      style.BYTES)),
        transactions(), load.oldest_statements())


def transactions():
    panel = chart(
        "Open transactions", "Age of the oldest open transaction of each database, and the number of open transactions on the server. "
        "An old one holds back vacuum everywhere on the server.",
        [(s.max(DATABASE, "pg_stat_activity_max_tx_duration", 'datname!=""'), "{{datname}}"),
         (s.max(SERVER, "pg_long_running_transactions"), "number of open transactions")], style.CLOCK, lines=style.HOUR_LINE,
        missing="no open transaction")
    return colored(panel, "number of open transactions", style.GREY, unit=style.COUNT, decimals=0, custom_axisPlacement="right",
                   custom_fillOpacity=10, custom_lineWidth=1)


def board():
    return frame(
        "Shared server", "What runs out first on a PostgreSQL server that many applications share, and which database is closest "
        "to its limit.",
        rows=[
            row(9, what_runs_out(), storage.parts(), widths=(15, 9)),
            numbers(), databases(),
            row(7, alerts(s, hide=["server"]), roles(), widths=(15, 9)),
            load.of_server(), load.of_machine(),
            connections(),
            row(8, poolers.pools(), poolers.waiting(), poolers.clients(), widths=(12, 7, 5)),
            row(7, storage.volumes(), storage.slots(), widths=(11, 13)),
            row(8, storage.temporary_files(), storage.wal(), storage.archiving()),
            backups.of_server(),
            work(),
            row(9, isolation.findings(), isolation.tenants(), widths=(9, 15)),
            row(6, probes.databases()),
            row(8, storage.checkpoints(), storage.standbys(), committed(), widths=(10, 10, 4)),
        ],
        variables=[one_server()], annotations=[restarts(s), crashes(s)],
        links={"Fleet": [], "Tenant": ["server"], "Agent": ["server"]})
