"""The removal guard: an import's or a condition's mistake takes nobody out at Higher Logic."""

import datetime as dt
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select, update

from idp import audit
from idp.database import db, now
from idp.directory import conditions, deactivation, groups, importing, merging
from idp.directory.contacts import Contact
from idp.directory.difference import Edited
from idp.directory.group_deletion import delete
from idp.directory.importing import load, spool
from idp.directory.importing.guard import Guard
from idp.directory.membership import contact_ids_of, hand
from sync import commands, connection, noting, preview, resend
from sync.delivery import leases, pushing
from sync.records import feed
from sync.removals import guard, held, verdicts
from sync.settings.limits import Limits
from sync.standing import status
from tests import factories
from tests.sync.conftest import Statements, Tenant, member, members, push, row, synced

NOBODY = {"field": "member_status", "op": "is", "value": "Nobody"}
CURRENT = {"field": "member_status", "op": "is", "value": "Current"}


def ask(group: Any, condition: dict[str, Any]) -> None:
    """Give a group another condition."""
    groups.change(group, condition=conditions.parse(condition))
    db.session.commit()


def become(people: Sequence[Any], status: str) -> None:
    """Give people a member status, all in one transaction."""
    for person in people:
        person.member_status = status
    db.session.commit()


def keys(people: Sequence[Any]) -> set[str]:
    return {person.key for person in people}


def an_hour_passes() -> None:
    before = now() - held.WINDOW - dt.timedelta(seconds=1)
    db.session.execute(update(held.removals).values(at=before))
    db.session.commit()


def events(event: audit.Event) -> list[Any]:
    found = list(
        db.session.scalars(select(audit.AuditEvent).where(audit.AuditEvent.name == event.value))
    )
    db.session.rollback()
    return found


@pytest.fixture
def group(tenant: Tenant) -> Any:
    """A synced group of forty, who are at Higher Logic."""
    made = synced(name="Policy Committee")
    members(40)
    push()
    return made


def those_in(group: Any) -> list[Any]:
    return list(
        db.session.scalars(
            select(Contact).where(Contact.id.in_(contact_ids_of(group.id))).order_by(Contact.id)
        )
    )


