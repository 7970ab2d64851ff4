"""Batches: due contacts are claimed, their records built, and what is to be sent put together.

What Higher Logic has already costs no request: it is settled here.
"""

import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from idp import owners
from idp.database import db, now, reading
from sync import connection, lanes
from sync.claims import Claim
from sync.delivery import leases, outcomes
from sync.protocol import wire
from sync.protocol.exchange import Target
from sync.records import feed, told
from sync.records.told import Told
from sync.removals import guard
from sync.sent import history
from sync.settings import pace

# Claimed at once where most turned out to be unchanged.
CLAIMED = 500
# Seconds after which no more is claimed for a batch: far from the end of a lease.
FILLING = 5.0

Entry = tuple[Claim, wire.Item, str, Told]


@dataclass
class Tally:
    """What became of a batch and its halves: contacts refused since one was accepted."""

    refused: int = 0


@dataclass
class Batch:
    """Claims on their way, with the item, the digest and the groups of each.

    ``retried``: what is wanted was refused before. ``leased_at``: from then on.
    """

    owner: str
    entries: list[Entry]
    retried: bool
    leased_at: dt.datetime
    tally: Tally = field(default_factory=Tally)

    @property
    def claims(self) -> list[Claim]:
        """The claims of the entries."""
        return [entry[0] for entry in self.entries]

    @property
    def items(self) -> list[wire.Item]:
        """What is sent."""
        return [entry[1] for entry in self.entries]

    def answer(self, outcome: wire.Outcome, milliseconds: int) -> history.Answer:
        """What the history keeps of an answer to this batch."""
        items = {claim.contact_id: item for claim, item, _digest, _told in self.entries}
        return history.Answer(outcome.code, outcome.message, milliseconds, len(items), items)

    def halves(self) -> "tuple[Batch, Batch]":
        """Two batches of what this one holds."""
        middle = (len(self.entries) + 1) // 2
        first, second = (
            Batch(self.owner, entries, self.retried, self.leased_at, self.tally)
            for entries in (self.entries[:middle], self.entries[middle:])
        )
        return first, second


@dataclass
class Prepared:
    """Batches, and how many contacts needed none."""

    batches: list[Batch] = field(default_factory=list)
    unchanged: int = 0
    left_out: int = 0


def prepare(
    target: Target,
    lane: int,
    *,
    enough: Callable[[], bool] = lambda: False,
    among: Collection[int] | None = None,
) -> Prepared:
    """What is due in a lane, or ``among`` some contacts, as much as fits one push; of
    ``Target.probes`` one contact.

    Where most of it is unchanged more is claimed, until the push is half full or it is ``enough``.
    """
    owner, prepared = owners.new(), Prepared()
    fresh: list[Entry] = []
    retried: list[Entry] = []
    limit = target.batch
    began, leased_at = time.monotonic(), now()
    while claims := leases.claim(owner, limit, lane=lane, anyone=target.probes, among=among):
        for entry in _built(owner, claims, target, prepared):
            (retried if entry[0].refused else fresh).append(entry)
        if (
            len(claims) < limit
            or 2 * (len(fresh) + len(retried)) >= target.batch
            or ((target.probes or lane == lanes.LIVE) and (fresh or retried))
            or enough()
            or time.monotonic() - began > FILLING
        ):
            break
        limit = max(limit, CLAIMED)
    if target.probes:
        first, others = (fresh or retried)[:1], (*fresh[1:], *(retried if fresh else retried[1:]))
        leases.release(owner, [entry[0] for entry in others])
        fresh, retried = (first, []) if fresh else ([], first)
    suspects = [entry for entry in fresh if entry[0].suspect]
    usual = [entry for entry in fresh if not entry[0].suspect]
    tally = Tally()
    # What was refused before is by itself: it is likely to be refused again. So is each contact
    # that never had a clear answer: whose fault that is shows only where it goes alone.
    prepared.batches = [
        *(Batch(owner, entries, False, leased_at) for entries in _cut(usual, target.batch)),
        *(Batch(owner, [entry], False, leased_at, tally) for entry in suspects),
        *(Batch(owner, entries, True, leased_at) for entries in _cut(retried, target.batch)),
    ]
    return prepared


def _built(owner: str, claims: list[Claim], target: Target, prepared: Prepared) -> Iterator[Entry]:
    with reading():
        # As the settings are now: they may have changed between the target's reading and the
        # claim, and whoever changed them has counted on what is claimed from then on.
        row = connection.get()
        moved = (row.base_url, row.tenant_code) != (target.base_url, target.tenant_code)
        ids = [claim.contact_id for claim in claims]
        records = {} if moved else feed.build(ids, row.wanted)
        db.session.rollback()
    if moved:
        leases.release(owner, claims)
        return
    records = guard.keep_back(claims, records)
    settled: list[Claim] = []
    for claim in claims:
        record = records.get(claim.contact_id)
        if record is None:
            settled.append(claim)
            prepared.left_out += 1
            continue
        item = wire.item(record)
        digest = wire.digest(item)
        if digest == claim.digest:
            settled.append(claim)
            prepared.unchanged += 1
        else:
            yield claim, item, digest, told.of(record.groups)
    if settled:
        outcomes.settle(owner, settled)


def _cut(entries: Sequence[Entry], most: int) -> Iterator[list[Entry]]:
    """Parts of so many entries at the most, and of no more bytes than a body may have."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        bytes_more = wire.size(entry[1])
        if part and (len(part) >= most or size + bytes_more > pace.LARGEST_BODY):
            yield part
            part, size = [], 0
        part.append(entry)
        size += bytes_more
    if part:
        yield part
