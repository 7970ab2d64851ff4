"""An answer that took the database long is given again for a while.

Counting a million rows for every page that is looked at, and every two seconds while it stays open,
would cost more than what is counted. What is quick is asked each time and is never old.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import current_app

_EXTENSION = "tessera-kept"
# From so many seconds on an answer is kept, for so many times what it took: at most a twentieth of
# one connection's time goes into it.
LONG = 0.25
TIMES = 20

Answer = TypeVar("Answer")


@dataclass
class _Place:
    asking: threading.Lock = field(default_factory=threading.Lock)
    answers: list[Any] = field(default_factory=list)
    until: float = 0.0


def kept(name: str, ask: Callable[[], Answer]) -> Answer:
    """What ``ask`` gives, or has given lately in this process. ``name`` tells answers apart.

    One thread asks at a time; the others are given the old answer, and wait where there is none.
    """
    places: dict[str, _Place] = current_app.extensions.setdefault(_EXTENSION, {})
    place = places.setdefault(name, _Place())
    # Looked at once: whoever is asking may be taking the old answer away.
    answers = place.answers
    if answers and (time.monotonic() < place.until or place.asking.locked()):
        return answers[0]  # type: ignore[no-any-return]
    with place.asking:
        if place.answers and time.monotonic() < place.until:
            return place.answers[0]  # type: ignore[no-any-return]
        begin = time.monotonic()
        answer = ask()
        end = time.monotonic()
        place.until = end + TIMES * (end - begin)
        place.answers = [answer] if end - begin >= LONG else []
        return answer
