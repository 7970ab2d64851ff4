"""The removal guard: whether contacts may be taken out of a group at Higher Logic.

A removal is a record without a group that Higher Logic was told of last. Too many of them within
an hour (``limits``) are an accident far more often than they are meant: then all of them are held,
before the first is sent, until staff decide (``verdicts``). Who is held has a record with that
group in it as it was told last, so that everything else of them, and everybody else, goes on.

While an import is being written, removals wait for its end: only then is known how many it takes
out, since each of its chunks is a change of its own.

Not guarded is what staff were told of and chose: the sync of a group that is switched off or
deleted, and a record that was merged into another.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import delete, exists, insert, literal, select, update

from idp import audit
from idp.database import UTCDateTime, db, now
from idp.directory.contacts import Contact
from idp.directory.groups import Group
from idp.directory.importing import under_way
from sync import connection
from sync.claims import Claim
from sync.records import told
from sync.records.entries import GroupEntry, in_order
from sync.records.feed import Record
from sync.removals import held, leaving
from sync.removals.held import KEPT, Standing, holds, removals, row

log = structlog.get_logger()

Records = dict[int, Record]


@dataclass
class _Round:
    """Some claims with a record: who of them leaves which group, by its key."""

    leaving: dict[str, set[int]]
    told: dict[int, told.Told]
    guarded: set[int]

    @classmethod
    def of(cls, claims: Sequence[Claim], records: Records) -> "_Round":
        built = [claim for claim in claims if claim.contact_id in records]
        leaving: defaultdict[str, set[int]] = defaultdict(set)
        for claim in built:
            if claim.told:
                groups = {entry.key for entry in records[claim.contact_id].groups}
                for key in claim.told.keys() - groups:
                    leaving[key].add(claim.contact_id)
        return cls(
            leaving,
            {claim.contact_id: claim.told for claim in built},
            {claim.contact_id for claim in built if claim.guarded},
        )


def keep_back(claims: Sequence[Claim], records: Records) -> Records:
    """The records to push of some claims: with the groups in them that the guard keeps them in.

    Costs nothing where nobody leaves a group and nothing is held of them. Otherwise it is one
    transaction, which is committed here.
    """
    looked = _Round.of(claims, records)
    if not looked.leaving and not looked.guarded:
        return records
    kept: defaultdict[int, list[GroupEntry]] = defaultdict(list)
    for group, contact_ids in _decide(looked):
        for one in contact_ids:
            kept[one] += told.entries(looked.told[one], group)
    return records | {
        one: records[one]._replace(groups=tuple(in_order([*records[one].groups, *put_back])))
        for one, put_back in kept.items()
    }


def _decide(looked: _Round) -> list[tuple[Any, set[int]]]:
    """Decide about everybody who leaves; gives by group who stays in it. Commits."""
    moment = now()
    groups = {group.key: group for group in synced(looked.leaving)}
    concerned = looked.guarded.union(*(looked.leaving[key] for key in groups))
    for merged in _merged(concerned):
        # The record that it was merged into has its groups.
        for contact_ids in looked.leaving.values():
            contact_ids.discard(merged)
    held.take_turn({*groups, *(one.group_key for one in _rows(concerned))})
    standing: dict[tuple[str, int], str] = {}
    over: defaultdict[str, list[int]] = defaultdict(list)
    for one in _rows(concerned):
        leaves = one.group_key in groups and one.contact_id in looked.leaving[one.group_key]
        if leaves and (one.standing != "passed" or one.at > moment - held.WINDOW):
            standing[one.group_key, one.contact_id] = one.standing
        else:
            over[one.group_key].append(one.contact_id)
    for key, gone in over.items():
        held.forget(key, gone)
    stay: list[tuple[Any, set[int]]] = []
    for key, group in groups.items():
        fresh = [one for one in looked.leaving[key] if (key, one) not in standing]
        if fresh:
            said = _about(group, fresh, moment)
            standing |= {(key, one): said for one in fresh}
        stay.append((group, {one for one in looked.leaving[key] if standing[key, one] in KEPT}))
    for key in over:
        end_if_over(key)
    db.session.commit()
    return stay


def _about(group: Any, fresh: Sequence[int], moment: dt.datetime) -> Standing:
    """Decide about some who leave a group, and write it."""
    rows = [
        {"group_key": group.key, "contact_id": one, "standing": "passed", "at": moment}
        for one in fresh
    ]
    db.session.execute(insert(removals), rows)
    hold = held.hold_of(group.key)
    if hold is not None and hold.since is not None:
        return _set(group, fresh, "held")
    if reason := reason_to_hold(group, moment):
        _set(group, fresh, "held")
        begin(group, reason, moment)
        return "held"
    if under_way.any_import():
        keep_an_eye_on(group.key)
        return _set(group, fresh, "waiting")
    return "passed"


def reason_to_hold(group: Any, moment: dt.datetime) -> str:
    """Why what leaves a group now is held, by ``limits``; empty when it may go."""
    limits = connection.get().limits
    number = leaving.number(group, moment, limits.enough_people)
    left = leaving.number_left(group, limits.enough_left(number))
    return limits.beyond(number, left)


def begin(group: Any, reason: str, moment: dt.datetime) -> None:
    """Hold all that is about to leave a group, in the transaction at hand."""
    keep_an_eye_on(group.key)
    db.session.execute(
        update(holds).where(holds.c.group_key == group.key).values(since=moment, reason=reason)
    )
    # Whoever has passed may be on the way already; who waits is not.
    db.session.execute(
        update(removals)
        .where(row.group_key == group.key, row.standing == "waiting")
        .values(standing="held")
    )
    # Sorted by what no index has, so that all are known before the first is written: while its
    # statistics call the table empty, Postgres would look through the rows that it has just written
    # for each contact, and 100,000 would take it minutes.
    others = leaving.undecided(group, moment)
    others = others.add_columns(
        literal(group.key), literal("held"), literal(moment, type_=UTCDateTime())
    ).order_by(others.selected_columns[0] + 0)
    # What passed so long ago that it does not count, and was not accepted since.
    again = leaving.undecided(group, moment)
    db.session.execute(
        delete(removals).where(
            row.group_key == group.key, row.standing == "passed", row.contact_id.in_(again)
        )
    )
    db.session.execute(
        insert(removals).from_select(["contact_id", "group_key", "standing", "at"], others)
    )
    number = held.number(group.key)
    audit.record(audit.Event.REMOVALS_HELD, group.key, number=number, reason=reason)
    log.warning("removals held", group=group.key, number=number, reason=reason)


def end_if_over(group_key: str) -> None:
    """Take note when nothing is kept back of a group any more, in the transaction at hand."""
    hold = held.hold_of(group_key)
    if hold is None or held.number(group_key):
        return
    if hold.since is not None:
        audit.record(audit.Event.REMOVALS_OVER, group_key)
        log.info("nothing held any more", group=group_key)
    stop_holding(group_key)


def stop_holding(group_key: str) -> None:
    """Nothing is held of a group any more; the guard has an eye on it while it keeps anything."""
    db.session.execute(
        update(holds).where(holds.c.group_key == group_key).values(since=None, reason="")
    )
    kept = exists().where(row.group_key == holds.c.group_key, row.standing.in_(KEPT))
    db.session.execute(delete(holds).where(holds.c.group_key == group_key, ~kept))


def keep_an_eye_on(group_key: str) -> None:
    """Have the clock look after what is kept back of a group (``verdicts.tick``)."""
    if held.hold_of(group_key) is None:
        db.session.execute(insert(holds).values(group_key=group_key, reason=""))


def synced(group_keys: Any) -> list[Any]:
    """Those of the groups that there are and that sync, by key: ``id``, ``key``, ``name``,
    ``type``, ``community_type``."""
    group = Group.__table__.c
    return list(
        db.session.execute(
            select(group.id, group.key, group.name, group.type, group.community_type)
            .where(group.key.in_(list(group_keys)), group.sync)
            .order_by(group.key)
        )
    )


def _merged(contact_ids: set[int]) -> Sequence[int]:
    contact = Contact.__table__.c
    return db.session.scalars(
        select(contact.id).where(contact.id.in_(contact_ids), contact.merged_into_id.is_not(None))
    ).all()


def _rows(contact_ids: set[int]) -> Sequence[Any]:
    return db.session.execute(select(removals).where(row.contact_id.in_(contact_ids))).all()


def _set(group: Any, contact_ids: Sequence[int], standing: Standing) -> Standing:
    db.session.execute(
        update(removals)
        .where(row.group_key == group.key, row.contact_id.in_(contact_ids))
        .values(standing=standing)
    )
    return standing
