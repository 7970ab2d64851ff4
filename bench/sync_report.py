"""What ``bench.sync`` says of its measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from bench.sync_work import Floor, Live, Sync

TITLES = {"postgres": "Postgres", "sqlite": "SQLite"}
# Targets: contacts a second, ratio of two workers, megabytes, seconds for 100,000 unchanged, live
# seconds (p50, p99), pushes for many edits, ratio of the cost at the largest size.
RATE, TWO, MEGABYTES, UNCHANGED, P50, P99, EDITS, GROWTH = 1500, 1.7, 200, 20, 0.3, 1.0, 2, 1.2


@dataclass
class Measured:
    """The parts that were measured of one database and size."""

    database: str
    size: int
    floor: Floor | None = None
    first: Sync | None = None
    workers: dict[int, Sync] = field(default_factory=dict)
    reconcile: Sync | None = None
    live: Live | None = None
    edits: tuple[int, int] | None = None

    @property
    def title(self) -> str:
        """As a row of the report begins."""
        return f"{TITLES[self.database]} | {self.size:,}"


Target = tuple[str, str, bool]


def percentile(seconds: Sequence[float], share: int) -> float:
    """So many percent are at most this."""
    return quantiles(seconds, n=100, method="inclusive")[share - 1]


def text(found: Sequence[Measured], about: Sequence[str], edits: int) -> str:
    """The report."""
    lines = [
        "# The feed, measured",
        "",
        "Made by `make bench-sync`: real workers, and a receiver in Higher Logic's place.",
        "",
        *(f"- {line}" for line in about),
        "",
        *_first(found),
        *_workers(found),
        *_reconcile(found),
        *_live(found),
        *_edits(found, edits),
        "## Targets",
        "",
        "| | measured | |",
        "|---|---:|---|",
        *(
            f"| {what} | {measured} | {'met' if met else 'NOT met'} |"
            for one in found
            for what, measured, met in targets(one)
        ),
        *(
            f"| {what} | {measured} | {'met' if met else 'NOT met'} |"
            for what, measured, met in growth(found)
        ),
        "",
    ]
    return "\n".join(lines)


def targets(one: Measured) -> list[Target]:
    """What was asked for, what it is, and whether that will do."""
    where = f"{TITLES[one.database]}, {one.size:,}: "
    found: list[Target] = []
    if one.first is not None:
        first, peak = one.first, max(one.first.memory, default=0.0)
        found += [
            (f"{where}{RATE:,} contacts/s", f"{first.rate:,.0f}", first.rate >= RATE),
            (
                f"{where}{RATE:,} contacts a CPU second of worker and database",
                f"{first.together:,.0f}",
                first.together >= RATE,
            ),
            (f"{where}worker under {MEGABYTES} MB", f"{peak:.0f} MB", peak < MEGABYTES),
        ]
    if len(one.workers) > 1 and one.database == "postgres":
        ratio = one.workers[2].rate / one.workers[1].rate
        found.append((f"{where}two workers {TWO} times one", f"{ratio:.2f}", ratio >= TWO))
    if one.reconcile is not None:
        done, allowed = one.reconcile, UNCHANGED * max(1.0, one.reconcile.contacts / 100_000)
        met = done.pushes == 0 and done.seconds < allowed
        measured = f"{done.pushes} requests, {done.seconds:.1f} s"
        found.append((f"{where}unchanged: 0 requests, under {allowed:.0f} s", measured, met))
    if one.live is not None:
        p50, p99 = (percentile(one.live.accepted, share) for share in (50, 99))
        measured = f"{p50 * 1000:.0f} and {p99 * 1000:.0f} ms"
        wanted = f"{where}live accepted, p50 under {P50 * 1000:.0f} ms, p99 under {P99:.0f} s"
        found.append((wanted, measured, p50 < P50 and p99 < P99))
    if one.edits is not None:
        found.append((f"{where}edits: {EDITS} pushes", str(one.edits[0]), one.edits[0] <= EDITS))
    return found


def growth(found: Sequence[Measured]) -> list[Target]:
    """What a contact costs worker and database at the largest size beside the smallest."""
    targets: list[Target] = []
    for database in TITLES:
        sizes = [(one.size, one.first) for one in found if one.database == database and one.first]
        if len(sizes) > 1:
            (small, less), (large, more) = sizes[0], sizes[-1]
            ratio = less.together / more.together
            what = f"{TITLES[database]}: CPU of a contact at {large:,} beside {small:,}"
            targets.append((f"{what}, {GROWTH}", f"{ratio:.2f}", ratio <= GROWTH))
    return targets


def _first(found: Sequence[Measured]) -> list[str]:
    rows = []
    for one in found:
        if one.first is None or one.floor is None:
            continue
        sync, memory = one.first, one.first.memory or [0.0]
        third = max(1, len(memory) // 3)
        rows.append(
            f"| {one.title} | {sync.contacts:,} | {sync.rate:,.0f} | {one.floor.rate:,.0f} "
            f"| {sync.together:,.0f} "
            f"| {sync.worker_ms:.3f} | {one.floor.cpu_ms:.3f} "
            f"| {sync.worker_ms / one.floor.cpu_ms:.1f} "
            f"| {sync.cpu.get('database', 0.0) / sync.contacts * 1000:.3f} "
            f"| {max(memory[:third]):.0f}, {max(memory[third : 2 * third] or memory):.0f}, "
            f"{max(memory[-third:]):.0f} |"
        )
    return _table(
        "A first sync by one worker",
        "Floor: the very bodies, ready made, posted by a bare loop. CPU in milliseconds for each "
        "contact; contacts a CPU second of worker and database, which is what a machine that does "
        "nothing else does in a second. Memory: the most in each third of the time, in MB.",
        "| | feed | contacts | contacts/s | floor | a CPU second | worker's CPU | floor's | ratio "
        "| database's CPU | memory |",
        rows,
    )


def _workers(found: Sequence[Measured]) -> list[str]:
    return _table(
        "Two workers",
        "A far side that takes its time to answer; contacts a second.",
        "| | feed | one worker | two | ratio |",
        [
            f"| {one.title} | {one.workers[1].rate:,.0f} | {one.workers[2].rate:,.0f} "
            f"| {one.workers[2].rate / one.workers[1].rate:.2f} |"
            for one in found
            if len(one.workers) > 1
        ],
    )


def _reconcile(found: Sequence[Measured]) -> list[str]:
    return _table(
        "Everything compared, nothing changed",
        "With the statement that notes everybody. CPU in milliseconds for each contact.",
        "| | feed | contacts | requests | seconds | worker's CPU | database's |",
        [
            f"| {one.title} | {one.reconcile.contacts:,} | {one.reconcile.pushes} "
            f"| {one.reconcile.seconds:.1f} | {one.reconcile.worker_ms:.3f} "
            f"| {one.reconcile.cpu.get('database', 0.0) / one.reconcile.contacts * 1000:.3f} |"
            for one in found
            if one.reconcile is not None
        ],
    )


def _live(found: Sequence[Measured]) -> list[str]:
    return _table(
        "Live changes during a first sync",
        "Milliseconds from a change's commit until the receiver had it, and until the ledger said "
        "accepted.",
        "| | feed | changes/s | of them during the first sync | received: p50 | p99 "
        "| accepted: p50 | p99 |",
        [
            f"| {one.title} | {one.live.changes:.0f} | {one.live.during} of "
            f"{len(one.live.accepted)} | "
            + " | ".join(
                f"{percentile(seconds, share) * 1000:.0f}"
                for seconds in (one.live.received, one.live.accepted)
                for share in (50, 99)
            )
            + " |"
            for one in found
            if one.live is not None
        ],
    )


def _edits(found: Sequence[Measured], edits: int) -> list[str]:
    return _table(
        f"{edits:,} edits of one contact",
        "A transaction each. Pushes, where the worker is busy with something else meanwhile, and "
        "where it does nothing but wait for the next edit.",
        "| | feed | busy | idle |",
        [
            f"| {one.title} | {one.edits[0]} | {one.edits[1]} |"
            for one in found
            if one.edits is not None
        ],
    )


def _table(title: str, words: str, head: str, rows: Sequence[str]) -> list[str]:
    if not rows:
        return []
    columns = head.count("|") - 1
    return [f"## {title}", "", words, "", head, "|---" * columns + "|", *rows, ""]
