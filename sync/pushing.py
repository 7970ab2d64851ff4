"""Pushing: claim due contacts, build their records, send them in batches, write what became of it.

A batch that is refused is halved until the record is found that it is refused for; the others go
through. No clear answer ends the run: the claims are given back and the gate is paused.
"""

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from idp import owners
from idp.database import db, reading
from sync import activity, connection, feed, gate, guard, history, lanes, leases, told, wire
from sync.exchange import Target
from sync.leases import Claim
from sync.told import Told

log = structlog.get_logger()

# Contacts claimed at once: what is unchanged costs no request, so more than fit one push.
CLAIMED = 500
# So many contacts in a row refused in the very same words: it is not the contacts. The run ends
# and the gate is paused, or each of a hundred thousand would be asked about by itself.
ALIKE = 10

Entry = tuple[Claim, wire.Item, str, Told]


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


@dataclass
class _Batch:
    """Claims on their way, with the item, the digest and the groups of each."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def claims(self) -> list[Claim]:
        return [claim for claim, _item, _digest, _told in self.entries]

    def answer(self, outcome: wire.Outcome, milliseconds: int) -> history.Answer:
        """What the history keeps of an answer to this batch."""
        items = {claim.contact_id: item for claim, item, _digest, _told in self.entries}
        return history.Answer(outcome.code, outcome.message, milliseconds, len(items), items)

    def halves(self) -> "tuple[_Batch, _Batch]":
        middle = (len(self.entries) + 1) // 2
        return _Batch(self.entries[:middle]), _Batch(self.entries[middle:])


def run(seconds: float = float("inf"), lane: int = lanes.BULK) -> Totals:
    """Push until nothing is due, the gate closes, or so many seconds are over.

    What is live goes first; in the live lane nothing else does. A bulk run looks for it between two
    pushes (Y25).

    Two runs at once share the work. Commits many times; what goes wrong in between is found by
    the next run once the leases have ended.
    """
    totals = Totals()
    end = time.monotonic() + seconds
    while not totals.ended_by:
        target = gate.target()
        db.session.commit()
        if target is None:
            break
        if not _Round(target, totals, end, lane).push():
            break
        if time.monotonic() >= end:
            totals.unfinished = True
            break
    return totals


class _Round:
    """One claim, from its leases to their end."""

    def __init__(self, target: Target, totals: Totals, end: float, lane: int) -> None:
        self.owner = owners.new()
        self.target = target
        self.totals = totals
        self.end = end
        self.lane = lane
        self.refusals: Counter[str] = Counter()
        self.tally = activity.Tally()

    def push(self) -> bool:
        """Push what can be claimed; says whether there was anything."""
        claims = leases.claim(self.owner, CLAIMED, lane=lanes.LIVE)
        if not claims and self.lane == lanes.BULK:
            claims = leases.claim(self.owner, CLAIMED, lane=lanes.BULK)
            return bool(claims) and self._push(claims, gives_way=True)
        return bool(claims) and self._push(claims, gives_way=False)

    def _push(self, claims: list[Claim], *, gives_way: bool) -> bool:
        queue = self._batches(claims)
        while queue and not self.totals.ended_by and time.monotonic() < self.end:
            batch = queue.popleft()
            self.tally.write_if_old()
            kept = leases.renew(self.owner, batch.claims)
            batch.entries = [entry for entry in batch.entries if entry[0].contact_id in kept]
            if batch.entries:
                queue.extendleft(reversed(self._send(batch)))
            if gives_way and queue and not self.totals.ended_by:
                _Round(self.target, self.totals, self.end, lanes.LIVE).push()
        self.tally.write()
        leases.release(self.owner, [claim for batch in queue for claim in batch.claims])
        return True

    def _send(self, batch: _Batch) -> Sequence[_Batch]:
        """One push, and what follows from it; gives what is to be pushed next instead."""
        began = time.monotonic()
        outcome = self.target.send([item for _claim, item, _digest, _told in batch.entries])
        answer = batch.answer(outcome, round((time.monotonic() - began) * 1000))
        self.totals.requests += 1
        halved = outcome.verdict is wire.Verdict.REFUSED and len(batch.entries) > 1
        self.tally.count(outcome.verdict, 0 if halved else len(batch.entries))
        match outcome.verdict:
            case wire.Verdict.ACCEPTED:
                leases.accept(
                    self.owner,
                    [(claim, digest, groups) for claim, _, digest, groups in batch.entries],
                    answer,
                )
                self.totals.accepted += len(batch.entries)
                self.refusals.clear()
                gate.answered(self.target)
            case wire.Verdict.REFUSED if halved:
                return batch.halves()
            case wire.Verdict.REFUSED:
                self._refused(batch, outcome, answer)
            case wire.Verdict.WRONG_KEY:
                gate.stop(self.target, outcome)
                leases.release(self.owner, batch.claims, answer)
                self.totals.ended_by = outcome.message
            case wire.Verdict.SLOW_DOWN | wire.Verdict.OUTAGE:
                until = gate.pause(self.target, outcome)
                leases.postpone(self.owner, batch.claims, until, outcome.message, answer)
                self.totals.ended_by = outcome.message
        return ()

    def _refused(self, batch: _Batch, outcome: wire.Outcome, answer: history.Answer) -> None:
        claim, item, _digest, _told = batch.entries[0]
        leases.refuse(self.owner, claim, outcome.message, answer)
        self.totals.refused += 1
        log.warning("record refused", contact=wire.key_of(item), words=outcome.message)
        self.refusals[outcome.message] += 1
        if self.refusals[outcome.message] >= ALIKE:
            gate.pause(self.target, outcome)
            self.totals.ended_by = outcome.message

    def _batches(self, claims: list[Claim]) -> deque[_Batch]:
        """What is to be sent, in batches; what is not to be sent is settled."""
        with reading():
            # As it is now: it may have changed between the target's reading and the claims.
            wanted = connection.get().wanted
            records = feed.build([claim.contact_id for claim in claims], wanted)
            db.session.rollback()
        records = guard.keep_back(claims, records)
        settled: list[Claim] = []
        fresh: list[Entry] = []
        refused: list[Entry] = []
        for claim in claims:
            record = records.get(claim.contact_id)
            if record is None:
                settled.append(claim)
                self.totals.left_out += 1
                continue
            item = wire.item(record)
            digest = wire.digest(item)
            if digest == claim.digest:
                settled.append(claim)
                self.totals.unchanged += 1
            else:
                entry = (claim, item, digest, told.of(record.groups))
                (refused if claim.refused else fresh).append(entry)
        if settled:
            leases.settle(self.owner, settled)
        # What was refused before is by itself: it is likely to be refused again.
        return deque(
            _Batch(entries[start : start + wire.BATCH])
            for entries in (fresh, refused)
            for start in range(0, len(entries), wire.BATCH)
        )
