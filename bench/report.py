"""Writes the page docs/performance.md from the measurements."""
import datetime

import machine
from summary import CORE, CROWD_CONNECTIONS, CROWD_PSS, EXPORTER, LOOKS, MEASURES, PSS, SERVER, Cell, goals

HEAD = """
## How it was measured

{date}, by `make bench`, on {machine}, with a load average of {load:.1f} at the start; PostgreSQL {version} with
{settings};
idle clients, spread over the databases. The exporters run one at a time, in turns (A B C A B C). Only ratios within
one run are meaningful; the other figures are medians of the rounds.

* {revision}, and the peers below.
* Scrapers keep their connection and accept gzip. *Per minute* is a minute with a scrape every 15 s, for pgcommons after half a minute of the same. The figures of pgcommons include
  what it does between scrapes: a poll every second, statistics every 15 s, and sizes. pgcommons measures sizes every 5 min, or every
  minute while they change; its peers measure them at each scrape. The cost to the server of measuring all sizes once was measured
  separately (shown above each table), and a fifth of it is added to the minute of pgcommons. *Per scrape* is, for pgcommons, a
  quarter of that minute.
* *Scrape* is one scraper without pauses, and so is *per scrape* for the peers. pgcommons keeps a page until the next poll. For
  *each page once* it gets one scrape per second, {polls} in each round, and the peers are scraped without pauses.
  Percentiles are of the scrapes of all rounds together; with fewer than a hundred scrapes, p99 is the slowest.
* Delays of this machine: a calculation takes {at_once[p50]} ms, {at_once[p99]} ms in the slowest of a hundred runs, and
  {at_once[cpu]} ms of CPU on average. In a process that slept for a second before, it takes {slept[p50]}, {slept[p99]} and {slept[cpu]} ms.
  pgcommons wakes every second, its peers only for a scrape.
* *PostgreSQL CPU* is the CPU time of the sessions, including ended ones, and of the postmaster. *PSS* counts 1/n of memory that n
  processes share. *50 scrapers* are connections of wrk, which send the next request at once, for {crowd} s. No latency is longer than
  that, and there is no latency if more than 1 % of the responses are errors.
* *Ratio* is pgcommons to the better of its peers in that line. They report the same data, including sizes and
  limits: {peers}.

| exporter | how it runs |
|---|---|
"""

SUMMARY = """What the agent costs on one server, beside other exporters that report the same data: connections, sizes and limits. It looks at
the connections each second, and the others when they are scraped, here every 15 s. The tables below have the details, and what
the figures leave out. `make bench` measures them again.
"""

