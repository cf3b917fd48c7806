"""One turn of an exporter: it is started, measured and stopped. The units are seconds and bytes."""
import time

import scrape
from exporters import Running

SCRAPE_INTERVAL = 15


class Meter:
    """What the exporter and the server use between two readings."""

    def __init__(self, running, postgres):
        self._running, self._postgres = running, postgres
        self._before = self._read()

    def _read(self):
        counters = self._postgres.counters(self._running.exporter.role)
        return {"time": time.perf_counter(), "exporter_cpu": self._running.cpu(), "server_cpu": self._postgres.cpu(), **counters}

    def spent(self, divisor=None):
        """The average per unit if `divisor` is the number of units, otherwise per minute."""
        after = self._read()
        spent = {key: value - self._before[key] for key, value in after.items()}
        seconds = spent.pop("time")
        return {key: value / (divisor or seconds / 60) for key, value in spent.items()}


def turn(exporter, postgres, plan, sizes):
    """`sizes` is the server's CPU time to measure all sizes once."""
    with Running(exporter, postgres) as running:
        running.settle()
        result = {"cold": running.cold, "complete": running.complete, "binary": exporter.program.stat().st_size}
        result |= alone(running, postgres, plan)
        if exporter.ours:  # it follows the scrapes, which came each second until now
            steady(running, postgres, plan.minute // 2)
        result["minute"] = steady(running, postgres, plan.minute)
        if exporter.ours:
            result |= in_full(result["minute"], sizes)
        page = running.scraper.scrape()
        result |= {"bytes": len(page.text), "bytes_sent": len(page.sent), "series": page.series}
        result |= running.memory() | {"connections": len(postgres.sessions(exporter.role))}
        result["crowd"] = crowd(running, postgres, plan.crowd)
        return result


def in_full(minute, sizes):
    """Adds the cost of sizes, which are measured every five minutes and not in the measured minute. A scrape costs a quarter of the
    minute, including the polls that are never scraped."""
    minute = minute | {"server_cpu": minute["server_cpu"] + sizes / 5}
    return {"minute": minute, "scrape": {key: value * SCRAPE_INTERVAL / 60 for key, value in minute.items()}}


def alone(running, postgres, plan):
    """One scraper that requests pages without a pause. pgcommons keeps a page until the next poll, so it is also scraped once per
    poll, so that no page is sent twice."""
    without_a_break = scrapes(running, postgres, pause=0.0, least=10, seconds=plan.alone)
    if not running.exporter.ours:
        return without_a_break | {"hurried": without_a_break["latencies"]}
    return scrapes(running, postgres, pause=1.0, least=plan.polls, seconds=0) | {"hurried": without_a_break["latencies"]}


def scrapes(running, postgres, pause, least, seconds):
    meter, began, latencies, errors = Meter(running, postgres), time.perf_counter(), [], 0
    while len(latencies) < least or time.perf_counter() - began < seconds:
        time.sleep(pause)
        page = running.scraper.scrape()
        latencies.append(page.seconds)
        errors += not page.sees_the_server
    return {"latencies": latencies, "scrape": meter.spent(len(latencies)), "errors": errors}


def steady(running, postgres, seconds):
    """Scrapes as Prometheus does: every 15 s."""
    meter, began = Meter(running, postgres), time.perf_counter()
    for number in range(seconds // SCRAPE_INTERVAL):
        sleep_until(began + SCRAPE_INTERVAL * (number + 0.5))
        running.scraper.scrape()
    sleep_until(began + seconds)
    return meter.spent()


def crowd(running, postgres, seconds):
    """Fifty scrapers, with the maximum of memory and of server connections meanwhile."""
    running.scraper.close()
    scrapers, most, pss = scrape.Crowd(running.scraper.port, seconds), 0, 0
    while scrapers.is_there():
        most = max(most, len(postgres.sessions(running.exporter.role)))
        pss = max(pss, running.memory()["pss"])
        time.sleep(0.1)
    return {**scrapers.result(), "pss": pss, "connections": most}


def sleep_until(instant):
    time.sleep(max(0.0, instant - time.perf_counter()))

