"""What can be made to go wrong, and how slowly things go: the control settings of the process.

Faults live in memory: a restart is a healthy tenant again.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_BATCH = 10_000
MAX_SCRIPT = 1_000
MAX_REJECTED = 10_000
MAX_SECONDS = 120


class ControlError(ValueError):
    """A control setting that cannot be used; the message says which, and what is wanted."""


@dataclass(frozen=True)
class ScriptedResponse:
    """What happens to one coming push, in place of the usual answer."""

    status: int = 200
    """Anything but 200 is answered without taking the push, unless `after_taking`."""
    retry_after: str | None = None
    html: bool = False
    """The body is an HTML page, as a gateway sends one; with 200 the push is not taken."""
    after_taking: bool = False
    """First the push is dealt with as usual; what follows hides that from the caller."""
    hang_seconds: float = 0
    drop_connection: bool = False
    cut_body: bool = False
    """The answer breaks off in the middle of its body."""

    @property
    def takes_the_push(self) -> bool:
        """Whether the push is dealt with at all."""
        if self.after_taking:
            return True
        whole = not (self.html or self.drop_connection or self.cut_body)
        return self.status == 200 and whole

    def as_json(self) -> dict[str, Any]:
        """The entry as `next_responses` takes it, without what is at its default."""
        default = asdict(ScriptedResponse())
        return {
            name: value
            for name, value in asdict(self).items()
            if name == "status" or value != default[name]
        }


@dataclass
class Controls:
    """The settings of `GET/PATCH /control`."""

    rate_limit_per_second: int | None = None
    latency_ms: float = 0
    failure_rate: float = 0
    """The share of pushes answered 503 without being taken, from 0 to 1."""
    refresh_per_second: float | None = 2_000
    """None: as fast as it can; 0: the queue stands still."""
    max_batch: int = 100
    keep_history: bool = False
    """Every record that is accepted is kept, for whoever asks what came after what."""
    reject_keys: dict[str, str] = field(default_factory=dict)
    crash_keys: list[str] = field(default_factory=list)
    next_responses: list[ScriptedResponse] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The settings as the control API shows them."""
        return {
            **{name: getattr(self, name) for name in _CHECKS},
            "reject_keys": dict(self.reject_keys),
            "crash_keys": list(self.crash_keys),
            "next_responses": [entry.as_json() for entry in self.next_responses],
        }


