"""Writes link-order.txt: the functions that an agent executes, by their symbols. Those that it executes again and again come first,
then those of its start. valgrind counts them, in a build that keeps its symbols (make link-order). Another profile would not do: it
would give every crate another name."""
import contextlib
import itertools
import pathlib
import re
import subprocess
import time
import urllib.request

from scrape import Scraper
from server import Server, free_port

PROGRAM = pathlib.Path("target/link-order/pgcommons")
OUTPUT = pathlib.Path("target/link-order/callgrind")
ORDER = pathlib.Path("link-order.txt")
START = 30  # seconds: valgrind makes the agent about thirty times slower
STEADY = 75  # every job is due at least once
PATHS = ("/metrics", "/-/healthy", "/-/ready", "/", "/api/v1/status")

# A line of callgrind's file: the object or the function that the following costs belong to. The first line has its name.
_LINE = re.compile(r"(ob|fn|cob|cfn)=\((\d+)\)(?: (.*))?$")


def executed(profile):
    """The symbols of the program's functions in a profile."""
    names, in_program, found = {}, False, {}
    for line in profile.read_text(encoding="utf-8").splitlines():
        if not (match := _LINE.match(line)):
            continue
        kind, number, name = match.groups()
        key = (kind.removeprefix("c"), number)
        if name:
            names[key] = name
        if kind == "ob":
            in_program = names[key].endswith(PROGRAM.name)
        elif kind == "fn" and in_program:
            found[names[key].partition("'")[0]] = None  # 'N is a level of a recursion
    return list(found)


def symbols():
    listed = subprocess.run(["nm", PROGRAM], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in listed.splitlines()}


def scrape(port):
    """Requests over a connection that is kept and then closed, and over one for each path."""
    scraper = Scraper(port)
    for _ in range(2):
        scraper.scrape()
    scraper.close()
    for path in PATHS:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            answer.read()


@contextlib.contextmanager
def agent(postgres, port):
    command = ["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={OUTPUT}", PROGRAM,
               f"--web.listen-address=127.0.0.1:{port}"]
    home = OUTPUT.parent.absolute()
    passwords = home / ".pgpass"
    passwords.write_text("*:*:*:*:unused\n", encoding="utf-8")
    passwords.chmod(0o600)
    environment = {"DATABASE_URL": postgres.url("pgcommons"), "PATH": "/usr/bin:/bin", "HOME": str(home)}
    with open(f"{OUTPUT}.log", "wb") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as running:
        try:
            yield running
        finally:
            running.terminate()


def main():
    for old in OUTPUT.parent.glob("callgrind*"):
        old.unlink()
    with Server() as postgres:
        postgres.sql("create role pgcommons login connection limit 3; grant pg_monitor to pgcommons")
        postgres.arrange(30, 60)
        port, tenants = free_port(), itertools.cycle(((32, 50), (30, 60)))
        with agent(postgres, port) as running:
            time.sleep(START)
            scrape(port)
            subprocess.run(["callgrind_control", "--dump", str(running.pid)], check=True, stdout=subprocess.DEVNULL)
            ends = time.monotonic() + STEADY
            while time.monotonic() < ends:
                scrape(port)
                postgres.arrange(*next(tenants))
    known = symbols()
    order = dict.fromkeys([*executed(OUTPUT), *executed(pathlib.Path(f"{OUTPUT}.1"))])
    ORDER.write_text("".join(f"{name}\n" for name in order if name in known), encoding="utf-8")
    print(f"written: {ORDER}")


if __name__ == "__main__":
    main()
