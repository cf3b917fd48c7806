"""What one fast poll costs the server, against a bare client that asks for the same facts as cheaply as one statement can."""
import statistics
import time

import process
from exporters import Running, ours

INTERVAL = 0.1  # the shortest that pgcommons takes; both poll at this pace, for a warm backend is a cheaper one

# No view, no join, no order, no second look at the sessions, and nothing that the agent works out for robustness.
CHEAPEST = """
select 's', datid, usesysid, application_name, state, backend_type, count(*),
       count(*) filter (where wait_event_type = 'Lock'), extract(epoch from now() - min(xact_start))::float8,
       null::bool, null::bool
  from pg_catalog.pg_stat_get_activity(null) group by 2, 3, 4, 5, 6
union all
select 'd', oid, null, datname, null, null, datconnlimit, pg_catalog.pg_stat_get_db_sessions_fatal(oid), null, datallowconn, null
  from pg_catalog.pg_database
union all
select 'r', oid, null, rolname, null, null, rolconnlimit, null, null, rolsuper, pg_catalog.pg_is_in_recovery()
  from pg_catalog.pg_roles where rolcanlogin"""


def bare(postgres, seconds):
    """Seconds of CPU of the backend, for each poll."""
    client = postgres.connect("pgcommons")
    client.prepare("poll", CHEAPEST)
    for _ in range(10):  # PostgreSQL settles on a plan
        client.execute("poll")
    before, polls, began = process.cpu(client.pid), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        client.execute("poll")
        polls += 1
        time.sleep(INTERVAL)
    spent = process.cpu(client.pid) - before
    client.close()
    return spent / polls


def agent(postgres, seconds):
    """The same of the agent, whose slower questions are put off."""
    exporter = ours(PGCOMMONS__POLL__INTERVAL=f"{INTERVAL}s", PGCOMMONS__POLL__TIME_SHARE="0.5", PGCOMMONS__STATS__INTERVAL="1h",
                    PGCOMMONS__SIZES__INTERVAL="1h", PGCOMMONS__SIZES__TIME_SHARE="0.5")
    with Running(exporter, postgres) as running:
        running.settle()
        backend, = postgres.sessions(exporter.role)
        before = process.cpu(backend), postgres.counters(exporter.role)["statements"]
        time.sleep(seconds)
        after = process.cpu(backend), postgres.counters(exporter.role)["statements"]
    return (after[0] - before[0]) / (after[1] - before[1])


def measure(postgres, plan):
    """In turns."""
    turns = [(agent(postgres, plan.floor), bare(postgres, plan.floor)) for _ in range(plan.rounds)]
    return {"agent": statistics.median(turn[0] for turn in turns), "bare": statistics.median(turn[1] for turn in turns)}
