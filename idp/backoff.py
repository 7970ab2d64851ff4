"""How long to wait before the next try."""

import datetime as dt
import random


def delay(
    tries: int, *, first: float = 1.0, longest: float = 300.0, at_least: float = 0.0
) -> dt.timedelta:
    """Seconds that double with each try, up to ``longest``, and never less than the far side asked
    for (``at_least``, up to an hour).

    A fifth of it is chance: who failed together must not come back together.
    """
    seconds = min(longest, first * 2.0 ** min(tries, 32)) * random.uniform(0.8, 1.0)  # noqa: S311
    asked = min(at_least, 3600.0) * random.uniform(1.0, 1.1)  # noqa: S311
    return dt.timedelta(seconds=max(seconds, asked))
