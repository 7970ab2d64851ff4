"""The guard: a file that takes away much of what was there stops and asks.

A member system that exports half its members, or a column gone empty, is an accident far more
often than it is meant. What is taken away is counted for the whole file before anything of it is
written.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

SAMPLES = 5
_SAYS = {  # of one, and of several
    "deactivated": (
        "{:,} record would no longer be in use",
        "{:,} records would no longer be in use",
    ),
    "absent": (
        "{:,} record is not in the file and would no longer be in use",
        "{:,} records are not in the file and would no longer be in use",
    ),
    "company": ("{:,} person would lose their company", "{:,} people would lose their company"),
    "status": ("{:,} would have another member status",) * 2,
}


@dataclass(frozen=True)
class Guard:
    """What passes without asking: losses of one kind of at most ``percent`` of the records that
    there are, or of at most ``least`` records."""

    percent: int = 10
    least: int = 20

    @classmethod
    def of_deployment(cls) -> "Guard":
        """The guard that the deployment's settings ask for."""
        settings = current_app.config["TESSERA"]
        return cls(settings.import_guard_percent, settings.import_guard_least)

    def lets(self, count: int, records: int) -> bool:
        """Whether so many losses of so many records pass."""
        return count <= self.least or count * 100 <= self.percent * records


@dataclass
class Losses:
    """What a file takes away, by kind of loss, and how many records there are.

    The kinds: ``deactivated`` (records put out of use), ``absent`` (put out of use for not being
    in the file), ``status`` (another member status), ``company`` (people without their company),
    and ``emptied:<field>`` (values replaced by nothing). ``samples`` has the keys of the first
    few of each.
    """

    records: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, key: str) -> None:
        """Count a loss of the contact with this key."""
        self.counts[kind] += 1
        samples = self.samples.setdefault(kind, [])
        if len(samples) < SAMPLES:
            samples.append(key)

    def beyond(self, guard: Guard, allow: "Losses | None" = None) -> list[str]:
        """The kinds of which there are more than the guard lets through and were allowed."""
        allowed = allow.counts if allow is not None else Counter()
        return [
            kind
            for kind, count in sorted(self.counts.items())
            if count > allowed[kind] and not guard.lets(count, self.records)
        ]

    def sentence(self) -> str:
        """What is lost, in words."""
        said = [self.say(kind, count) for kind, count in sorted(self.counts.items())]
        return f"Of {self.records:,} records " + ("; ".join(said) or "none loses anything") + "."

    def say(self, kind: str, count: int) -> str:
        """One kind of loss in words."""
        if kind.startswith("emptied:"):
            name = kind.removeprefix("emptied:")
            return f"{count:,} would lose their {self.labels.get(name, name)}"
        return _SAYS[kind][count != 1].format(count)

    def as_json(self) -> dict[str, Any]:
        """Numbers, samples and words, as ``from_json`` reads them."""
        return {
            "records": self.records,
            "counts": dict(sorted(self.counts.items())),
            "samples": self.samples,
            "says": {kind: self.say(kind, count) for kind, count in sorted(self.counts.items())},
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> "Losses":
        """The losses that ``as_json`` gave, to be given back as ``allow``."""
        return cls(
            records=given["records"],
            counts=Counter(given["counts"]),
            samples=given.get("samples", {}),
        )
