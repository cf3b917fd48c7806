"""pgcommons and its peers: how each one is started, and when it is ready.

A peer is configured to report what pgcommons reports, including connections, limits and sizes of every database, and
nothing else where that can be configured.
"""
import dataclasses
import os
import pathlib
import re
import subprocess
import time

import process
import scrape
import server

PEERS = pathlib.Path("target/bench/peers")

_NO_MORE_OF_NEWEST = ("replication", "replication_slot", "stat_bgwriter", "stat_progress_vacuum", "stat_user_tables",
                      "statio_user_tables", "wal")
_NO_MORE_OF_PG_EXPORTER = ("vacuum",)


@dataclasses.dataclass
class Exporter:
    name: str
    title: str
    program: pathlib.Path
    arguments: tuple = ()
    dsn: str = "DATABASE_URL"
    environment: dict = dataclasses.field(default_factory=dict)

    @property
    def ours(self):
        return self.name == "pgcommons"

    @property
    def role(self):
        """The role of pgcommons has a limit of three connections, which is too low for the peers."""
        return "pgcommons" if self.ours else "exporter"


def ours(**environment):
    program = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "release/pgcommons"
    return Exporter("pgcommons", "default settings", program, ("--web.listen-address=127.0.0.1:{port}",),
                    environment=environment)


def revision():
    return subprocess.run([ours().program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def all_exporters():
    package = "usr/bin/prometheus-postgres-exporter"
    listen = "--web.listen-address=127.0.0.1:{port}"
    newest = Exporter("postgres_exporter {version}",
                      "from Debian sid; `--disable-settings-metrics`, and without the collectors "
                      + ", ".join(f"`{name}`" for name in _NO_MORE_OF_NEWEST),
                      PEERS / "postgres_exporter" / package,
                      (listen, "--disable-settings-metrics", *(f"--no-collector.{name}" for name in _NO_MORE_OF_NEWEST)),
                      "DATA_SOURCE_NAME")
    rust = Exporter("pg_exporter {version}",
                    "from crates.io, in Rust; `--collector.database` for sizes and limits, without "
                    + ", ".join(f"`{name}`" for name in _NO_MORE_OF_PG_EXPORTER) + "; it has neither locks nor limits of roles",
                    PEERS / "bin/pg_exporter",
                    ("--listen=127.0.0.1", "--port={port}", "--collector.database",
                     *(f"--no-collector.{name}" for name in _NO_MORE_OF_PG_EXPORTER)), "PG_EXPORTER_DSN")
    return [ours(), *(named(peer) for peer in (newest, rust))]


def named(peer):
    said = subprocess.run([peer.program, "--version"], capture_output=True, text=True, check=True)
    words = (said.stdout + said.stderr).replace(",", " ").split()
    version = next(word for word in words if word[0].isdigit() and "." in word).partition("+")[0]
    return dataclasses.replace(peer, name=peer.name.format(version=version))


class Running:
    """A running exporter, until the end of the `with`. `cold` is the time until its first page with `pg_up` 1, `complete` the
    time until its first page with all sizes, after `settle`."""

    def __init__(self, exporter, postgres):
        self.exporter = exporter
        port = server.free_port()
        self.scraper = scrape.Scraper(port)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        environment |= {exporter.dsn: postgres.url(exporter.role)} | exporter.environment
        arguments = [argument.format(port=port) for argument in exporter.arguments]
        self._log = open("target/bench/exporter.log", "wb")
        self._started = time.perf_counter()
        self._child = subprocess.Popen([exporter.program, *arguments], env=environment, stdin=subprocess.DEVNULL,
                                       stdout=self._log, stderr=self._log)
        self.pid = self._child.pid

    def __enter__(self):
        try:
            self.cold = self._first_page()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.scraper.close()
        self._child.terminate()
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._log.close()

    def _first_page(self):
        while (waited := time.perf_counter() - self._started) < 30:
            try:
                page = self.scraper.scrape()
            except OSError:
                page = None
            if page and page.sees_the_server:
                return time.perf_counter() - self._started
            if self._child.poll() is not None:
                break
            time.sleep(0.002)
        raise RuntimeError(f"{self.exporter.name} did not see the server in {waited:.0f} s; see target/bench/exporter.log")

    def settle(self):
        """Waits until it has all data. After its start pgcommons measures sizes in batches; no other exporter does that."""
        self.complete = self.cold
        while re.search(r'^pgcommons_database_sizes_unknown\{.*"pending".*\} [1-9]', self.scraper.scrape().text, re.MULTILINE):
            time.sleep(0.1)
            self.complete = time.perf_counter() - self._started
        for _ in range(5):
            self.scraper.scrape()

    def cpu(self):
        return process.cpu(self.pid)

    def memory(self):
        return process.memory(self.pid)
