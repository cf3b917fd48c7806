"""Fleet: all servers, those that need attention first."""
import queries
import style
import table
from board import board as frame, path, restarts, row, servers
from panels import bars, chart, stacked, stat
from queries import DATABASE, SERVER, SERVERS as s
from table import Column


def numbers():
    near_limit = f"count(({queries.full(s)}) >= 0.8) or 0 * count({s.series('pg_up')} == 1)"
    near_quota = f"count({queries.share(queries.size(s), queries.quota(s))} >= 0.85) or 0 * count({s.series('pg_up')} == 1)"
    return row(
        4,
        stat("Servers up", "Servers whose last poll succeeded.", f"sum({s.max(SERVER, 'pg_up')})", steps=("green",), decimals=0),
        stat("Servers down", "Servers whose last poll failed. Their other series are absent.",
             queries.servers_down(s), steps=style.ANY_IS_BAD, decimals=0),
        stat("Fewest free slots", "Free slots for ordinary roles, on the server with the fewest.",
             f"bottomk(1, {queries.free_slots(s)})", legend="{{server}}", steps=style.FREE, decimals=0),
        stat("Tenants near a limit", "Databases that use at least 80 % of the limit that binds.", near_limit,
             steps=style.ANY_IS_DOUBTFUL, decimals=0),
        stat("Databases near quota", "Databases that use at least 85 % of their size quota.", near_quota,
             steps=style.ANY_IS_DOUBTFUL, decimals=0),
        stat("Time full", "Time without a free connection in the time range, on the server with the longest such time.",
             f"topk(1, {queries.server_at_the_limit(s)})", style.SECONDS, steps=style.AT_THE_LIMIT, decimals=0),
    )


def all_servers():
    bar = {"rest": {"min": 0, "max": 1}, "unit": style.SHARE, "decimals": 0, "steps": style.FULL, "cell": table.BAR, "width": 160}
    columns = [
        Column("Server", label="server", link=path("Shared server", server="__value.raw") + "&${__url_time_range}"),
        Column("State", s.min(SERVER, "pg_up"), width=75, texts=style.STATE, cell=table.BACKGROUND, rest={"custom_align": "center"}),
        Column("Version", s.max("server, short_version", "pg_static"), label="short_version", width=75),
        Column("Up for", f"time() - {s.max(SERVER, 'pg_postmaster_start_time_seconds')}", unit=style.SECONDS, decimals=1, width=100),
        Column("Used", queries.used_slots(s), width=75),
        Column("Slots", queries.slots(s), width=75),
        Column("Free", queries.free_slots(s), unit=style.COUNT, steps=style.FREE, width=75),
        Column("Slots used", queries.share(queries.used_slots(s), queries.slots(s)), **bar),
        Column("Peak", queries.server_peak(s), width=75),
        Column("Time full", queries.server_at_the_limit(s), unit=style.SECONDS, steps=style.AT_THE_LIMIT, decimals=0, width=95),
        Column("Promised", queries.share(queries.committed(s), queries.slots(s)), unit=style.SHARE, steps=style.COMMITTED,
               decimals=0, width=90),
        Column("Worst tenant", label="datname", width=130, link=path("Tenant", server="__data.fields.Server", datname="__value.raw")
               + "&${__url_time_range}"),
        Column("Tenant full", f"topk by (server) (1, {queries.full(s)})", **bar),
    ]
    return row(9, table.table(
        "Servers", "One row per server, the fullest first. Promised is the sum of the limits of its databases, as a share of its "
        "slots. Worst tenant is the database that uses the largest share of the limit that binds.",
        columns, order=[("Slots used", True)]))


def connections():
    peaks = queries.share(queries.server_peak(s, "$__rate_interval"), queries.slots(s))
    return row(
        9,
        chart("Free connections", "Connections that an ordinary role can still open on each server. At 0 its applications are refused.",
              [(queries.free_slots(s), "{{server}}")], decimals=0),
        chart("Peaks", "The highest count of any poll, as a share of the slots, including polls between two scrapes.",
              [(peaks, "{{server}}")], style.SHARE, lines=style.SHARE_LINES),
    )


def tenants():
    return row(
        11,
        bars("Ten fullest tenants", "The databases on all servers that use the largest share of the limit that binds.",
             [(f"topk(10, {queries.full(s)})", "{{server}} / {{datname}}")], style.SHARE, steps=style.FULL).max(1),
        stacked(chart("Size of all databases", "Size on disk of the measured databases, by server.",
                      [(f"sum by (server) ({queries.size(s)})", "{{server}}")], style.BYTES)),
        stacked(chart("Servers down", "Which servers were down, and when. A gap means that the agent was not scraped.",
                      [(f"1 - {s.min(SERVER, 'pg_up')}", "{{server}}")], decimals=0), 60).axis_soft_max(1),
    )


def board():
    return frame(
        "Fleet", "All PostgreSQL servers at a glance: which servers are down or full, and which databases fill them.",
        rows=[numbers(), all_servers(), connections(), tenants()],
        variables=[servers()], annotations=[restarts(s)],
        links={"Shared server": [], "Tenant": [], "Agent": ["server"]})
