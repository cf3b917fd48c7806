"""The temporary PostgreSQL that all exporters monitor: its databases, its clients and its CPU time."""
import glob
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import libpq
import process

# Autovacuum would disturb the CPU figures; `arrange` runs VACUUM instead.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": 1200,
    "shared_buffers": "256MB",
    "fsync": "off",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "8GB",
    "shared_preload_libraries": "pg_stat_statements",
}
SHOWN = ("max_connections", "shared_buffers", "autovacuum", "checkpoint_timeout", "shared_preload_libraries")


def free_port():
    """A port below the kernel's range for clients, so that no client connection takes it first."""
    for port in range(21870, 32768):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise OSError("no port is free")


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[4]))
    return found[-1] if found else os.path.dirname(shutil.which("initdb"))


class Server:
    def __init__(self):
        self._bin = programs()
        self._directory = tempfile.mkdtemp(prefix="pgcommons-bench.")
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(self._directory, "postgres", "postgres")
        self._data = f"{self._directory}/data"
        self._clients = []
        self._control = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._run("pg_ctl", f"--pgdata={self._data}", "--mode=immediate", "stop", check=False)
        shutil.rmtree(self._directory)

    def program(self, name):
        return f"{self._bin}/{name}"

    def _run(self, program, *arguments, check=True):
        account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run([self.program(program), *arguments], cwd="/", check=check, timeout=120, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL, **account)

    def _start(self):
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8",
                  f"--pgdata={self._data}")
        self.port = free_port()
        settings = {**SETTINGS, "port": self.port, "unix_socket_directories": self._directory}
        with open(f"{self._data}/postgresql.conf", "a", encoding="utf-8") as file:
            file.writelines(f"{key} = '{value}'\n" for key, value in settings.items())
        self._run("pg_ctl", f"--pgdata={self._data}", f"--log={self._data}/server.log", "--wait", "start")
        self.pid = int(pathlib.Path(f"{self._data}/postmaster.pid").read_text().split()[0])
        self._control = self.connect("postgres")
        self._background = set(process.children(self.pid))
        self.sql("create extension pg_stat_statements")
        self.sql("create role application login")

    def connect(self, user, dbname="postgres"):
        return libpq.Connection(host="127.0.0.1", port=self.port, user=user, dbname=dbname, sslmode="disable")

    def url(self, user):
        return f"postgres://{user}@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def sql(self, statement):
        return self._control.rows(statement)

    def arrange(self, databases, clients):
        """Creates or drops databases, and connects clients that execute one statement and are then idle."""
        for client in self._clients:
            client.close()
        present = int(self.sql("select count(*) from pg_database where datname like 'tenant%'")[0][0])
        for number in range(present, databases):
            self.sql(f"create database tenant_{number:04}")
        for number in range(databases, present):
            self.sql(f"drop database tenant_{number:04} with (force)")
        self._clients = [self.connect("application", f"tenant_{number % databases:04}") for number in range(clients)]
        for client in self._clients:
            client.rows("select 1")
        self.sql("vacuum")
        self.sql("checkpoint")
        time.sleep(2)

    def cpu(self):
        """Seconds of CPU of the server: its sessions, including ended ones, and the postmaster. Excludes background processes such
        as the checkpointer, which cost more than some exporters, and the session of this benchmark."""
        while True:
            ended, total = process.cpu_of_ended_children(self.pid), process.cpu(self.pid)
            try:
                total += sum(process.cpu(child) for child in process.children(self.pid) if child not in self._background)
            except OSError:  # a process ended during the loop
                continue
            if process.cpu_of_ended_children(self.pid) == ended:
                return total + ended

    def sessions(self, role):
        """The PIDs of the role's sessions."""
        rows = self.sql(f"select pid from pg_stat_activity where usename = '{role}'")
        return [int(row[0]) for row in rows]

    def counters(self, role):
        """Statements of the role, and sessions of the server."""
        statements = self.sql("select coalesce(sum(calls), 0) from pg_stat_statements "
                              f"where userid = '{role}'::regrole")[0][0]
        sessions = self.sql("select sum(sessions) from pg_stat_database")[0][0]
        return {"statements": int(statements), "sessions": int(sessions)}

    def facts(self):
        settings = {name: self.sql(f"show {name}")[0][0] for name in SHOWN}
        return {"version": self.sql("show server_version")[0][0], "settings": settings}
