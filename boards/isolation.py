"""Which databases the privileges keep apart, and whether what is declared fits."""
import queries
import style
import table
from board import path
from panels import bars
from queries import DATABASE, ONE_SERVER as s
from table import Column

PROPERTIES = {name: (text, "orange") for name, text in (
    ("connection_limit", "another limit"), ("no_connection_limit", "no limit"), ("owner", "another owner"), ("roles", "declared roles"))}


def findings():
    found = s.max("server, finding", "pgcommons_isolation_findings")
    return bars(
        "Isolation findings", "Findings of pgcommons audit by kind, without kinds that have none. A check that could not be made is not "
        "here: the audit says which. pgcommons audit prints the names, and the SQL that closes them.",
        [(f"sum by (finding) ({found} > 0)", "{{finding}}")], style.COUNT, steps=style.ANY_IS_DOUBTFUL, missing="no findings")


def tenants():
    """Also databases of which only one of the figures is known."""
    limit = s.max(DATABASE, "pgcommons_database_connections_limit", 'kind="database"')
    ceiling = s.max(DATABASE, "pgcommons_database_pool_ceiling")
    columns = [
        Column("Database", label="datname", link=path("Tenant", "server", datname="__value.raw") + "&${__url_time_range}"),
        Column("Foreign roles", s.max(DATABASE, "pgcommons_database_foreign_connect_roles"), steps=style.ANY_IS_DOUBTFUL, width=110,
               decimals=0),
        Column("Pool ceiling", ceiling, width=100, decimals=0),
        Column("Limit", limit, width=65, decimals=0),
        Column("Ceiling / limit", queries.share(ceiling, limit), unit=style.SHARE, steps=style.POOLS, width=110, decimals=0),
        Column("Drift", s.max("server, datname, property", "pgcommons_database_drift"), label="property",
               texts=PROPERTIES, width=120),
    ]
    return table.table(
        "Isolation and pools", "One row per database, the one that most roles may enter first. Foreign roles are login roles that the "
        "privileges let connect although they do not belong to it. Pool ceiling is what its declared pools can open at most, a "
        "rollout included; above the limit logins are refused. Drift is what differs from the configuration.",
        columns, order=[("Foreign roles", True), ("Ceiling / limit", True)], hide=["server"])
