"""Panels about the poolers in front of a server."""
import style
import table
from panels import chart, colored, limit, stacked
from queries import DATABASE, ONE_SERVER
from table import Column

NONE = "no pooler is configured"


def waiting(s=ONE_SERVER):
    clients = f"sum by ({DATABASE}) ({s.series('pgcommons_pooler_clients_waiting_peak')})"
    return chart("Clients that wait in poolers", "The longest queue within poll.window, by database, of all poolers. Clients wait while "
                 "every connection of the pool is in use, or while PostgreSQL admits no more.", [(clients, "{{datname}}")], axis="clients",
                 missing=NONE, decimals=0)


def pools():
    s = ONE_SERVER
    ceiling = f"sum by ({DATABASE}) ({s.series('pgcommons_pooler_ceiling')})"
    own = s.max(DATABASE, "pgcommons_database_connections_limit", 'kind="database"')
    columns = [
        Column("Database", label="datname"),
        Column("Waiting", f"sum by ({DATABASE}) ({s.series('pgcommons_pooler_clients_waiting')})", width=75, steps=style.WAITING),
        Column("Free in PostgreSQL", f"{s.min(DATABASE, 'pgcommons_database_connections_headroom')} and {ceiling}", width=140,
               steps=style.FREE),
        Column("Poolers may open", ceiling, width=130),
        Column("Limit", f"{own} and {ceiling}", width=60),
        Column("Of the limit", f"{ceiling} / {own}", unit=style.SHARE, decimals=0, steps=style.CEILING, width=110),
    ]
    return table.table(
        "Pools against limits", "Databases behind poolers, those with waiting clients first. If clients wait while PostgreSQL has "
        "connections free, the pool is too small. Above 100 % of the limit, logins will be refused.", columns,
        order=[("Waiting", True), ("Of the limit", True)], hide=["server"], missing=NONE)


def clients():
    s = ONE_SERVER
    used = s.max("server, pooler", "pgbouncer_used_clients")
    return chart("Clients of each pooler", "Clients that are connected, as a share of max_client_conn. At 100 % further clients are refused.",
                 [(f"{used} / {s.max('server, pooler', 'pgbouncer_config_max_client_connections')}", "{{pooler}}")], style.SHARE,
                 lines=style.SHARE_LINES, missing=NONE)


def of_database(s):
    servers = f"sum by ({DATABASE}) ({s.series('pgcommons_pooler_server_connections')})"
    panel = stacked(chart(
        "Connections and clients in poolers", "Connections of all poolers to this database, and on top of them the clients that wait. "
        "Ceiling: what the poolers may open. The red line is the limit of the database.",
        [(servers, "connections"), (f"sum by ({DATABASE}) ({s.series('pgcommons_pooler_clients_waiting')})", "clients that wait"),
         (f"sum by ({DATABASE}) ({s.series('pgcommons_pooler_ceiling')})", "ceiling"),
         (s.max(DATABASE, "pgcommons_database_connections_limit", 'kind="database"'), "limit")], axis="connections", missing=NONE,
        decimals=0))
    limit(panel, "ceiling", style.GREY)
    limit(panel, "limit")
    colored(panel, "connections", "green")
    return colored(panel, "clients that wait", "orange")
