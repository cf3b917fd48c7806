"""Describes the machine and its own delays: a process on a virtual machine may be slow after it slept."""
import os
import pathlib
import platform
import time

from summary import percentile

MILLISECONDS = 1.5  # about the cost of a page with a hundred databases


def title():
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Linux {platform.release()}"


def measure(times):
    """Seconds of the same calculation, after a second of sleep and without it: median, p99 and average CPU."""
    rounds = 10_000
    rounds = int(rounds * MILLISECONDS / 1000 / min(calculation(rounds)["wall"] for _ in range(100)))
    spent = {"slept": [], "at_once": []}
    for _ in range(times):
        time.sleep(1)
        spent["slept"].append(calculation(rounds))
        spent["at_once"] += [calculation(rounds) for _ in range(10)]
    return {kind: {"p50": percentile([one["wall"] for one in all_of_kind], 50),
                   "p99": percentile([one["wall"] for one in all_of_kind], 99),
                   "cpu": sum(one["cpu"] for one in all_of_kind) / len(all_of_kind)} for kind, all_of_kind in spent.items()}


def calculation(rounds):
    wall, cpu, total = time.perf_counter(), time.process_time(), 0
    for number in range(rounds):
        total += number * number
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
