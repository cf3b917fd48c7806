"""CPU time and memory of a process, as the kernel counts them."""
import os
import pathlib
import time

_TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of CPU of all its threads, including ended ones, from the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def cpu_of_ended_children(pid):
    """Seconds of CPU of the children that it has waited for, in steps of 10 ms."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICK


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory(pid):
    """Bytes: resident, and proportional, where a page that n processes share counts for 1/n."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {key: int(value.split()[0]) * 1024 for key, _, value in (line.partition(":") for line in lines)}
    return {"rss": sizes["Rss"], "pss": sizes["Pss"]}
