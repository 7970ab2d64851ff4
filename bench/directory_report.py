"""Medians, ratios between sizes, targets and the tables: what the rounds say of the directory."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.directory_work import CHANGES, CONDITIONS, FLOOR, PREVIEWS, Moved, Round
from bench.report import DATABASE_TITLES, quantile

Rounds = dict[tuple[str, int], list[Round]]
"""The rounds of each database and size, in order; the n-th of each ran in the same minutes."""

Look = Callable[[Round], float]


def change(name: str, share: float) -> Look:
    """A quantile of what one change took, in milliseconds."""
    return lambda one: quantile(one.changes[name], share) * 1000


def above_floor(name: str) -> Look:
    """The median change by the median bare UPDATE of the same round."""
    return lambda one: change(name, 0.5)(one) / change(FLOOR, 0.5)(one)


def condition(name: str, of: Callable[[Moved], float]) -> Look:
    """Something of a group's new condition."""
    return lambda one: of(one.conditions[name])


def preview(name: str) -> Look:
    """What a preview took, in seconds."""
    return lambda one: one.previews[name]


def middle(rounds: list[Round], look: Look) -> float:
    """The median of the rounds."""
    return median(map(look, rounds))


def ratio(rounds: Rounds, database: str, size: int, look: Look) -> float:
    """A size by the smallest one: the median of what each round says by itself."""
    pairs = zip(rounds[database, size], rounds[database, smallest(rounds)], strict=True)
    return median(look(one) / look(small) for one, small in pairs)


def smallest(rounds: Rounds) -> int:
    """The smallest number of people."""
    return min(size for _, size in rounds)


def largest(rounds: Rounds) -> int:
    """The largest number of people."""
    return max(size for _, size in rounds)


@dataclass(frozen=True)
class Target:
    """What is to hold of the largest association: a number and the most that it may be."""

    text: str
    number: Callable[[Rounds, str], float]
    bound: float
    part: str
    only: tuple[str, ...] = ("postgres", "sqlite")


def _at_largest(look: Look) -> Callable[[Rounds, str], float]:
    return lambda rounds, database: middle(rounds[database, largest(rounds)], look)


def _growth(look: Look) -> Callable[[Rounds, str], float]:
    return lambda rounds, database: ratio(rounds, database, largest(rounds), look)


TARGETS = (
    *(Target(f"{n}: p50 in ms", _at_largest(change(n, 0.5)), 5, "changes") for n in CHANGES),
    *(
        Target(f"{n}: p50, of the smallest's", _growth(change(n, 0.5)), 1.5, "changes")
        for n in CHANGES
    ),
    *(
        Target(
            f"a new condition, {n} replaced: s",
            _at_largest(condition(n, lambda moved: moved.seconds)),
            10,
            "conditions",
            ("postgres",),
        )
        for n in CONDITIONS
    ),
    *(Target(f"preview, {n}: s", _at_largest(preview(n)), 2, "previews") for n in PREVIEWS),
)
"""What may be asked of the largest association that takes part."""


def in_short(one: Round) -> str:
    """A round in a line, for the log."""
    parts = [f"{name} {change(name, 0.5)(one):.2f} ms" for name in (*CHANGES, FLOOR) if one.changes]
    parts += [f"{name} replaced {moved.seconds:.2f} s" for name, moved in one.conditions.items()]
    parts += [f"preview of {name} {seconds:.2f} s" for name, seconds in one.previews.items()]
    return ", ".join(parts)


def changes_table(rounds: Rounds) -> list[str]:
    """One row for each database, size and kind of change."""
    lines = [
        "| database | people | change | p50 ms | p95 ms | p50, of a bare UPDATE's "
        "| p50, of the smallest's |",
        "|---|---|---|---|---|---|---|",
    ]
    for (database, size), own in rounds.items():
        if not all(one.changes for one in own):
            continue
        for name in (*CHANGES, FLOOR):
            cells = [
                DATABASE_TITLES[database],
                f"{size:,}",
                name,
                f"{middle(own, change(name, 0.5)):.2f}",
                f"{middle(own, change(name, 0.95)):.2f}",
                f"{middle(own, above_floor(name)):.1f}",
                f"{ratio(rounds, database, size, change(name, 0.5)):.2f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines if len(lines) > 2 else []


def conditions_table(rounds: Rounds) -> list[str]:
    """One row for each database, size and new condition."""
    lines = [
        "| database | people | members | replaced | left and joined | s | µs for each moved "
        "| of the smallest's | memory MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (database, size), own in rounds.items():
        if not all(one.conditions for one in own):
            continue
        for name in CONDITIONS:
            seconds = condition(name, lambda moved: moved.seconds)
            moved = own[0].conditions[name]
            each = condition(name, lambda m: m.seconds / max(1, m.left + m.joined) * 1e6)
            cells = [
                DATABASE_TITLES[database],
                f"{size:,}",
                f"{moved.members:,}",
                name,
                f"{moved.left:,} and {moved.joined:,}",
                f"{middle(own, seconds):.2f}",
                f"{middle(own, each):.0f}",
                f"{ratio(rounds, database, size, each):.2f}",
                f"{middle(own, condition(name, lambda m: m.peak_mb)):.1f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines if len(lines) > 2 else []


def previews_table(rounds: Rounds) -> list[str]:
    """One row for each database and size."""
    lines = [
        f"| database | people | {' | '.join(PREVIEWS)} |",
        f"|---|---|{'---|' * len(PREVIEWS)}",
    ]
    for (database, size), own in rounds.items():
        if not all(one.previews for one in own):
            continue
        taken = [
            f"{middle(own, preview(name)):.3f} s "
            f"({ratio(rounds, database, size, preview(name)):.1f} times)"
            for name in PREVIEWS
        ]
        lines.append(f"| {DATABASE_TITLES[database]} | {size:,} | {' | '.join(taken)} |")
    return lines if len(lines) > 2 else []


def targets_table(rounds: Rounds) -> list[str]:
    """One row for each target and database that was measured."""
    size = f"{largest(rounds):,}"
    lines = [f"| target at {size} people | at most | database | measured | |"]
    lines.append("|---|---|---|---|---|")
    for target in TARGETS:
        for database in target.only:
            own = rounds.get((database, largest(rounds)), [])
            if not own or not all(getattr(one, target.part) for one in own):
                continue
            number = target.number(rounds, database)
            verdict = "met" if number <= target.bound else "**missed**"
            title = DATABASE_TITLES[database]
            lines.append(
                f"| {target.text} | {target.bound:g} | {title} | {number:.2f} | {verdict} |"
            )
    return lines if len(lines) > 2 else []


def text(rounds: Rounds, about: list[str]) -> str:
    """The whole report, as Markdown."""
    parts = [
        ["# The directory: what it costs as an association grows", "", EXPLANATION],
        targets_table(rounds),
        ["## One person’s change, re-evaluated in fifty groups"],
        changes_table(rounds),
        ["## A new condition of the largest group"],
        conditions_table(rounds),
        ["## Preview: the counts"],
        previews_table(rounds),
        [f"- {line}" for line in about],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


EXPLANATION = """\
Made by `make bench-directory`; do not edit. Associations of several sizes with fifty synced groups,
the largest with a fifth of everybody, take turns: a ratio between sizes is the median of each
round's own. A change is a whole transaction, from reading the person to the commit on disk: the
memberships in all groups and the ledger follow in it. A bare UPDATE of one row of the same table,
committed by the same driver, is the floor below it. Memory is by how much the process grew at the
most; the database server of Postgres is another process."""
