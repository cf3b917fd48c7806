"""Capacity: limits against the peaks of two weeks, and whether several servers would fit in one."""
import queries
import style
import table
from board import board as frame, path, row, servers
from panels import bars, chart, colored, limit, stat
from queries import DATABASE, SERVER, SERVERS as s
from table import Column

SLACK = ("green", 2, "orange")
DAYS = ("orange", 7, "green")
PEAK_USED = ("transparent", 0, "green", 0.9, "orange", 1, "red")


def peak():
    return s.max(DATABASE, "pgcommons:database_connections:peak_14d")


def advised():
    return s.max(DATABASE, "pgcommons:database_connections:advised_limit")


def own_limit():
    return s.max(DATABASE, "pgcommons:database_connections_limit:own")


def server_peak():
    return s.max(SERVER, "pgcommons:server_connections:peak_14d")


def together():
    """Of the servers that are chosen: what they had at the same time. A time at which one is unknown has no sum."""
    each = s.max(SERVER, "pgcommons:server_connections:peak_5m")
    return f"sum({each}) and on () count({each}) == count({server_peak()})"


def number_of(databases):
    """How many; 0 if there are others."""
    return f"count({databases}) or 0 * count({peak()})"


def numbers():
    return row(
        4,
        stat("Limits far above the peak", "Databases whose limit is at least twice the advised one.",
             number_of(f"{own_limit()} >= 2 * {advised()}"), steps=style.ANY_IS_DOUBTFUL, decimals=0),
        stat("Limits that were reached", "Databases whose peak in 14 days was at least 90 % of their limit.",
             number_of(f"{peak()} >= 0.9 * {own_limit()}"), steps=style.ANY_IS_BAD, decimals=0),
        stat("Without a limit", "Databases that may take all slots of their server. That of administration is among them.",
             number_of(f"{peak()} unless {own_limit()}"), steps=style.ANY_IS_DOUBTFUL, decimals=0),
        stat("Least days of data", "The database with the least days of data out of 14. Less than seven are not enough to lower a limit.",
             f"min({s.max(DATABASE, 'pgcommons:database_connections:days_14d')})", steps=DAYS, decimals=1),
        stat("Sum of the peaks of servers", "The highest count of each server in 14 days, added up.", f"sum({server_peak()})", decimals=0),
        widths=(5, 5, 4, 5, 5))


def databases():
    columns = [
        Column("Server", label="server", width=110, link=path("Shared server", server="__value.raw")),
        Column("Database", label="datname", link=path("Tenant", server="__data.fields.Server", datname="__value.raw")),
        Column("Limit", own_limit(), width=70, decimals=0),
        Column("Peak, 14 d", peak(), width=90, decimals=0),
        Column("Limit used", f"{peak()} / {own_limit()}", unit=style.SHARE, steps=PEAK_USED, cell=table.BAR, width=150,
               rest={"min": 0, "max": 1}),
        Column("Advised", advised(), width=80, decimals=0),
        Column("Limit / advised", f"{own_limit()} / {advised()}", steps=SLACK, decimals=1, width=130),
        Column("Size", queries.size(s), unit=style.BYTES, decimals=1, width=90),
        Column("Grown in a day", s.max(DATABASE, "pgcommons:database_size_bytes:growth_1d"), unit=style.BYTES, decimals=1, width=115),
        Column("Days of data", s.max(DATABASE, "pgcommons:database_connections:days_14d"), steps=DAYS, decimals=1, width=100),
    ]
    return row(11, table.table(
        "Limits and peaks", "Each database with the limit that PostgreSQL enforces, its highest count in 14 days, and the limit that this "
        "peak needs alone: a quarter more, rounded up. pgcommons advise also looks at slots, pools, gaps and load.",
        columns, order=[("Limit / advised", True)]))


def servers_together():
    sum_of_peaks = f"sum({server_peak()})"
    panel = chart(
        "Connections together", "The connections that the chosen servers had at the same time, within five minutes, and the sum of their "
        "peaks in 14 days. One server for all of them needs the highest point of the first, with a margin. There is no line while a server is "
        "unknown.", [(together(), "at the same time"), (sum_of_peaks, "sum of the peaks")], axis="connections", decimals=0)
    colored(panel, "at the same time", "blue", custom_fillOpacity=20)
    return limit(panel, "sum of the peaks", style.GREY)


def each_server():
    advised_sum = f"sum by ({SERVER}) ({advised()})"
    columns = [
        Column("Server", label="server", link=path("Shared server", server="__value.raw")),
        Column("Slots", queries.slots(s), width=65, decimals=0),
        Column("Peak, 14 d", server_peak(), width=90, decimals=0),
        Column("Advised limits", advised_sum, width=110, decimals=0),
        Column("Of the slots", f"{advised_sum} / {queries.slots(s)}", unit=style.SHARE, steps=style.COMMITTED, decimals=0, width=115),
    ]
    return table.table(
        "Servers", "The slots of each server, its highest count in 14 days, and the sum of the limits that are advised for its databases. Above "
        "100 % the margins must be smaller: pgcommons advise does that.", columns, order=[("Of the slots", True)])


def load():
    average = f"avg_over_time({s.series('pgcommons:database_load:sessions_5m')}[$__range])"
    return row(9, bars(
        "Load by database", "Average number of sessions that used the machine in the time range (cpu, io, lwlock): the ten highest.",
        [(f"topk(10, max by ({DATABASE}) ({average}))", "{{server}} / {{datname}}")], style.COUNT).decimals(2))


def board():
    return frame(
        "Capacity", "Limits against the peaks of two weeks, and whether several servers would fit in one.",
        rows=[numbers(), databases(), row(9, servers_together(), each_server(), widths=(14, 10)), load()],
        variables=[servers()], annotations=[], since="now-14d",
        links={"Fleet": [], "Shared server": [], "Tenant": []})
