"""Deleting what is over: in batches, each a short transaction, so that nobody waits for it."""

import time
from collections.abc import Callable

BATCH = 500
# Between two batches, so that others who write come in between (SQLite has one writer).
PAUSE = 0.05
# What one tick of the clock takes at the most; the next one goes on.
TICK_SECONDS = 10.0


def until_done(batch: Callable[[], tuple[int, int]], end: float, *, size: int = BATCH) -> int:
    """Do batches until one finds less than their size, or the monotonic clock is at ``end``.

    A batch commits, and gives how many rows it found and how many of them are gone. Gives how many
    are gone in all.
    """
    gone = 0
    while time.monotonic() < end:
        found, number = batch()
        gone += number
        if found < size:
            break
        time.sleep(PAUSE)
    return gone
