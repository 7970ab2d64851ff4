"""What goes wrong, by chance: the processes, Redis, the database, and Higher Logic's answers."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import requests

from tests.chaos.arena import READ_SECONDS, Arena

ANSWERS: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429 with Retry-After": {"status": 429, "retry_after": "1"},
    "500": {"status": 500},
    "503": {"status": 503, "html": True},
    "HTML": {"status": 200, "html": True},
    "half a body": {"cut_body": True},
    "half a body, taken": {"cut_body": True, "after_taking": True},
    "nothing": {"drop_connection": True},
    "nothing, taken": {"drop_connection": True, "after_taking": True},
    "time-out": {"status": 504, "hang_seconds": READ_SECONDS + 1},
    "time-out, taken": {"after_taking": True, "hang_seconds": READ_SECONDS + 1},
    "504, taken": {"status": 504, "after_taking": True},
}


class Faults:
    """One fault after the other; ``made`` counts them by kind. The sequence is the seed's.

    They are made in the main thread: a process ends with the thread that started it.
    """

    def __init__(self, seed: int, arena: Arena) -> None:
        self.draw = random.Random(f"faults {seed}")
        self.arena = arena
        self.made: Counter[str] = Counter()

    def make(self, seconds: float) -> None:
        """Make faults for so long, then undo them: whatever was killed is started again."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self._pause(1.5)
                self.arena.revive()
                self.draw.choice(self._kinds)()
        finally:
            self.arena.set_control(next_responses=[], latency_ms=0)
            self.arena.start_all()

    @property
    def _kinds(self) -> list[Callable[[], None]]:
        answers = [self.answers] * 6
        return [*answers, self.worker, self.clock, self.redis, self.flush, self.cut]

    def answers(self) -> None:
        """Script the next few answers, good ones between them: each outage in a row is waited for
        longer."""
        names = self.draw.choices(sorted(ANSWERS), k=self.draw.randrange(1, 3))
        self.made.update(names)
        script = [one for name in names for one in (ANSWERS[name], {"status": 200})]
        self.arena.set_control(
            next_responses=script,
            latency_ms=self.draw.choice([0, 5, 50]),
        )

    def worker(self) -> None:
        """Kill a worker, or both."""
        for name in self.draw.choice([["worker 1"], ["worker 2"], ["worker 1", "worker 2"]]):
            self.made["worker killed"] += self.arena.kill(name)
        self._pause(1.0)
        self.arena.start_all()

    def clock(self) -> None:
        """Kill the clock."""
        self.made["clock killed"] += self.arena.kill("clock")
        self._pause(3.0)
        self.arena.start_all()

    def redis(self) -> None:
        """Stop Redis, with all that was in it."""
        self.made["Redis stopped"] += 1
        self.arena.redis.stop()
        self._pause(3.0)
        self.arena.start_all()

    def flush(self) -> None:
        """Take everything out of Redis."""
        self.made["Redis flushed"] += 1
        self.arena.flush_redis()

    def cut(self) -> None:
        """Cut the connection to the database."""
        self.made["database cut"] += 1
        self.arena.cut_database(self.draw.uniform(0.2, 2.0))

    def _pause(self, longest: float) -> None:
        time.sleep(self.draw.uniform(0.1, longest))


class Watch(threading.Thread):
    """Reads the sandbox's log of pushes and its history while the run goes on, until ``end``.

    ``overlapping`` is what Y20 forbids: two requests about one contact at one time; ``older`` what
    Y21 does: a record that was accepted after one with a later edit in it.
    """

    def __init__(self, arena: Arena, stamp: Callable[[Any], int]) -> None:
        super().__init__(name="watch")
        self.arena, self.stamp = arena, stamp
        self.pushes: dict[int, Any] = {}
        self.accepted = 0
        self.overlapping: list[str] = []
        self.older: list[str] = []
        self._stamps: dict[str, int] = {}
        self._ended = threading.Event()
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Look every two seconds."""
        try:
            while not self._ended.wait(2.0):
                self._look()
        except BaseException as error:  # noqa: BLE001 - raised where the thread is ended
            self.failed = error

    def end(self) -> None:
        """Look once more, and compare."""
        self._ended.set()
        self.join()
        if self.failed is not None:
            raise self.failed
        self._look()
        self._compare()

    def _look(self) -> None:
        latest = _get(self.arena, "/requests?limit=1000")
        self.pushes |= {push["id"]: push for push in latest}
        while found := _get(self.arena, f"/history?after={self.accepted}"):
            for one in found:
                self.accepted, key = one["position"], one["key"]
                number = self.stamp(one["record"])
                if number < self._stamps.get(key, 0):
                    self.older.append(f"{key}: edit {number} after {self._stamps[key]}")
                self._stamps[key] = max(number, self._stamps.get(key, 0))

    def _compare(self) -> None:
        assert sorted(self.pushes) == [*range(1, len(self.pushes) + 1)], "the log was read in time"
        until: dict[str, tuple[float, int]] = {}
        began = {one["id"]: one["time"] - one["millis"] / 1000 for one in self.pushes.values()}
        for push in sorted(self.pushes.values(), key=lambda one: began[one["id"]]):
            for key in push["keys"]:
                end, other = until.get(key, (0.0, 0))
                # The log is true to a few milliseconds: it is written before an answer goes out.
                if began[push["id"]] < end - 0.005:
                    self.overlapping.append(f"{key}: push {push['id']} began during {other}")
                until[key] = max((push["time"], push["id"]), (end, other))


def _get(arena: Arena, path: str) -> Any:
    answer = requests.get(f"{arena.url}/control{path}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()