class Faults:
    """The controls, shared by the threads that answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._controls = Controls()
        self._recent: deque[float] = deque()

    def as_json(self) -> dict[str, Any]:
        """All settings, the script with what is left of it."""
        with self._lock:
            return self._controls.as_json()

    def change(self, changes: object) -> None:
        """Takes the settings given and leaves the others; all or none of them.

        Raises ControlError.
        """
        checked = check_changes(changes)
        with self._lock:
            for name, value in checked.items():
                setattr(self._controls, name, value)

    def reset(self) -> None:
        """A healthy tenant again."""
        with self._lock:
            self._controls = Controls()
            self._recent.clear()

    def over_rate_limit(self) -> bool:
        """Counts one push; True if there were as many as allowed within the last second."""
        now = time.monotonic()
        with self._lock:
            limit = self._controls.rate_limit_per_second
            if limit is None:
                self._recent.clear()
                return False
            while self._recent and self._recent[0] <= now - 1:
                self._recent.popleft()
            if len(self._recent) >= limit:
                return True
            self._recent.append(now)
            return False

    def next_scripted(self) -> ScriptedResponse | None:
        """Takes the next entry off the script."""
        with self._lock:
            script = self._controls.next_responses
            return script.pop(0) if script else None

    def fails_now(self) -> bool:
        """Whether chance makes this push fail."""
        return random.random() < self._controls.failure_rate  # noqa: S311 - not a secret

    @property
    def latency_seconds(self) -> float:
        """How long every push waits before anything is done with it."""
        return self._controls.latency_ms / 1000

    @property
    def max_batch(self) -> int:
        """How many items one push may have."""
        return self._controls.max_batch

    @property
    def keep_history(self) -> bool:
        """Whether every accepted record is kept."""
        return self._controls.keep_history

    @property
    def refresh_per_second(self) -> float | None:
        """How many queued records a second become visible; None for no limit."""
        return self._controls.refresh_per_second

    def rejection(self, keys: tuple[str, ...]) -> str | None:
        """What is answered to a push that has one of the rejected keys in it."""
        with self._lock:
            rejected = self._controls.reject_keys
            return next((rejected[key] for key in keys if key in rejected), None)

    def crashes(self, keys: tuple[str, ...]) -> bool:
        """Whether a push has a key in it that this tenant breaks on."""
        with self._lock:
            return not set(self._controls.crash_keys).isdisjoint(keys)


def check_changes(changes: object) -> dict[str, Any]:
    """The changes as attributes of Controls.

    Raises ControlError.
    """
    if not isinstance(changes, dict):
        raise ControlError("the body must be a JSON object")
    if unknown := changes.keys() - _CHECKS.keys():
        raise ControlError(
            f"unknown setting {min(unknown)[:100]!r}; there are {', '.join(_CHECKS)}"
        )
    return {name: _CHECKS[name](name, value) for name, value in changes.items()}


def _number(name: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ControlError(f"{name} must be a number from {low} to {high}")
    return value


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ControlError(f"{name} must be a whole number from {low} to {high}")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false")
    return value


def _rejected(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MAX_REJECTED:
        raise ControlError(f"{name} must be an object of at most {MAX_REJECTED} keys")
    for message in value.values():
        if not isinstance(message, str) or not 1 <= len(message) <= 1000:
            raise ControlError(f"{name} must give each key a message of 1 to 1000 characters")
    return dict(value)


def _keys(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_REJECTED:
        raise ControlError(f"{name} must be a list of at most {MAX_REJECTED} keys")
    if not all(isinstance(key, str) for key in value):
        raise ControlError(f"{name} must be a list of keys")
    return list(value)


def _script(name: str, value: object) -> list[ScriptedResponse]:
    if not isinstance(value, list) or len(value) > MAX_SCRIPT:
        raise ControlError(f"{name} must be a list of at most {MAX_SCRIPT} entries")
    return [_scripted(f"{name}[{index}]", entry) for index, entry in enumerate(value)]


def _scripted(place: str, value: object) -> ScriptedResponse:
    if not isinstance(value, dict) or not value:
        raise ControlError(f"{place} must be an object with at least one member")
    if unknown := value.keys() - ScriptedResponse.__dataclass_fields__.keys():
        raise ControlError(f"{place}: unknown member {min(unknown)[:100]!r}")
    retry_after = value.get("retry_after")
    if isinstance(retry_after, int) and not isinstance(retry_after, bool):
        retry_after = str(retry_after)
    if retry_after is not None and not (
        isinstance(retry_after, str)
        and len(retry_after) <= 100
        and retry_after.isascii()
        and retry_after.isprintable()
    ):
        raise ControlError(f"{place}: retry_after must be seconds or an HTTP date, as text")
    return ScriptedResponse(
        status=_whole(f"{place}: status", value.get("status", 200), 200, 599),
        retry_after=retry_after,
        html=_flag(f"{place}: html", value.get("html", False)),
        after_taking=_flag(f"{place}: after_taking", value.get("after_taking", False)),
        hang_seconds=_number(
            f"{place}: hang_seconds", value.get("hang_seconds", 0), 0, MAX_SECONDS
        ),
        drop_connection=_flag(f"{place}: drop_connection", value.get("drop_connection", False)),
        cut_body=_flag(f"{place}: cut_body", value.get("cut_body", False)),
    )


_CHECKS = {
    "rate_limit_per_second": lambda name, value: (
        None if value is None else _whole(name, value, 1, 1_000_000)
    ),
    "latency_ms": lambda name, value: _number(name, value, 0, MAX_SECONDS * 1000),
    "failure_rate": lambda name, value: _number(name, value, 0, 1),
    "refresh_per_second": lambda name, value: (
        None if value is None else _number(name, value, 0, 1_000_000)
    ),
    "max_batch": lambda name, value: _whole(name, value, 1, MAX_BATCH),
    "keep_history": _flag,
    "reject_keys": _rejected,
    "crash_keys": _keys,
    "next_responses": _script,
}