FLOOR = """
## The minimum

CPU time of the server's backend for one fast poll, at ten polls per second: for the agent, and at the same time for a minimal client
with libpq. The client executes the cheapest single statement that we know for the same data, as a prepared statement
([bench/floor.py](../bench/floor.py)).

The other columns compare minimal clients that query once per second with the cheapest peer, which queries every 15 s. They have the
PostgreSQL CPU of a client that executes `select 1` (*nothing*) and of one that reads the data (*facts*), and the CPU of *psql* itself
with `select 1`. If the ratio of *facts* is above the goal, no agent that polls with this statement every second can meet the goal.
*Both* is *facts* and *psql* as a share of one core: the cost of a client that looks each second and does nothing else. *At once* is
*facts* for sixty reads without pauses: the difference is the cost of waking up, when the caches of the processor are cold.

| databases | clients | agent, ms | minimal client, ms | ratio | nothing, ms/min | facts, ms/min | to the peer | psql, ms/min | to the peer | both, % | at once, ms |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def table(rows):
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def page(measured, exporters):
    cells = [Cell(cell, exporters) for cell in measured["cells"]]
    parts = [summary(cells, exporters), head(measured, exporters), goal_table(list(goals(cells, measured["floors"])))]
    parts += [figures(cell, exporters) for cell in cells]
    if len(cells) > 1:
        parts.append(growth(cells, exporters))
    parts.append(floor(measured["floors"], cells))
    return "".join(parts)


MINUTES = 24 * 60  # of a day


def summary(cells, exporters):
    """What it costs on one server in a day, for a person who has to decide."""
    page = "# Performance\n\n" + SUMMARY
    for cell in cells:
        page += f"\n**{cell.databases} databases, {cell.clients} connections**\n\n"
        rows = [["in a day", *(exporter.name for exporter in exporters)], ["---"] * (len(exporters) + 1)]
        for title, cost in COSTS:
            rows.append([title, *(cost(cell, exporter) for exporter in exporters)])
        page += table(rows)
    return page


def seconds_per_day(measure):
    return lambda cell, exporter: f"{cell.value(measure, exporter.name) * MINUTES:,.0f} s"


COSTS = (
    ("looks at the connections", lambda cell, exporter: f"{LOOKS[exporter.ours] * MINUTES:,}"),
    ("CPU time of the exporter", seconds_per_day(EXPORTER)),
    ("CPU time of PostgreSQL for it", seconds_per_day(SERVER)),
    ("both, of one core", lambda cell, exporter: f"{cell.value(CORE, exporter.name) * 100:.2f} %"),
    ("memory (PSS)", lambda cell, exporter: f"{PSS.show(cell.value(PSS, exporter.name))} MiB"),
    ("... at most under 50 scrapers", lambda cell, exporter: f"{CROWD_PSS.show(cell.value(CROWD_PSS, exporter.name))} MiB"),
    ("connections to PostgreSQL, at most under 50 scrapers",
     lambda cell, exporter: CROWD_CONNECTIONS.show(cell.value(CROWD_CONNECTIONS, exporter.name))),
)


def head(measured, exporters):
    peers = [exporter.name for exporter in exporters if not exporter.ours]
    server = measured["server"]
    return HEAD.format(date=datetime.date.today(), machine=machine.title(), load=measured["load"], version=server["version"],
                       settings=", ".join(f"`{key} = {value}`" for key, value in server["settings"].items()),
                       polls=measured["polls"], crowd=measured["crowd"], revision=measured["revision"], peers=" and ".join(peers), **milliseconds(measured["machine"])
                       ) + table((exporter.name, exporter.title) for exporter in exporters)


def milliseconds(of_kinds):
    return {kind: {key: f"{seconds * 1000:.2f}" for key, seconds in figures.items()} for kind, figures in of_kinds.items()}


def goal_table(all_goals):
    rows = ((goal.title, f"{goal.limit:g}", f"{goal.measured:.2f}", "yes" if goal.is_met else "**no**") for goal in all_goals)
    return "\n## Goals\n\n| ratio or figure | at most | measured | met |\n|---|---|---|---|\n" + table(rows)


def figures(cell, exporters):
    names = [exporter.name for exporter in exporters]
    lines = [["measure", *names, "ratio"], ["---"] * (len(names) + 2)]
    for measure in MEASURES:
        ratio = cell.ratio(measure)
        lines.append([measure.title, *(measure.show(cell.value(measure, name)) for name in names),
                      "" if ratio is None else f"{ratio:.2f}"])
    title = f"\n## {cell.databases} databases, {cell.clients} clients\n\n"
    return f"{title}Rounds: {cell.rounds}. PostgreSQL CPU to measure all sizes once: {cell.sizes * 1000:.1f} ms.\n\n" + table(lines)


def growth(cells, exporters):
    titles = [f"{cell.databases}x{cell.clients}" for cell in cells]
    lines = [["measure", "exporter", *titles], ["---"] * (len(titles) + 2)]
    for measure in (measure for measure in MEASURES if measure.grows):
        for exporter in exporters:
            lines.append([measure.title, exporter.name, *(measure.show(cell.value(measure, exporter.name)) for cell in cells)])
    return "\n## Growth\n\nDatabases x clients.\n\n" + table(lines)


def floor(floors, cells):
    def line(floor):
        cell = next((cell for cell in cells if cell.is_of(floor["databases"], floor["clients"])), None)
        each_second = floor["each_second"]
        return (str(floor["databases"]), str(floor["clients"]), f"{floor['agent'] * 1000:.2f}", f"{floor['bare'] * 1000:.2f}",
                f"{floor['agent'] / floor['bare']:.2f}", f"{each_second['nothing'] * 1000:.1f}",
                *beside(cell, SERVER, each_second["facts"]), *beside(cell, EXPORTER, each_second["psql"]),
                CORE.show((each_second["facts"] + each_second["psql"]) / 60), f"{each_second['at once'] * 1000:.1f}")
    return FLOOR + table(map(line, floors))


def beside(cell, measure, seconds):
    cheapest = cell and cell.best(measure)
    return f"{seconds * 1000:.1f}", f"{seconds / cheapest:.2f}" if cheapest else "-"
