"""The page docs/performance.md, from what was measured."""
import datetime

import machine
from summary import EXPORTER, MEASURES, SERVER, Cell, goals

HEAD = """# Performance

{date}, by `make bench`, on {machine}, whose load average was {load:.1f} when it began; PostgreSQL {version} with
{settings};
idle clients, spread over the databases. The exporters run one at a time, in turns (A B C D A B C D). Only ratios within
one run mean something; the figures beside them are medians of the rounds.

* {revision}, and the peers below.
* Scrapers keep their connection and take gzip. *Per minute* is a minute with a scrape each 15 s. What pgcommons does
  between scrapes is in its figures in full: a poll each second, statistics each 15 s, and sizes. These it measures each 5 min, or
  each minute where they change, peers with each scrape; a fifth of what a pass over all of them costs the server, measured by
  itself and said above each table, is added to its minute. *Per scrape* is, of pgcommons, a quarter of that minute.
* *Scrape* is of one scraper without a break, and so is *per scrape* of the peers. pgcommons keeps a page until the next poll;
  where it says *no page twice*, it gets one scrape a second, {polls} in each round, and the peers are those without a break.
  Percentiles are of the scrapes of all rounds together; of fewer than a hundred, p99 is the slowest.
* This machine by itself: a calculation takes {at_once[p50]} ms, {at_once[p99]} ms in the slowest of a hundred, and
  {at_once[cpu]} ms of CPU on average; of a process that has slept for a second {slept[p50]}, {slept[p99]} and {slept[cpu]} ms.
  pgcommons wakes each second, its peers with a scrape only.
* *PostgreSQL CPU* is that of its sessions, ended ones too, and of the postmaster. *PSS* counts 1/n of memory that n processes
  share. *50 scrapers* are wrk's, each asking again at once, for {crowd} s: no latency is longer than that, and there is none
  where more than 1 % are refused.
* *Ratio* is pgcommons to the best peer in just that line, of the peers that report the same facts, sizes and limits
  included: {rivals}.

| exporter | how it runs |
|---|---|
"""

FLOOR = """
## The floor

CPU of the server's backend for one fast poll, with ten polls a second: of the agent, and in the same seconds of a bare client
over libpq, to which the cheapest single statement that we know returns the same facts, prepared
([bench/floor.py](../bench/floor.py)).

Beside it a minute of bare clients that ask once a second, and the cheapest peer, which asks every 15 s: PostgreSQL CPU for one
that asks for *nothing*, `select 1`, and for one that asks for those *facts*; and the CPU of *psql* itself, which asks for
nothing. Where the ratio of the facts is above the goal, a look each second by this statement does not meet it.

| databases | clients | agent, ms | bare client, ms | ratio | nothing, ms/min | facts, ms/min | to the peer | psql, ms/min | to the peer |
|---|---|---|---|---|---|---|---|---|---|
"""


def table(rows):
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def page(measured, everybody):
    cells = [Cell(cell, everybody) for cell in measured["cells"]]
    parts = [head(measured, everybody), judged(list(goals(cells, measured["floors"])))]
    parts += [figures(cell, everybody) for cell in cells]
    if len(cells) > 1:
        parts.append(growth(cells, everybody))
    parts.append(floor(measured["floors"], cells))
    return "".join(parts)


def head(measured, everybody):
    rivals = [exporter.name for exporter in everybody if exporter.same_facts and not exporter.ours]
    server = measured["server"]
    return HEAD.format(date=datetime.date.today(), machine=machine.title(), load=measured["load"], version=server["version"],
                       settings=", ".join(f"`{key} = {value}`" for key, value in server["settings"].items()),
                       polls=measured["polls"], crowd=measured["crowd"], revision=measured["revision"], rivals=" and ".join(rivals), **milliseconds(measured["machine"])
                       ) + table((exporter.name, exporter.title) for exporter in everybody)


def milliseconds(of_kinds):
    return {kind: {key: f"{seconds * 1000:.2f}" for key, seconds in figures.items()} for kind, figures in of_kinds.items()}


def judged(goals_of_all):
    rows = ((goal.title, f"{goal.limit:g}", f"{goal.measured:.2f}", "yes" if goal.is_met else "**no**") for goal in goals_of_all)
    return "\n## Goals\n\n| ratio or figure | at most | measured | met |\n|---|---|---|---|\n" + table(rows)


def figures(cell, everybody):
    names = [exporter.name for exporter in everybody]
    lines = [["measure", *names, "ratio"], ["---"] * (len(names) + 2)]
    for measure in MEASURES:
        ratio = cell.ratio(measure)
        lines.append([measure.title, *(measure.show(cell.value(measure, name)) for name in names),
                      "" if ratio is None else f"{ratio:.2f}"])
    title = f"\n## {cell.databases} databases, {cell.clients} clients\n\n"
    return f"{title}Rounds: {cell.rounds}. A pass over all sizes: {cell.sizes * 1000:.1f} ms.\n\n" + table(lines)


def growth(cells, everybody):
    titles = [f"{cell.databases}x{cell.clients}" for cell in cells]
    lines = [["measure", "exporter", *titles], ["---"] * (len(titles) + 2)]
    for measure in (measure for measure in MEASURES if measure.grows):
        for exporter in everybody:
            lines.append([measure.title, exporter.name, *(measure.show(cell.value(measure, exporter.name)) for cell in cells)])
    return "\n## How they grow\n\nDatabases x clients.\n\n" + table(lines)


def floor(floors, cells):
    def line(floor):
        cell = next((cell for cell in cells if cell.is_of(floor["databases"], floor["clients"])), None)
        each_second = floor["each_second"]
        return (str(floor["databases"]), str(floor["clients"]), f"{floor['agent'] * 1000:.2f}", f"{floor['bare'] * 1000:.2f}",
                f"{floor['agent'] / floor['bare']:.2f}", f"{each_second['nothing'] * 1000:.1f}",
                *beside(cell, SERVER, each_second["facts"]), *beside(cell, EXPORTER, each_second["psql"]))
    return FLOOR + table(map(line, floors))


def beside(cell, measure, seconds):
    cheapest = cell and cell.best(measure)
    return f"{seconds * 1000:.1f}", f"{seconds / cheapest:.2f}" if cheapest else "-"
