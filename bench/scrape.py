"""Scrapers: one like Prometheus, which keeps its connection and accepts gzip; and fifty at once."""
import dataclasses
import gzip
import http.client
import re
import subprocess
import time

_HEADERS = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}
_UP = re.compile(r"^pg_up(\{.*\})? 1(\.0)?$", re.MULTILINE)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}


@dataclasses.dataclass
class Page:
    seconds: float
    sent: bytes
    gzipped: bool
    status: int

    @property
    def text(self):
        return (gzip.decompress(self.sent) if self.gzipped else self.sent).decode()

    @property
    def sees_the_server(self):
        return self.status == 200 and bool(_UP.search(self.text))

    @property
    def series(self):
        return sum(1 for line in self.text.splitlines() if line and not line.startswith("#"))


class Scraper:
    def __init__(self, port):
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def scrape(self):
        started = time.perf_counter()
        try:
            self._connection.request("GET", "/metrics", headers=_HEADERS)
            answer = self._connection.getresponse()
            sent = answer.read()
        except http.client.HTTPException as error:
            self.close()
            raise OSError("the response is not HTTP") from error
        except OSError:
            self.close()
            raise
        seconds = time.perf_counter() - started
        return Page(seconds, sent, answer.getheader("Content-Encoding") == "gzip", answer.status)

    def close(self):
        self._connection.close()


class Crowd:
    """Fifty scrapers that send a request as soon as they have a response. wrk uses little CPU compared with the exporter."""

    def __init__(self, port, seconds):
        self._seconds = seconds
        headers = [f"--header={key}: {value}" for key, value in _HEADERS.items()]
        self._wrk = subprocess.Popen(["wrk", "--threads=1", "--connections=50", f"--duration={seconds}s", "--timeout=30s",
                                      "--latency", *headers, f"http://127.0.0.1:{port}/metrics"],
                                     stdout=subprocess.PIPE, text=True)

    def is_there(self):
        return self._wrk.poll() is None

    def result(self):
        said = self._wrk.communicate()[0]
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        broken = re.search(r"Socket errors: (.*)", said)
        answers = int(re.search(r"(\d+) requests in", said)[1])
        errors = sum(int(number) for found in (refused, broken) if found for number in re.findall(r"\d+", found[1]))
        return {"answers": answers, "errors": errors, "good_rate": max(0, answers - errors) / self._seconds,
                "p50": _percentile(said, 50), "p99": _percentile(said, 99)}


def _percentile(said, percent):
    value, unit = re.search(rf"^ +{percent}% +([\d.]+)(\w+) *$", said, re.MULTILINE).groups()
    return float(value) * _UNITS[unit]
