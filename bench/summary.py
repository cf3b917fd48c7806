"""Computes the figures from the turns: medians, the best peer, goals."""
import dataclasses
import math
import statistics
from typing import Callable


@dataclasses.dataclass
class Measure:
    title: str
    of: Callable  # its value in one turn; None if there is none
    show: Callable
    grows: bool = False  # shown by number of databases
    growth: float = 50  # the maximum factor at fifty times as many databases
    best: Callable = min
    together: str = ""  # the latencies it uses: of all rounds together, not the median of the rounds


def number(digits, factor=1):
    return lambda value: "-" if value is None else f"{value * factor:,.{digits}f}"


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


def latency_in_crowd(turn, percentile):
    """None if there are errors, because wrk includes them in the latencies, and refusals are fast."""
    crowd = turn["crowd"]
    return crowd[percentile] if crowd["errors"] * 100 < crowd["answers"] else None


MIB, MS, KB = number(1, 1 / 2**20), number(1, 1000), number(1, 1 / 1000)
PSS = Measure("proportional memory (PSS), MiB", lambda turn: turn["pss"], MIB, grows=True)
P99 = Measure("scrape p99, ms", lambda turn: percentile(turn["hurried"], 99), number(2, 1000), together="hurried")
NEW_P99 = Measure("scrape p99, each page once, ms", lambda turn: percentile(turn["latencies"], 99), number(2, 1000), grows=True,
                  together="latencies")
SERVER = Measure("PostgreSQL CPU per minute, ms", lambda turn: turn["minute"]["server_cpu"], MS, grows=True)
EXPORTER = Measure("exporter CPU per minute, ms", lambda turn: turn["minute"]["exporter_cpu"], MS, grows=True)
CROWD_PSS = Measure("maximum PSS under 50 scrapers, MiB", lambda turn: turn["crowd"]["pss"], MIB)
CROWD_ERRORS = Measure("errors at 50 scrapers, of all responses, %",
                       lambda turn: turn["crowd"]["errors"] / max(1, turn["crowd"]["answers"]), number(1, 100))
CROWD_CONNECTIONS = Measure("maximum server connections at 50 scrapers", lambda turn: turn["crowd"]["connections"], number(0))

LOOKS = {True: 60, False: 4}  # per minute: pgcommons polls every second, its peers when they are scraped


def per_look(name):
    """The CPU time of one look at the server."""
    return lambda turn: turn["minute"][name] / LOOKS[turn["ours"]]


def of_one_core(turn):
    """CPU time of the exporter and of PostgreSQL, as a share of one core."""
    return (turn["minute"]["exporter_cpu"] + turn["minute"]["server_cpu"]) / 60


SERVER_LOOK = Measure("PostgreSQL CPU per look, ms", per_look("server_cpu"), number(2, 1000))
EXPORTER_LOOK = Measure("exporter CPU per look, ms", per_look("exporter_cpu"), number(2, 1000))
CORE = Measure("exporter and PostgreSQL, share of one core, %", of_one_core, number(3, 100))

MEASURES = (
    PSS,
    Measure("resident memory, MiB", lambda turn: turn["rss"], MIB),
    CROWD_PSS,
    Measure("scrape median, ms", lambda turn: percentile(turn["hurried"], 50), number(2, 1000), together="hurried"),
    P99,
    Measure("scrape median, each page once, ms", lambda turn: percentile(turn["latencies"], 50), number(2, 1000), grows=True,
            together="latencies"),
    NEW_P99,
    Measure("scrapes of one scraper", lambda turn: len(turn["hurried"]), number(0), best=max, together="hurried"),
    Measure("... each page once", lambda turn: len(turn["latencies"]), number(0), best=max, together="latencies"),
    Measure("errors at one scraper", lambda turn: turn["errors"], number(0)),
    Measure("scrape median at 50 scrapers, ms", lambda turn: latency_in_crowd(turn, "p50"), number(2, 1000)),
    Measure("scrape p99 at 50 scrapers, ms", lambda turn: latency_in_crowd(turn, "p99"), number(2, 1000)),
    Measure("good responses per second at 50 scrapers", lambda turn: turn["crowd"]["good_rate"], number(0), best=max),
    CROWD_ERRORS,
    EXPORTER,
    EXPORTER_LOOK,
    Measure("exporter CPU per scrape, ms", lambda turn: turn["scrape"]["exporter_cpu"], number(2, 1000)),
    SERVER,
    SERVER_LOOK,
    Measure("PostgreSQL CPU per scrape, ms", lambda turn: turn["scrape"]["server_cpu"], number(2, 1000)),
    CORE,
    Measure("statements per minute", lambda turn: turn["minute"]["statements"], number(0), grows=True, growth=1.05),
    Measure("statements per scrape", lambda turn: turn["scrape"]["statements"], number(1)),
    Measure("new server sessions per minute", lambda turn: turn["minute"]["sessions"], number(0)),
    Measure("server connections held", lambda turn: turn["connections"], number(0), grows=True, growth=1),
    CROWD_CONNECTIONS,
    Measure("page, kB", lambda turn: turn["bytes"], KB, grows=True),
    Measure("page as sent, kB", lambda turn: turn["bytes_sent"], KB),
    Measure("series", lambda turn: turn["series"], number(0), grows=True),
    Measure("cold start to first good scrape, ms", lambda turn: turn["cold"], number(0, 1000)),
    Measure("... to the first with all sizes, ms", lambda turn: turn["complete"], number(0, 1000)),
    Measure("program, MiB", lambda turn: turn["binary"], MIB),
)


