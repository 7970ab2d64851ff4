"""Pushing: batches of due contacts go to Higher Logic, and what became of them is written.

A batch that is refused is halved until the record is found that it is refused for; the others go
through. No clear answer ends the run: the claims are given back and the gate is paused. While one
push is on its way the next batch is put together.
"""

import datetime as dt
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from idp import jobs
from idp.database import db, now
from sync import lanes, ledger
from sync.delivery import batches, gate, leases, outcomes
from sync.delivery.batches import Batch
from sync.protocol import wire
from sync.protocol.exchange import Target
from sync.sent import activity, history

log = structlog.get_logger()

# So many contacts of a batch refused, and none accepted in between: the rest is put aside for a
# while, or each of a hundred thousand would be asked about by itself. Other batches show whether
# it is these contacts or the tenant (``gate.doubt``).
IN_A_ROW = 10
ITS_OWN = "It takes others meanwhile, so it may be something about this record."
# After which the leases of a batch that waits for its turn are prolonged.
WAITED = dt.timedelta(seconds=15)

_own = threading.local()


@dataclass
class Totals:
    """What a run did: numbers of requests and of contacts. ``unfinished``: it stopped at its time
    limit; ``ended_by``: at this answer of Higher Logic's."""

    requests: int = 0
    accepted: int = 0
    unchanged: int = 0
    left_out: int = 0
    refused: int = 0
    unfinished: bool = False
    ended_by: str = ""

    def add(self, other: "Totals") -> None:
        """Add another run's numbers; how it ended counts."""
        for name in ("requests", "accepted", "unchanged", "left_out", "refused"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.unfinished, self.ended_by = other.unfinished, other.ended_by


def run(
    seconds: float = float("inf"),
    lane: int = lanes.BULK,
    among: Collection[int] | None = None,
) -> Totals:
    """Push until nothing is due, the gate closes, or so many seconds are over; or some contacts
    alone, in whatever lane they are.

    What is live goes first; in the live lane nothing else does. A bulk run looks for it between two
    pushes (Y25). Two runs at once share the work. Commits many times; what goes wrong in between is
    found by the next run once the leases have ended.
    """
    this = _Run(lane if among is None else lanes.LIVE, among)
    end = time.monotonic() + seconds
    while this.step():
        if time.monotonic() >= end or jobs.ending.is_set():
            this.totals.unfinished = True
            break
    this.give_back()
    return this.totals


class _Run:
    """``waiting``: batches that are put together, the next first."""

    def __init__(self, lane: int, among: Collection[int] | None = None) -> None:
        self.lane = lane
        self.among = among
        self.totals = Totals()
        self.waiting: deque[Batch] = deque()
        self.done = activity.Tally()

    def step(self) -> bool:
        """One push; says whether there may be another."""
        self.done.write_if_old()
        # By itself: who changes the settings holds the connection's row, which the gate may want,
        # and wants these.
        db.session.commit()
        target = gate.target()
        db.session.commit()
        if target is None:
            return False
        batch = self._next(target)
        if batch is None or not gate.take_turn(target):
            if batch is not None:
                self.waiting.appendleft(batch)
            gate.did_not_probe(target)
            return False
        answer = _sender().submit(_sent, target, batch.items)
        if self.lane == lanes.BULK and not (self.waiting or target.probes):
            self._prepare(target, lanes.BULK, enough=answer.done)
        self.totals.requests += 1
        self._settle(target, batch, *answer.result())
        return not self.totals.ended_by

    def give_back(self) -> None:
        """Free what was claimed and not sent."""
        self.done.write()
        db.session.commit()
        for batch in self.waiting:
            leases.release(batch.owner, batch.claims)

    def _next(self, target: Target) -> Batch | None:
        kept, self.waiting = self.waiting, deque()
        while kept and not self._still_right(kept[0]):
            kept.popleft()
        self._prepare(target, lanes.LIVE)
        self.waiting.extend(kept)
        if not self.waiting and self.lane == lanes.BULK:
            self._prepare(target, lanes.BULK)
        while self.waiting:
            batch = self.waiting.popleft()
            # Not even a machine that stood still pushes what another has taken over.
            if now() - batch.leased_at <= WAITED or self._still_right(batch):
                return batch
        return None

    def _prepare(
        self, target: Target, lane: int, enough: Callable[[], bool] = lambda: False
    ) -> None:
        prepared = batches.prepare(target, lane, enough=enough, among=self.among)
        self.waiting.extend(prepared.batches)
        self.totals.unchanged += prepared.unchanged
        self.totals.left_out += prepared.left_out

    def _still_right(self, batch: Batch) -> bool:
        """Keep of a batch what is still ours and unchanged; says whether that is anything.

        Who was changed meanwhile is given back: they go with what is live.
        """
        if (moment := now()) - batch.leased_at > WAITED:
            leases.renew(batch.owner, batch.claims)
            batch.leased_at = moment
        held, changed = leases.look(batch.owner, batch.claims)
        if changed:
            leases.release(batch.owner, [one for one in batch.claims if one.contact_id in changed])
        batch.entries = [one for one in batch.entries if one[0].contact_id in held - changed]
        return bool(batch.entries)

    def _settle(
        self, target: Target, batch: Batch, outcome: wire.Outcome, milliseconds: int
    ) -> None:
        """Write what became of a push."""
        answer = batch.answer(outcome, milliseconds)
        halved = outcome.verdict is wire.Verdict.REFUSED and len(batch.entries) > 1
        self.done.count(outcome.verdict, 0 if halved else len(batch.entries))
        match outcome.verdict:
            case wire.Verdict.ACCEPTED:
                outcomes.accept(
                    batch.owner,
                    [(claim, digest, groups) for claim, _, digest, groups in batch.entries],
                    answer,
                )
                self.totals.accepted += len(batch.entries)
                batch.tally.refused = 0
                gate.answered(target)
            case wire.Verdict.REFUSED if halved:
                if outcome.cause == wire.TOO_LARGE:
                    gate.take_less(target, len(batch.entries) // 2)
                self.waiting.extendleft(reversed(batch.halves()))
            case wire.Verdict.REFUSED:
                self._refused(target, batch, outcome, answer)
            case wire.Verdict.WRONG_KEY:
                gate.stop(target, outcome)
                leases.release(batch.owner, batch.claims, answer)
                self.totals.ended_by = outcome.message
            case wire.Verdict.SLOW_DOWN | wire.Verdict.OUTAGE:
                until = gate.pause(target, outcome)
                if _is_the_records(batch, outcome):
                    self._refuse(batch, f"{outcome.message} {ITS_OWN}", answer)
                else:
                    outcomes.postpone(batch.owner, batch.claims, until, outcome.message, answer)
                self.totals.ended_by = outcome.message

    def _refused(
        self, target: Target, batch: Batch, outcome: wire.Outcome, answer: history.Answer
    ) -> None:
        self._refuse(batch, outcome.message, answer)
        if outcome.cause == wire.TOO_LARGE:
            gate.take_as_before(target)
        batch.tally.refused += 1
        doubted = target.doubts and not batch.retried
        if batch.tally.refused < (1 if doubted else IN_A_ROW):
            gate.answered(target)
            return
        for other in [one for one in self.waiting if one.tally is batch.tally]:
            self.waiting.remove(other)
            outcomes.put_aside(other.owner, other.claims, outcome.message)
        if not batch.retried and gate.doubt(target, outcome):
            self.totals.ended_by = outcome.message

    def _refuse(self, batch: Batch, words: str, answer: history.Answer) -> None:
        """Write that the one record of a batch is not taken."""
        claim, item, _digest, _told = batch.entries[0]
        outcomes.refuse(batch.owner, claim, words, answer)
        self.totals.refused += 1
        log.warning("record refused", contact=wire.key_of(item), words=words)


def _is_the_records(batch: Batch, outcome: wire.Outcome) -> bool:
    """Whether a push without a clear answer says something of its one record, and not of Higher
    Logic: it came to that time and again, and others were accepted since it did last."""
    claim = batch.claims[0]
    if (
        len(batch.entries) > 1
        or not claim.suspect
        or claim.pushed_at is None
        or outcome.verdict is not wire.Verdict.OUTAGE
        or outcome.cause == wire.WRONG_ADDRESS
    ):
        return False
    return db.session.scalar(ledger.accepted_since(claim.pushed_at)) is not None


def _sent(target: Target, items: list[wire.Item]) -> tuple[wire.Outcome, int]:
    """What became of a push, and how many milliseconds that took."""
    began = time.monotonic()
    outcome = target.send(items)
    return outcome, round((time.monotonic() - began) * 1000)


def _sender() -> ThreadPoolExecutor:
    """This thread's own thread for requests, which keeps its connection (``transport``)."""
    if getattr(_own, "process", None) != os.getpid():
        _own.sender, _own.process = ThreadPoolExecutor(1, thread_name_prefix="push"), os.getpid()
    sender: ThreadPoolExecutor = _own.sender
    return sender
