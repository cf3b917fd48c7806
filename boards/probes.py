"""Panels about what probes find in the database of a tenant."""
import style
import table
from panels import chart, stacked
from queries import DATABASE, ONE_DATABASE, ONE_SERVER
from table import Column

NONE = "no probe is configured"


def workspaces(s=ONE_DATABASE):
    share = s.max("server, datname, workspace", "pgcommons_workspace_share_ratio")
    return stacked(chart(
        "Workspaces", "Share of each workspace in the rows of the tables that match, estimated from the last ANALYZE. It is not the share "
        "in bytes. No line while a table is not known.", [(share, "{{workspace}}")], style.SHARE, missing=NONE).min(0).max(1))


def workspaces_of(s):
    return s.max("server, datname, workspace", "pgcommons_workspace_rows", 'workspace!="other"')


def databases():
    """Also databases whose probe fails."""
    s = ONE_SERVER
    analysed = s.min(DATABASE, "pgcommons_workspace_statistics_timestamp_seconds")
    estimated, not_analysed, not_readable = (s.max(DATABASE, "pgcommons_workspace_tables", f'state="{state}"')
                                             for state in ("estimated", "not_analysed", "not_readable"))
    columns = [
        Column("Database", label="datname"),
        Column("Probe", s.min(DATABASE, "pgcommons_probe_up"), width=80, texts=style.STATE),
        Column("Workspaces", f"count by ({DATABASE}) ({workspaces_of(s)})", width=100),
        Column("Age of statistics", f"time() - {analysed}", unit=style.SECONDS, decimals=0, width=130),
        Column("Tables", estimated, width=70),
        Column("Not analysed", not_analysed, steps=style.ANY_IS_DOUBTFUL, width=110),
        Column("Not readable", not_readable, steps=style.ANY_IS_DOUBTFUL, width=110),
    ]
    return table.table(
        "Probes", "Databases that are probed. A table that is not analysed, or that the role may not read, makes the workspaces of its database "
        "unknown.", columns, order=[("Probe", False)], hide=["server"], missing=NONE)