class Cell:
    def __init__(self, measured, exporters):
        self.databases, self.clients, self._turns = measured["databases"], measured["clients"], measured["turns"]
        self.rounds, self.sizes = measured["rounds"], measured["sizes"]
        for exporter in exporters:
            for turn in self._turns[exporter.name]:
                turn["ours"] = exporter.ours
        self._peers = [exporter.name for exporter in exporters if not exporter.ours]

    def value(self, measure, name):
        """The median of all rounds, or None if there is no value."""
        turns = self._turns[name]
        if measure.together:
            turns = [{measure.together: [seconds for turn in turns for seconds in turn[measure.together]]}]
        values = [value for value in map(measure.of, turns) if value is not None]
        return statistics.median(values) if values else None

    def ours(self, measure):
        return self.value(measure, "pgcommons")

    def ratio(self, measure):
        """The ratio to the best peer; None if that is zero."""
        best = self.best(measure)
        return self.ours(measure) / best if best else None

    def best(self, measure):
        """The best value of the peers that report the same data, in this measure."""
        values = [value for value in (self.value(measure, name) for name in self._peers) if value is not None]
        return measure.best(values, default=None)

    def is_of(self, databases, clients):
        return (self.databases, self.clients) == (databases, clients)


@dataclasses.dataclass
class Goal:
    title: str
    limit: float
    measured: float

    @property
    def is_met(self):
        return self.measured <= self.limit


# Databases, clients, measure, maximum ratio to the best peer. With one database a poll costs little more than to wake up, which
# pgcommons does 60 times a minute and its peers 4 times, so there the costs are compared per look.
GOALS = ((1, 10, PSS, 0.55), (100, 200, PSS, 0.33), (500, 200, PSS, 0.25),
         (1, 10, P99, 0.08), (100, 200, P99, 0.02), (500, 200, P99, 0.02),
         (1, 10, SERVER_LOOK, 0.15), (100, 200, SERVER, 0.3), (500, 200, SERVER, 0.35),
         (1, 10, EXPORTER_LOOK, 0.3), (100, 200, EXPORTER, 0.6), (500, 200, EXPORTER, 0.3))
# databases, clients, maximum share of one core
CORE_GOALS = ((1, 10, 0.001), (100, 200, 0.002), (500, 200, 0.008))
FLOOR_GOAL = 1.3


def goals(cells, floors):
    for databases, clients, measure, limit in GOALS:
        for cell in cells:
            if cell.is_of(databases, clients):
                yield Goal(f"{measure.title}, {databases} databases and {clients} clients", limit, cell.ratio(measure))
    for databases, clients, limit in CORE_GOALS:
        for cell in cells:
            if cell.is_of(databases, clients):
                yield Goal(f"{CORE.title}, {databases} databases and {clients} clients", limit * 100, cell.ours(CORE) * 100)
    for cell in cells:
        where = f"{cell.databases} databases and {cell.clients} clients"
        yield Goal(f"maximum PSS under 50 scrapers to PSS before, {where}", 1.25, cell.ours(CROWD_PSS) / cell.ours(PSS))
        yield Goal(f"errors at 50 scrapers, {where}", 0, cell.ours(CROWD_ERRORS))
        yield Goal(f"connections at 50 scrapers, {where}", 1, cell.ours(CROWD_CONNECTIONS))
    few, many = (next((cell for cell in cells if cell.is_of(databases, 200)), None) for databases in (10, 500))
    if few and many:
        for measure in (measure for measure in MEASURES if measure.grows):
            yield Goal(f"growth from 10 to 500 databases: {measure.title}", measure.growth, many.ours(measure) / few.ours(measure))
    for floor in floors:
        yield Goal(f"PostgreSQL CPU of a fast poll to the minimum, {floor['databases']} databases and {floor['clients']} clients",
                   FLOOR_GOAL, floor["agent"] / floor["bare"])
