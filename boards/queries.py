"""Expressions that several panels use. Two Prometheus servers may scrape one agent, so every series is aggregated."""
import dataclasses

SERVER = "server"
DATABASE = "server, datname"
ROLE = "server, rolname"
AGENT = "job, instance"

YEAR = 365 * 86400
WEEK = 7 * 86400


@dataclasses.dataclass(frozen=True)
class Scope:
    """The series that the variables of a board select."""

    server: str
    database: str = ""

    def series(self, metric, *matchers):
        chosen = [self.server, self.database, *matchers]
        return f"{metric}{{{', '.join(filter(None, chosen))}}}"

    def max(self, by, metric, *matchers):
        return f"max by ({by}) ({self.series(metric, *matchers)})"

    def min(self, by, metric, *matchers):
        return f"min by ({by}) ({self.series(metric, *matchers)})"

    def over(self, by, function, metric, window, *matchers):
        return f"max by ({by}) ({function}({self.series(metric, *matchers)}[{window}]))"

    def grown(self, by, metric, window, *matchers):
        return f"max by ({by}) ({increase(self.series(metric, *matchers), window)})"

    def whole_server(self):
        return Scope(self.server)


SERVERS = Scope('server=~"$server"')
ONE_SERVER = Scope('server="$server"')
ONE_DATABASE = Scope('server="$server"', 'datname="$datname"')


def increase(series, window):
    """How much a counter grew. VictoriaMetrics' increase() also counts what a new series starts with."""
    grown = f"max_over_time({series}[{window}]) - min_over_time({series}[{window}])"
    return f"({grown} unless resets({series}[{window}]) > 0) or increase({series}[{window}])"


def share(part, whole):
    return f"{part} / ({whole} > 0)"


# The server.


def free_slots(scope):
    return scope.whole_server().min(SERVER, "pgcommons_server_connections_headroom")


def slots(scope):
    return scope.min(SERVER, "pgcommons_server_connections_limit")


def used_slots(scope):
    return scope.max(SERVER, "pgcommons_server_connections")


def committed(scope):
    return scope.max(SERVER, "pgcommons_server_connections_committed")


def server_peak(scope, window="$__range"):
    return scope.over(SERVER, "max_over_time", "pgcommons_server_connections_peak", window)


def server_at_the_limit(scope):
    return scope.grown(SERVER, "pgcommons_server_connections_exhausted_seconds_total", "$__range")


def server_state(scope):
    """A key of style.SERVER_STATE for each server. Nothing is known of a server whose agent is not scraped."""
    up = scope.max(SERVER, "pg_up")
    refused = scope.over(SERVER, "increase", "pgcommons_connect_failures_total", "3m", 'pooler=""', 'reason="too_many_connections"')
    statistics = scope.min(SERVER, "pgcommons_privilege", 'privilege="pg_read_all_stats"')
    return f"""(
  2 + 0 * ({free_slots(scope)} == 0 or ({up} == 0 and {refused} > 0))
  or 0 * ({up} == 0)
  or 3 + 0 * ({statistics} == 0)
  or 4 + 0 * {up}
  or 1 + 0 * {scope.over(SERVER, "last_over_time", "pg_up", "1h")}
)"""


def servers_in_state(scope, state):
    """How many; 0 if there are others."""
    return f"count({server_state(scope)} {state}) or 0 * count({scope.series('pg_up')})"


# Databases.


def free_connections(scope):
    return scope.min(DATABASE, "pgcommons_database_connections_headroom")


def smallest_limit(scope):
    limit = scope.series("pgcommons_database_connections_limit", 'kind!="budget"')
    return f"min by ({DATABASE}) ({limit} > 0)"


def binding_limit(scope):
    """The limit that is reached first, and its kind: the slots of the server, if no fewer are left in the database."""
    by_kind = f"{DATABASE}, kind"
    on = f"on ({DATABASE})"
    server = scope.max(by_kind, "pgcommons_database_connections_limit", 'kind="server"')
    database = scope.max(by_kind, "pgcommons_database_connections_limit", 'kind="database"')
    return f"""(
  {server}
    and {on} ({free_connections(scope)} >= on (server) group_left () {free_slots(scope)})
  or {on}
  bottomk by ({DATABASE}) (1, {database})
  or {on}
  {server}
)"""


def limit_used(scope):
    """The used share of the limit that binds."""
    return f"1 - {free_connections(scope)} / on ({DATABASE}) max by ({DATABASE}) ({binding_limit(scope)} > 0)"


def database_peak(scope, window="$__range"):
    return scope.over(DATABASE, "max_over_time", "pgcommons_database_connections_peak", window)


def database_at_the_limit(scope):
    return scope.grown(DATABASE, "pgcommons_database_connections_exhausted_seconds_total", "$__range")


def size(scope):
    return scope.max(DATABASE, "pg_database_size_bytes")


def quota(scope):
    return scope.max(DATABASE, "pgcommons_database_size_limit_bytes")


def with_history(scope, function):
    """A forecast from the growth of the last day, if there are six hours of data."""
    series = scope.series("pg_database_size_bytes")
    return f"max by ({DATABASE}) ({function(f'{series}[1d]')} and last_over_time({series}[1h] offset 6h))"


def forecast(scope):
    grown = with_history(scope, lambda sizes: f"predict_linear({sizes}, {WEEK})")
    return f"clamp_min({grown}, 0)"


def quota_reached(scope, first="{}"):
    """Seconds until the quota is reached: 0 if it is, -2 after more than a year, -1 with too little data.

    `first` chooses among databases."""
    growth = with_history(scope, lambda sizes: f"deriv({sizes})")
    left = f"clamp_min({quota(scope)} - {size(scope)}, 0)\n  / ({growth} > 0) < {YEAR}"
    old = scope.series("pg_database_size_bytes")
    known = f"({quota(scope)} and max by ({DATABASE}) (last_over_time({old}[1h] offset 6h)))"
    reached = first.format(f"(0 * ({size(scope)} >= {quota(scope)}))")
    return (f"{reached}\nor {first.format(f'({left})')}\nor -2 + 0 * {first.format(known)}"
            f"\nor -1 + 0 * {first.format(f'({quota(scope)})')}")


def statistic(by, changed):
    """The rate or the increase of a counter of pg_stat_database, which has one series for each OID of a name."""
    return f"sum by ({by}) (max by (server, datid, datname) ({changed}))"
