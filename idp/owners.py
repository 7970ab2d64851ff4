"""Who holds a lease: a text that says which process of which machine it is.

So a machine can see that a process of its own is dead, and free its leases at once instead of
waiting for them to run out. About another machine's processes it says nothing.
"""

import functools
import os
import uuid
from pathlib import Path


def new() -> str:
    """A new owner's text: machine, process and a random part, at most 64 characters."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}:{uuid.uuid4().hex[:8]}"


def is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that is there no more."""
    machine, _, rest = owner.partition(":")
    parts = rest.split(":")
    if machine != _machine() or len(parts) != 3 or not parts[0].isdigit():
        return False
    return _started(int(parts[0])) != parts[1]


@functools.cache
def _machine() -> str:
    """This boot of this machine, and the space that its process ids are counted in."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        # No Linux: then leases run out, as they do for other machines.
        return uuid.uuid4().hex[:16]


def _started(pid: int) -> str:
    """When a process started, in ticks since boot; empty when there is none. Process ids come
    again, the two together do not (proc_pid_stat(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie is dead: it waits for its parent only.
    return "" if fields[0] == "Z" else fields[19]
