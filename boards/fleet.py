"""Fleet: all servers, those that need attention first."""
import queries
import resources
import style
import table
from alerts import alerts
from board import board as frame, crashes, path, restarts, row, servers
from panels import bars, chart, stacked, stat
from queries import SERVER, SERVERS as s
from table import Column

TIME_RANGE = "&${__url_time_range}"


def numbers():
    near_limit = f"count(({queries.limit_used(s)}) >= 0.8) or 0 * count({s.series('pg_up')} == 1)"
    near_quota = f"count({queries.share(queries.size(s), queries.quota(s))} >= 0.85) or 0 * count({s.series('pg_up')} == 1)"
    return row(
        4,
        stat("Servers", "Servers that agents poll, in any state.", f"count({s.max(SERVER, 'pg_up')})", decimals=0),
        stat("Servers down", "Servers whose last poll failed, or whose agent is no longer scraped. Their other series are absent.",
             queries.servers_in_state(s, "< 2"), steps=style.ANY_IS_BAD, decimals=0),
        stat("Servers full", "Servers without a free slot for ordinary roles: they refuse applications.",
             queries.servers_in_state(s, "== 2"), steps=style.ANY_IS_BAD, decimals=0),
        stat("Databases near a limit", "Databases that use at least 80 % of the limit that binds.", near_limit,
             steps=style.ANY_IS_DOUBTFUL, decimals=0),
        stat("Databases near their quota", "Databases that use at least 85 % of their size quota.", near_quota,
             steps=style.ANY_IS_DOUBTFUL, decimals=0),
        stat("Longest time at the limit", "Time without a free slot in the time range, on the server with the longest such time.",
             f"max({queries.server_at_the_limit(s)})", style.SECONDS, steps=style.AT_THE_LIMIT, decimals=0),
        widths=(3, 3, 3, 5, 5, 5),
    )


def all_servers():
    columns = [
        Column("Server", label="server", link=path("Shared server", server="__value.raw") + TIME_RANGE),
        Column("State", queries.server_state(s), width=110, texts=style.SERVER_STATE, cell=table.BACKGROUND,
               rest={"custom_align": "center"}),
        Column("Version", s.max("server, short_version", "pg_static"), label="short_version", width=75),
        Column("Up for", f"time() - {s.max(SERVER, 'pg_postmaster_start_time_seconds')}", unit=style.SECONDS, decimals=1, width=90),
        Column("Used", queries.used_slots(s), width=65),
        Column("Slots", queries.slots(s), width=65),
        Column("Free", queries.free_slots(s), steps=style.FREE, width=65),
        Column("Slots used", queries.share(queries.used_slots(s), queries.slots(s)), unit=style.SHARE, steps=style.LIMIT_USED_BAR,
               cell=table.BAR, width=150, rest={"min": 0, "max": 1}),
        Column("Peak", queries.server_peak(s), width=65),
        Column("Time at the limit", queries.server_at_the_limit(s), unit=style.SECONDS, steps=style.AT_THE_LIMIT, decimals=0, width=130),
        Column("Committed", queries.share(queries.committed(s), queries.slots(s)), unit=style.SHARE, steps=style.COMMITTED,
               decimals=0, width=100),
        Column("Fullest database", label="datname", width=150,
               link=path("Tenant", server="__data.fields.Server", datname="__value.raw") + TIME_RANGE),
        Column("Its limit used", f"topk by (server) (1, {queries.limit_used(s)})", unit=style.SHARE, steps=style.LIMIT_USED,
               decimals=0, width=110),
    ]
    return row(9, table.table(
        "States of the servers", "One row per server, in the order of their states: down; no data from its agent; full (or too full "
        "for the agent); no privilege to count sessions; up. Of equal servers the fullest is first. Committed is the sum of the limits "
        "of its databases, as a share of its slots. Fullest database is the one that uses the largest share of the limit that binds. "
        "Peak and Time at the limit are for the time range.",
        columns, order=[("State", False), ("Slots used", True)]))


def exhaustion():
    """What runs out first, of all resources, and what is left on the fullest volume."""
    def of(metric):
        return s.max("server, volume, source", f"pgcommons_server_storage_{metric}_bytes")

    left = queries.share(of("available"), of("capacity"))
    columns = [
        Column("Server", label="server", link=path("Shared server", server="__value.raw") + TIME_RANGE, width=95),
        Column("Runs out first", label="resource", texts=resources.NAMES, width=185),
        Column("Share", resources.first(s), unit=style.SHARE, decimals=0, width=75),
        Column("Storage left", f"min by (server) ({left})", unit=style.SHARE, steps=style.AVAILABLE, decimals=0, width=95),
        Column("Crashes, 7 d", s.grown(SERVER, "pgcommons_server_crashes_total", "7d"), steps=style.ANY_IS_BAD, decimals=0, width=100),
    ]
    return table.table(
        "Resources and crashes", "The resource of each server of which the largest share is used, without autovacuum workers and "
        "parallel workers; the available share of its fullest volume; and its crashes in seven days.", columns, order=[("Share", True)])


def connections():
    peaks = queries.share(queries.server_peak(s, "$__rate_interval"), queries.slots(s))
    return row(
        9,
        chart("Free slots", "Connections that an ordinary role can still open on each server. At 0 its applications are refused.",
              [(queries.free_slots(s), "{{server}}")], axis="connections", decimals=0),
        chart("Peaks", "The highest count of any poll, as a share of the slots, including polls between two scrapes.",
              [(peaks, "{{server}}")], style.SHARE, lines=style.SHARE_LINES),
    )


def databases():
    return row(
        11,
        bars("Ten fullest databases", "The databases on all servers that use the largest share of the limit that binds.",
             [(f"topk(10, {queries.limit_used(s)})", "{{server}} / {{datname}}")], style.SHARE, steps=style.LIMIT_USED).max(1),
        stacked(chart("Size of all databases", "Size on disk of the measured databases, by server.",
                      [(f"sum by (server) ({queries.size(s)})", "{{server}}")], style.BYTES)),
        stacked(chart("When servers were down", "Which servers could not be polled, and when; also while they were too full for the "
                      "agent. A gap means that the agent was not scraped.",
                      [(f"1 - {s.min(SERVER, 'pg_up')} > 0", "{{server}}")], axis="servers", missing="never", decimals=0),
                60).axis_soft_max(1),
    )


def board():
    return frame(
        "Fleet", "All PostgreSQL servers at a glance: which servers are down or full, and which databases fill them.",
        rows=[numbers(), all_servers(), row(7, alerts(s), exhaustion(), widths=(14, 10)), connections(), databases()],
        variables=[servers()], annotations=[restarts(s), crashes(s)],
        links={"Capacity": [], "Shared server": [], "Tenant": [], "Agent": ["server"]})
