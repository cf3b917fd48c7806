"""Agent: the cost of the agent, and whether it has all its data."""
import queries
import style
import table
from alerts import alerts
from board import agent_starts, board as frame, restarts, row, servers
from panels import bar_chart, chart, colored, stacked, stat
from queries import AGENT, SERVER, SERVERS as s
from table import Column

ACTIVITY = 'poll="activity"'
# Probes run once an hour.
PROBES = 'poll!="probe"'
LAST_SUCCESS = "pgcommons_poll_last_success_timestamp_seconds"


def of_agents(expression):
    """Metrics that every program has, of agents only."""
    return f"{expression} * on ({AGENT}) group_left () max by ({AGENT}) (pgcommons_build_info)"


def numbers():
    config = {0: ("BAD", "red"), 1: ("good", "green")}
    return row(
        5,
        stat("Configuration", "Whether the last reload of the configuration succeeded. If not, the agent uses the previous one.",
             "min(pgcommons_config_last_reload_successful)", steps=style.UP, texts=config, filled=True),
        stat("Oldest counts", "Time since the agent last counted connections, for the server with the oldest count. Excludes servers "
             "that it never reached.", f"max(time() - {s.max(SERVER, LAST_SUCCESS, ACTIVITY)})", style.SECONDS, steps=style.DATA_AGE,
             decimals=0),
        stat("Unmatched budgets", "Budgets of one server that name a database that does not exist; the name may be misspelt.",
             f"sum({s.max(SERVER, 'pgcommons_budgets_without_database')})", steps=style.ANY_IS_DOUBTFUL, decimals=0),
        agents(), widths=(4, 4, 4, 12),
    )


def polls():
    by = "server, poll, volume, outcome"
    good, bad = (s.over(by, "rate", "pgcommons_polls_total", "$__rate_interval", f'outcome{equals}"ok"') for equals in ("=", "!="))
    failures = s.over("server, reason", "rate", "pgcommons_connect_failures_total", "$__rate_interval", 'pooler=""')
    refused = bar_chart(chart(
        "Failed attempts to connect", "Failed attempts to open a session, per minute, by reason. too_many_connections: no slot is "
        "free, so applications are refused too.", [(f"60 * sum by (server, reason) ({failures}) > 0", "{{server}}: {{reason}}")],
        style.PER_MINUTE, missing="none"))
    refused.override_by_regexp(".*too_many_connections", style.values(color=style.fixed("red")))
    refused.override_by_regexp(".*out_of_memory", style.values(color=style.fixed("purple")))
    outcomes = stacked(chart(
        "Polls", "Polls per second that succeeded, and those that did not by kind of poll and outcome. denied: PostgreSQL refuses the "
        "function to the agent's role; out_of_memory: the lock table is full, or the server has no memory.",
        [(f"sum by (outcome) ({good})", "ok"), (f"sum by (poll, volume, outcome) ({bad}) > 0", "{{outcome}}: {{poll}} {{volume}}")],
        style.PER_SECOND))
    colored(outcomes, "ok", "green")
    outcomes.override_by_regexp("out_of_memory: .*", style.values(color=style.fixed("red")))
    return row(
        8, outcomes,
        chart("Duration of polls", "Duration of the last poll of each kind on the slowest server, as the agent measured it. "
              "Select a server to see its polls.", [(s.max("poll, volume", "pgcommons_poll_duration_seconds"), "{{poll}} {{volume}}")],
              style.SECONDS, logarithmic=True),
        refused)


def privilege(function, name):
    return getattr(s, function)(SERVER, "pgcommons_privilege", f'privilege="{name}"')


def privileges():
    columns = [
        Column("Server", label="server", rest={"custom_minWidth": 100}),
        Column("State", s.min(SERVER, "pg_up"), width=65, texts=style.STATE),
        Column("Statistics", privilege("min", "pg_read_all_stats"), width=90, texts=style.yes_or_no("green", "red")),
        Column("Superuser", privilege("max", "superuser"), width=90, texts=style.yes_or_no("orange", "green")),
        Column("Reserved", privilege("min", "pg_use_reserved_connections"), width=85, texts=style.yes_or_no("green", "text")),
    ]
    return table.table(
        "Privileges of the agent", "Privileges of the agent's role. Without pg_read_all_stats (Statistics) it counts no sessions. It "
        "does not need superuser. With reserved slots (Reserved; PostgreSQL 16 and later) it can connect to a full server. Blank "
        "while the server is down.", columns, order=[("Server", False)])


def data():
    ages = f"max by (poll, volume) (time() - {s.max('server, poll, volume', LAST_SUCCESS, PROBES)})"
    oldest = f"time() - min({s.series('pgcommons_database_sizes_oldest_timestamp_seconds')})"
    return row(
        8, privileges(),
        stacked(chart("Unknown sizes by reason", "Databases whose size is unknown. pending: not measured yet; forbidden: the role "
                      "lacks CONNECT; timeout: the query took too long.",
                      [(f"{s.max('server, reason', 'pgcommons_database_sizes_unknown')} > 0", "{{server}}: {{reason}}")],
                      axis="databases", missing="all known", decimals=0)),
        chart("Age of the data", "Time since the last success of each kind of poll, and since the oldest size was measured, for the "
              "server where that is longest. Excludes servers that were never reached.",
              [(ages, "{{poll}} {{volume}}"), (oldest, "oldest size")],
              style.SECONDS))


def agents():
    started = of_agents(f"max by ({AGENT}) (process_start_time_seconds)")
    columns = [
        Column("Agent", label="instance"),
        Column("Version", "max by (job, instance, version) (pgcommons_build_info)", label="version", width=75),
        Column("Up for", f"time() - {started}", unit=style.SECONDS, decimals=1, width=90),
        Column("Configured", f"time() - max by ({AGENT}) (pgcommons_config_last_reload_success_timestamp_seconds)",
               unit=style.SECONDS, decimals=1, width=100),
    ]
    return table.table("Agents", "Version and uptime of each agent, and the time since it read its current configuration.", columns,
                       order=[("Agent", False)], hide=["job"])


def cost():
    memory = of_agents(f"max by ({AGENT}) (process_resident_memory_bytes)")
    cpu = of_agents(f"max by ({AGENT}) (rate(process_cpu_seconds_total[10m]))")
    return row(
        8,
        chart("Memory", "Resident memory of each agent.", [(memory, "{{instance}}")], style.BYTES),
        chart("CPU", "Fraction of one core that each agent uses, averaged over ten minutes.", [(cpu, "{{instance}}")], style.SHARE,
              decimals=2).axis_soft_max(0.01))


def notifications():
    def grown(by, metric):
        return f"max by ({by}) (increase({metric}[$__rate_interval]))"

    delivered = grown("instance, receiver", "pgcommons_notifications_total")
    failed = grown("instance, receiver, reason", "pgcommons_notifications_failed_total")
    return row(6, bar_chart(chart(
        "Notifications", "Notifications that the agent itself sent (notify), by receiver, and attempts that failed, by reason. Empty "
        "without receivers.", [(delivered, "{{receiver}}"), (f"{failed} > 0", "{{receiver}} failed: {{reason}}")], missing="none")))


def board():
    return frame(
        "Agent", "The cost of the agent, and whether it has all its data.", rows=[numbers(), row(7, alerts(s)), polls(), data(),
        notifications(), cost()],
        variables=[servers()], annotations=[agent_starts(), restarts(s)],
        links={"Fleet": [], "Shared server": [], "Tenant": []})
