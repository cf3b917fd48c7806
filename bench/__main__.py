"""Compares pgcommons with other exporters, in turns, on one temporary PostgreSQL. Writes docs/performance.md.

make bench             everything, in an hour
make bench QUICK=1     a part of it, in less than three minutes, to target/bench/performance.md
make bench ROUNDS=1    everything once, without medians of several rounds
make bench CELLS="1x10 100x200"   only these numbers of databases and clients
make bench REPORT=1     only writes the page again, from the last measurement
"""
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys

import exporters
import floor
import machine
import measure
import report
from server import Server

RAW = pathlib.Path("target/bench/performance.json")  # every turn


@dataclasses.dataclass
class Plan:
    """Databases, clients and rounds of each cell, and the durations of the measurements in seconds."""

    page: pathlib.Path = pathlib.Path("docs/performance.md")
    cells: tuple = ((1, 10, 2), (10, 200, 2), (100, 200, 2), (500, 200, 2), (100, 1000, 2))
    floors: tuple = ((1, 10), (100, 200), (500, 200), (100, 1000))
    rounds: int = 2
    polls: int = 60
    alone: float = 6
    minute: int = 60
    crowd: int = 5
    floor: int = 20


QUICK = Plan(page=pathlib.Path("target/bench/performance.md"), cells=((10, 50, 1),), floors=((10, 50),), rounds=1, polls=5,
             alone=2, minute=15, crowd=2, floor=4)


def turns(postgres, plan, compared):
    """The results of each exporter in each cell: A B C A B C."""
    for databases, clients, rounds in plan.cells:
        postgres.arrange(databases, clients)
        sizes = floor.sizes(postgres)
        cell = {exporter.name: [] for exporter in compared}
        for number in range(rounds):
            for exporter in compared:
                print(f"{databases} databases, {clients} clients, round {number + 1}: {exporter.name}", file=sys.stderr)
                cell[exporter.name].append(measure.turn(exporter, postgres, plan, sizes))
        yield {"databases": databases, "clients": clients, "rounds": rounds, "sizes": sizes, "turns": cell}


def floors(postgres, plan):
    results = []
    for databases, clients in plan.floors:
        print(f"{databases} databases, {clients} clients: the minimum", file=sys.stderr)
        postgres.arrange(databases, clients)
        results.append({"databases": databases, "clients": clients, **floor.measure(postgres, plan)})
    return results


def roles(postgres):
    """The role of pgcommons as `role-sql` creates it, and the role of the peers as their documentation requires."""
    major = postgres.facts()["version"].partition(".")[0]
    ours = exporters.ours().program
    sql = subprocess.run([ours, "role-sql", "--server-version", major], capture_output=True, text=True, check=True).stdout
    postgres.sql(sql)
    postgres.sql("create role exporter login; grant pg_monitor to exporter")


def chosen(plan):
    """The plan with the changes that the environment requests."""
    rounds = int(os.environ.get("ROUNDS", plan.rounds))
    wanted = os.environ.get("CELLS", "").split()

    def is_wanted(cell):
        return not wanted or f"{cell[0]}x{cell[1]}" in wanted

    return dataclasses.replace(plan, rounds=min(rounds, plan.rounds), floors=tuple(filter(is_wanted, plan.floors)),
                               cells=tuple((*cell[:2], min(cell[2], rounds)) for cell in plan.cells if is_wanted(cell)))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped and removed
    plan = QUICK if os.environ.get("QUICK") else chosen(Plan())
    compared, load = exporters.all_exporters(), os.getloadavg()[2]
    if os.environ.get("REPORT"):
        write(plan, json.loads(RAW.read_text(encoding="utf-8")), compared)
        return
    with Server() as postgres:
        roles(postgres)
        measured = {"load": load, "polls": plan.polls, "crowd": plan.crowd, "revision": exporters.revision(),
                    "machine": machine.measure(plan.polls), "server": postgres.facts(),
                    "floors": floors(postgres, plan), "cells": []}
        for cell in turns(postgres, plan, compared):
            measured["cells"].append(cell)
            RAW.write_text(json.dumps(measured, indent=1), encoding="utf-8")
    write(plan, measured, compared)


def write(plan, measured, compared):
    plan.page.write_text(report.page(measured, compared), encoding="utf-8")
    print(f"written: {plan.page}", file=sys.stderr)


if __name__ == "__main__":
    main()
