"""Two cores, one for the servers and one for the load, and the CPU time of the servers."""

import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
# proc(5), /proc/PID/stat: fields after the name, which may hold spaces and parentheses.
_PARENT, _UTIME, _CSTIME = 1, 11, 14
_NICENESS = -15
_LOCK = Path(tempfile.gettempdir()) / f"tessera-bench-{os.getuid()}.lock"


class OneCore(Exception):
    """There is no second core: server and load would measure each other."""


def two() -> tuple[int, int]:
    """The servers' core and the load's. Raises ``OneCore``."""
    ours = sorted(os.sched_getaffinity(0))
    if len(ours) < 2:
        raise OneCore("make bench-sso needs two cores: one for the server, one for the load.")
    return ours[0], ours[1]


def go_before_others() -> None:
    """Let other programs wait for us and for what we start, where we may: latency is measured."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other measurement runs on this machine, and keep others waiting."""
    with _LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another measurement runs; waiting for its end …", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def on(core: int) -> Iterator[None]:
    """Run on one core in here; a process that is started in here stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """User and system time so far of each root process and all below it, in seconds.

    A process that ended and was waited for counts with its parent.
    """
    parents: dict[int, int] = {}
    times: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while we looked
        pid = int(path.parent.name)
        parents[pid] = int(fields[_PARENT])
        times[pid] = sum(int(field) for field in fields[_UTIME : _CSTIME + 1])
    totals = dict.fromkeys(roots, 0)
    names = {pid: name for name, pid in roots.items()}
    for pid, ticks in times.items():
        above: int | None = pid
        while above is not None and above not in names:
            above = parents.get(above)
        if above is not None:
            totals[names[above]] += ticks
    return {name: ticks / _TICK for name, ticks in totals.items()}


def busy_seconds(core: int) -> float:
    """How long a core has been busy so far, with whatever, in seconds."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
            return (user + nice + system + irq + softirq + steal) / _TICK
    raise LookupError(f"there is no core {core}")
