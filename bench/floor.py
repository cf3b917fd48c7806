"""Compares the cost of one fast poll with a minimal client, which reads the same data with the cheapest single statement."""
import statistics
import subprocess
import time

import process
from exporters import Running, ours

INTERVAL = 0.1  # the minimum of pgcommons; both use it, because a backend with warm caches costs less

# No view, no join, no order, and none of the agent's extra data for robustness. Databases and roles as in the agent's poll:
# sums that show whether they have changed.
CHEAPEST = """
select 's', datid, usesysid, application_name, state, backend_type, count(*),
       count(*) filter (where wait_event_type = 'Lock'), extract(epoch from now() - min(xact_start))::float8
  from pg_catalog.pg_stat_get_activity(null) group by 2, 3, 4, 5, 6
union all
select 'd', null, null, null, null, null, sum(xmin::text::int8)::int8, count(*), null from pg_catalog.pg_database
union all
select 'r', null, null, null, null, null, sum(oid::int8)::int8, count(*), pg_catalog.pg_is_in_recovery()::int4
  from pg_catalog.pg_roles where rolcanlogin"""


# As the agent does: afterwards glibc keeps the memory of a poll until the next one.
KEEP_MEMORY = "select length(repeat(repeat(' ', 2048), 1024))"


def sizes(postgres):
    """Seconds of CPU of a backend that measures every database once, as the agent does."""
    client = postgres.connect("exporter")
    client.prepare("sizes", "select pg_catalog.pg_database_size(oid) from pg_catalog.pg_database")
    client.execute("sizes")
    before = process.cpu(client.pid)
    for _ in range(3):
        client.execute("sizes")
    spent = (process.cpu(client.pid) - before) / 3
    client.close()
    return spent


def prepared(postgres, sql):
    client = postgres.connect("exporter")
    client.rows(KEEP_MEMORY)
    client.prepare("poll", sql)
    for _ in range(10):  # after some executions PostgreSQL keeps a generic plan
        client.execute("poll")
    return client


def both(postgres, seconds):
    """Seconds of backend CPU per poll, of the agent (without its slow jobs) and of the minimal client, at the same time, so that
    other load of the machine affects both."""
    exporter = ours(PGCOMMONS__POLL__INTERVAL=f"{INTERVAL}s", PGCOMMONS__POLL__MAX_TIME_FRACTION="0.5", PGCOMMONS__STATS__INTERVAL="1h",
                    PGCOMMONS__SIZES__INTERVAL="1h", PGCOMMONS__SIZES__MAX_TIME_FRACTION="0.5")
    with Running(exporter, postgres) as running:
        running.settle()
        client = prepared(postgres, CHEAPEST)
        backend, = postgres.sessions(exporter.role)

        def read():
            return process.cpu(backend), postgres.counters(exporter.role)["statements"], process.cpu(client.pid)

        before, polls, began = read(), 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            client.execute("poll")
            polls += 1
            time.sleep(INTERVAL)
        of_agent, statements, of_client = (after - then for after, then in zip(read(), before))
        client.close()
    return of_agent / statements, of_client / polls


def each_second(postgres, seconds):
    """Seconds of CPU per minute: of a backend that executes `select 1` every second, of a backend that reads the data every
    second, and of psql, a client in C, that sends `select 1`. Also of the backend for as many reads as in a minute, without pauses."""
    clients = {sql: prepared(postgres, sql) for sql in ("select 1", CHEAPEST)}
    with subprocess.Popen([postgres.program("psql"), "-XAtq", postgres.url("exporter")], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as psql:
        psql.stdin.write("select 1 \\watch 1\n")
        psql.stdin.flush()
        time.sleep(2)  # it loads its libraries and connects
        pids = {"nothing": clients["select 1"].pid, "facts": clients[CHEAPEST].pid, "psql": psql.pid}
        before = {name: process.cpu(pid) for name, pid in pids.items()}
        for _ in range(int(seconds)):
            for client in clients.values():
                client.execute("poll")
                time.sleep(1 / len(clients))
        spent = {name: (process.cpu(pid) - before[name]) / seconds * 60 for name, pid in pids.items()}
        psql.terminate()
    before = process.cpu(pids["facts"])
    for _ in range(60):
        clients[CHEAPEST].execute("poll")
    spent["at once"] = process.cpu(pids["facts"]) - before
    for client in clients.values():
        client.close()
    return spent


def measure(postgres, plan):
    turns = [both(postgres, plan.floor) for _ in range(plan.rounds)]
    agent, bare = map(statistics.median, zip(*turns))
    return {"agent": agent, "bare": bare, "each_second": each_second(postgres, plan.floor)}
