"""What /proc says about a server: CPU time and memory of a process and its descendants."""

import os
import time
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SETTLE_SECONDS_MAX = 2.0
SETTLE_STEP_SECONDS = 0.05


class BenchError(Exception):
    """Why the bench cannot go on, and what to do about it."""


def cpu_ticks(pid):
    """User and system time of all threads, those ended and reaped included, in clock ticks."""
    total = 0
    for member in tree(pid):
        fields = stat_fields(member)
        if fields:
            # utime, stime, cutime, cstime: fields 14 to 17 of proc_pid_stat(5)
            total += sum(int(field) for field in fields[11:15])
    return total


def settled_cpu_ticks(pid):
    """As cpu_ticks, once work left over from the last answer (collecting garbage, writing back) has stopped."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    before = cpu_ticks(pid)
    while time.monotonic() < deadline:
        time.sleep(SETTLE_STEP_SECONDS)
        after = cpu_ticks(pid)
        if after == before:
            break
        before = after
    return before


def machine_ticks():
    """Busy and total time of all processors since boot; busy includes what the hypervisor took away."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle, iowait = fields[3], fields[4]
    return sum(fields) - idle - iowait, sum(fields)


def resident_bytes(pid):
    """Resident memory; pages shared between processes count in each."""
    return sum(status_bytes(member, "VmRSS") for member in tree(pid))


def peak_bytes(pid):
    """The sum of each process's own peak."""
    return sum(status_bytes(member, "VmHWM") for member in tree(pid))


def tree(pid):
    """A process and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(int(entry))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    found = [pid]
    for member in found:
        found.extend(children.get(member, []))
    return found


def stat_fields(pid):
    """The fields of /proc/PID/stat from the third (the state) on; the second may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def status_bytes(pid, name):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