@pytest.mark.compliance("Y03")
def test_a_person_who_leaves_is_taken_out_with_the_next_push(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    become(people[:1], "Lapsed")
    assert push().accepted == 1
    assert tenant.members(group.key) == keys(people[1:])
    assert status.overall()["held"] == 0


@pytest.mark.compliance("Y01")
def test_a_mistaken_condition_takes_nobody_out(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    ask(group, NOBODY)
    assert push().requests == 0
    assert tenant.members(group.key) == keys(people)
    (found,) = held.of_groups()
    assert (found.key, found.number) == (group.key, 40)
    assert found.reason == "nobody would be left in it"
    assert status.overall()["held"] == 40
    (event,) = events(audit.Event.REMOVALS_HELD)
    assert (event.subject, event.detail["number"]) == (group.key, 40)


@pytest.mark.compliance("Y01", "Y06")
def test_everything_else_goes_on_while_a_group_is_held(tenant: Tenant, group: Any) -> None:
    other = synced(name="Another")
    push()
    people = those_in(group)
    ask(group, NOBODY)
    people[0].job_title = "Chair"
    new = member()
    assert push().accepted == 2
    assert tenant.details(people[0].key)["Title"] == "Chair"
    assert tenant.members(group.key) == keys(people)
    assert tenant.members(other.key) == keys([*people, new])
    # Nothing has changed: there is nothing to send, and nobody waits.
    noting.note_everything()
    db.session.commit()
    assert push().requests == 0
    assert status.overall()["pending"] == 0
    # Sent again, they are sent with the group in them.
    resend.resend(people[1].key)
    db.session.commit()
    assert push().accepted == 1
    assert people[1].key in tenant.members(group.key)


@pytest.mark.compliance("Y01")
def test_what_was_told_is_kept_to_the_letter(tenant: Tenant) -> None:
    group = factories.group(NOBODY, type="community", sync=True)
    people = members(8)
    additions = [
        hand.add(group, person, role=role, begin_on=dt.date(2020, 1, 1), end_on=dt.date(2199, 1, 1))
        for person in people
        for role in ("Chair", "Member")
    ]
    db.session.commit()
    push()
    before = tenant.contact(people[0].key)["CommunityGroups"]
    assert {entry["RoleDescription"] for entry in before} == {"Chair", "Member"}
    for addition in additions:
        hand.remove(addition)
    people[0].job_title = "Nobody's chair"
    groups.change(group, name="A new name")
    db.session.commit()
    push()
    after = tenant.contact(people[0].key)["CommunityGroups"]
    assert [entry["GroupName"] for entry in after] == ["A new name", "A new name"]
    assert after == [entry | {"GroupName": "A new name"} for entry in before]


def rows_of(people: Sequence[Any], statuses: Sequence[str]) -> str:
    lines = [
        f"{person.key},{person.first_name},{person.last_name},{said}"
        for person, said in zip(people, statuses, strict=True)
    ]
    return "\n".join(["Key,First Name,Last Name,Member Status", *lines]) + "\n"


def import_with_pushes(
    app: Flask, path: Path, text: str, monkeypatch: pytest.MonkeyPatch, seen: Any
) -> None:
    """A real import in chunks of ten, with a worker that pushes after each of them."""
    for module in (load, spool):
        monkeypatch.setattr(module, "CHUNK", 10)
    path.write_text(text)

    def worker() -> None:
        with app.app_context():
            verdicts.tick()
            pushing.run()
            db.session.remove()

    def after(done: int, _total: int) -> None:
        if done:
            thread = threading.Thread(target=worker)
            thread.start()
            thread.join()
            seen()

    importing.run("people", path, guard=Guard(percent=100), progress=after)
    db.session.rollback()


@pytest.mark.compliance("Y01")
@pytest.mark.parametrize("lost", [20, 40], ids=["half-sized", "emptied"])
def test_an_import_that_loses_members_takes_nobody_out(
    app: Flask,
    tenant: Tenant,
    group: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lost: int,
) -> None:
    people = those_in(group)
    # In every chunk some, so that each chunk by itself is under the limits.
    away = set(range(40)) if lost == 40 else set(range(0, 40, 2))
    said = ["" if index in away else "Current" for index in range(40)]
    chunks: list[int] = []

    def nobody_left() -> None:
        chunks.append(1)
        assert tenant.members(group.key) == keys(people)

    import_with_pushes(app, tmp_path / "p.csv", rows_of(people, said), monkeypatch, nobody_left)
    assert len(chunks) >= 4
    verdicts.tick()
    push()
    nobody_left()
    assert status.overall()["held"] == lost


@pytest.mark.compliance("Y03")
def test_few_removals_of_an_import_wait_for_its_end_alone(
    app: Flask, tenant: Tenant, group: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = those_in(group)
    said = ["Lapsed" if index in {1, 35} else "Current" for index in range(40)]

    def nobody_left() -> None:
        assert tenant.members(group.key) == keys(people)

    import_with_pushes(app, tmp_path / "p.csv", rows_of(people, said), monkeypatch, nobody_left)
    assert held.number(group.key, "waiting") > 0
    assert status.overall()["held"] == 0
    verdicts.tick()
    push()
    assert tenant.members(group.key) == keys(people) - {people[1].key, people[35].key}
    assert held.hold_of(group.key) is None


@pytest.mark.compliance("Y02")
def test_what_is_allowed_leaves(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    become(people[:10], "Lapsed")
    push()
    assert verdicts.allow(group.key) == 10
    db.session.commit()
    assert push().accepted == 10
    assert tenant.members(group.key) == keys(people[10:])
    assert (held.of_groups(), status.overall()["held"]) == ([], 0)
    (event,) = events(audit.Event.REMOVALS_ALLOWED)
    assert (event.subject, event.detail) == (group.key, {"number": 10})
    with pytest.raises(verdicts.NothingHeld):
        verdicts.allow(group.key)
    db.session.rollback()
    verdicts.tidy()
    assert db.session.execute(select(held.removals)).all() == []


@pytest.mark.compliance("Y02")
def test_what_is_refused_stays_until_it_is_lifted(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    become(people[:10], "Lapsed")
    push()
    assert verdicts.refuse(group.key) == 10
    people[0].job_title = "Still here"
    db.session.commit()
    push()
    assert tenant.details(people[0].key)["Title"] == "Still here"
    assert tenant.members(group.key) == keys(people)
    assert (held.of_groups(), held.number(group.key, "refused")) == ([], 10)
    # Who is a member again is one like any other.
    become(people[:1], "Current")
    push()
    assert held.number(group.key, "refused") == 9
    become(people[:1], "Lapsed")
    push()
    assert people[0].key not in tenant.members(group.key)
    assert verdicts.lift(group.key) == 9
    db.session.commit()
    push()
    assert tenant.members(group.key) == keys(people[10:])


def test_a_mended_mistake_ends_the_hold_and_sends_nothing(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    ask(group, NOBODY)
    push()
    requests = len(tenant.pushes())
    ask(group, CURRENT)
    push()
    # They joined anew by the day of today, which is what Higher Logic has.
    assert len(tenant.pushes()) == requests
    assert tenant.members(group.key) == keys(people)
    assert held.of_groups() == []
    assert db.session.execute(select(held.removals)).all() == []
    assert len(events(audit.Event.REMOVALS_OVER)) == 1


@pytest.mark.compliance("Y02")
def test_a_new_mistake_after_an_allowed_one_is_held_anew(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    become(people[:10], "Lapsed")
    push()
    verdicts.allow(group.key)
    db.session.commit()
    push()
    become(people[10:11], "Lapsed")
    push()
    # What was allowed does not count.
    assert tenant.members(group.key) == keys(people[11:])
    become(people[11:20], "Lapsed")
    push()
    assert tenant.members(group.key) == keys(people[11:])
    assert held.number(group.key) == 9


def test_what_left_within_the_hour_counts(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    become(people[:3], "Lapsed")
    push()
    become(people[3:6], "Lapsed")
    push()
    assert tenant.members(group.key) == keys(people[3:])
    assert held.number(group.key) == 3
    verdicts.refuse(group.key)
    db.session.commit()
    an_hour_passes()
    become(people[6:9], "Lapsed")
    push()
    assert tenant.members(group.key) == keys([*people[3:6], *people[9:]])


def test_two_workers_at_once_let_nobody_slip_through(
    app: Flask, tenant: Tenant, group: Any
) -> None:
    connection.change(batch_size=2)
    people = those_in(group)
    become(people[:12], "Lapsed")

    def work() -> None:
        with app.app_context():
            pushing.run()
            db.session.remove()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert tenant.members(group.key) == keys(people)
    assert held.number(group.key) == 12


@pytest.mark.parametrize("deleted", [False, True])
def test_a_group_that_does_not_sync_any_more_keeps_nobody(
    tenant: Tenant, group: Any, deleted: bool
) -> None:
    key = group.key
    become(those_in(group)[:20], "Lapsed")
    push()
    assert held.number(key) == 20
    if deleted:
        delete(group, take_out=True)
    else:
        groups.switch_sync(group, False)
    db.session.commit()
    push()
    assert verdicts.tick() == 1
    push()
    assert tenant.members(key) == set()
    assert held.hold_of(key) is None
    assert db.session.execute(select(held.removals)).all() == []
    assert events(audit.Event.REMOVALS_ALLOWED) == []


def test_who_is_deactivated_is_neither_sent_nor_held(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    for person in people[:20]:
        deactivation.deactivate(person)
    db.session.commit()
    push()
    assert tenant.members(group.key) == keys(people)
    assert held.number(group.key) == 0


def test_a_merged_record_leaves_by_itself(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    become(people[:10], "Lapsed")
    push()
    assert held.number(group.key) == 10
    merging.merge(people[20], people[0], whose="kept")
    db.session.commit()
    push()
    assert people[0].key not in tenant.members(group.key)
    assert held.number(group.key) == 9


def test_an_outage_changes_nothing_about_what_may_go(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    become(people[:4], "Lapsed")
    claims = leases.claim("owner", 500)
    records = feed.build([claim.contact_id for claim in claims], connection.get().wanted)
    assert guard.keep_back(claims, records) == records
    leases.release("owner", claims)
    become(people[4:10], "Lapsed")
    push()
    # The first four were on their way, for all that is known.
    assert tenant.members(group.key) == keys(people[4:])
    assert held.number(group.key) == 6


def test_who_leaves_nothing_costs_the_guard_no_statement(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    for person in people:
        person.job_title = "Member"
    db.session.commit()
    claims = leases.claim("owner", 500)
    records = feed.build([claim.contact_id for claim in claims], connection.get().wanted)
    assert len(claims) == 40
    db.session.rollback()
    with Statements() as statements:
        assert guard.keep_back(claims, records) is records
    assert statements.number == 0


def test_the_statements_of_a_decision_do_not_grow_with_the_number(
    tenant: Tenant, group: Any
) -> None:
    def cost(people: Sequence[Any]) -> int:
        become(people, "Lapsed")
        claims = leases.claim("owner", 500)
        records = feed.build([claim.contact_id for claim in claims], connection.get().wanted)
        with Statements() as statements:
            guard.keep_back(claims, records)
        leases.release("owner", claims)
        return statements.number

    people = those_in(group)
    connection.change(guard_percent=100)
    db.session.commit()
    push()
    assert cost(people[:1]) == cost(people[1:15])


def test_the_limits_are_the_associations_to_set(tenant: Tenant, group: Any) -> None:
    connection.change(guard_people="7", guard_percent=100)
    db.session.commit()
    people = those_in(group)
    become(people[:7], "Lapsed")
    push()
    assert held.number(group.key) == 0
    become(people[7:8], "Lapsed")
    push()
    (found,) = held.of_groups()
    assert (found.number, found.reason) == (1, "more than 7 would leave it within an hour")


@pytest.mark.parametrize("value", ["0", "-1", "ten", "", "1.5", "9999999999", "１０"])
@pytest.mark.parametrize("name", ["guard_people", "guard_percent"])
def test_a_limit_is_a_whole_number(app: Flask, name: str, value: str) -> None:
    with pytest.raises(groups.InvalidValue) as refusal:
        connection.change(**{name: value})
    assert refusal.value.field == name


@pytest.mark.parametrize(
    ("leaving", "left", "held_back"),
    [
        (1, 4, False),  # 1 of 5
        (5, 3, False),  # up to five pass, whatever share they are
        (6, 53, True),  # more than a tenth
        (6, 54, False),
        (100, 900, False),
        (101, 100_000, True),
        (1, 0, False),  # the only one
        (2, 0, True),  # everybody
    ],
)
def test_how_many_may_leave(leaving: int, left: int, held_back: bool) -> None:
    limits = Limits()
    assert bool(limits.beyond(leaving, left)) is held_back
    # It is the same whether or not everybody is counted.
    bounded = min(left, limits.enough_left(leaving))
    assert bool(limits.beyond(min(leaving, limits.enough_people), bounded)) is held_back


def test_another_tenant_has_nothing_to_be_held(tenant: Tenant, group: Any) -> None:
    become(those_in(group)[:20], "Lapsed")
    push()
    connection.change(tenant_code="OTHER")
    db.session.commit()
    assert (held.of_groups(), status.overall()["held"]) == ([], 0)


def test_who_came_back_in_between_is_tidied_away(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    row_of = {"group_key": group.key, "contact_id": people[0].id, "standing": "held", "at": now()}
    db.session.execute(held.removals.insert(), row_of)
    db.session.execute(held.holds.insert(), {"group_key": group.key, "since": now(), "reason": "x"})
    db.session.commit()
    assert verdicts.tidy() == 1
    assert (held.of_groups(), held.hold_of(group.key)) == ([], None)


@pytest.mark.compliance("Y18")
def test_who_was_added_by_hand_survives_a_rule_change(tenant: Tenant, group: Any) -> None:
    people = those_in(group)
    hand.add(group, people[0])
    connection.change(guard_people=1000, guard_percent=100)
    ask(group, NOBODY)
    push()
    assert tenant.members(group.key) == {people[0].key}
    assert row(people[0]).told.keys() == {group.key}


@pytest.mark.compliance("Y18")
def test_an_empty_cell_takes_out_and_a_missing_column_does_not(
    tenant: Tenant, group: Any, tmp_path: Path
) -> None:
    people = those_in(group)
    path = tmp_path / "people.csv"
    text = rows_of(people, ["", *["Current"] * 39])
    path.write_text("\n".join(line.rpartition(",")[0] for line in text.splitlines()))
    importing.run("people", path)
    push()
    assert tenant.members(group.key) == keys(people)
    path.write_text(text)
    importing.run("people", path)
    push()
    assert tenant.members(group.key) == keys(people[1:])
    # Whoever leaves the last group is sent with an empty list.
    assert tenant.contact(people[0].key)["SecurityGroups"] == []


def test_deactivating_many_is_held_where_it_takes_them_out(tenant: Tenant, group: Any) -> None:
    connection.change(deactivated="no_groups")
    people = those_in(group)
    for person in people[:20]:
        deactivation.deactivate(person)
    db.session.commit()
    push()
    assert tenant.members(group.key) == keys(people)
    assert held.number(group.key) == 20
    # They are members still: that alone is no way back.
    assert verdicts.tidy() == 0
    deactivation.reactivate(people[0])
    db.session.commit()
    push()
    assert held.number(group.key) == 19
    verdicts.allow(group.key)
    db.session.commit()
    push()
    assert tenant.members(group.key) == keys([people[0], *people[20:]])


@pytest.mark.compliance("Y17")
def test_a_preview_says_what_would_be_held(tenant: Tenant, group: Any) -> None:
    def would(condition: dict[str, Any]) -> str:
        edited = Edited(conditions.parse(condition), "people", group.id)
        said = preview.counts(edited).held
        db.session.rollback()
        return said

    people = those_in(group)
    assert would(CURRENT) == ""
    assert would(NOBODY) == "nobody would be left in it"
    first = {"field": "last_name", "op": "is", "value": people[0].last_name}
    assert would({"all": [CURRENT, {"none": [first]}]}) == ""
    assert would(first) == "more than 10% would leave it within an hour"
    # As it is said, so it is done.
    ask(group, first)
    push()
    (found,) = held.of_groups()
    assert (found.number, found.reason) == (39, "more than 10% would leave it within an hour")
    assert would(NOBODY) == "removals of this group are held already"
    groups.switch_sync(group, False)
    db.session.commit()
    assert would(NOBODY) == ""


def test_the_command_line_shows_and_decides(tenant: Tenant, group: Any) -> None:
    def say(*arguments: str) -> tuple[int, str]:
        db.session.rollback()
        result = CliRunner().invoke(commands.sync, list(arguments))
        return result.exit_code, result.output

    people = those_in(group)
    assert say("held") == (0, "Nothing is held.\n")
    assert say("allow", group.key)[0] == 1
    become(people[:10], "Lapsed")
    push()
    code, said = say("held")
    assert code == 0
    assert f"Policy Committee ({group.key}): 10 held since" in said
    (shown,) = json.loads(say("held", "--json")[1])
    assert (shown["key"], shown["number"]) == (group.key, 10)
    assert say("held", "--list", group.key)[1].count("\n") == 10
    assert len(json.loads(say("held", "--list", group.key, "--json")[1])) == 10
    assert "held 10" in say("status")[1]
    assert say("refuse", group.key) == (0, "10 kept at Higher Logic\n")
    assert say("allow", group.key)[0] == 1
    assert say("allow", group.key, "--refused") == (0, "10 let go\n")
    push()
    assert tenant.members(group.key) == keys(people[10:])
