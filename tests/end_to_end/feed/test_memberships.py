"""Who is in a group at Higher Logic, and who is taken out (CHECKS, Y01 to Y03, Y12, Y17,
Y18 and Y26)."""

from pathlib import Path
from typing import Any

import pytest

from idp import association
from idp.database import db
from idp.directory import conditions, groups, importing, membership
from idp.directory.membership import day
from tests import factories
from tests.chaos.arena import Arena
from tests.end_to_end.feed.watching import (
    committee,
    eventually,
    keys,
    keys_since,
    members,
    newest,
    people,
    previewed,
    tessera,
    told,
    until_accepted,
)

pytestmark = pytest.mark.slow

NOBODY = {"field": "member_type", "op": "is", "value": "Nobody"}


def ask(group: Any, condition: Any) -> None:
    """Give a group another condition."""
    groups.change(group, condition=conditions.parse(condition))
    db.session.commit()


def take_in(path: Path, made: list[Any], kinds: list[str] | None) -> None:
    """Import some people, with these member types, or without that column."""
    names, cells = ("Key", "First Name", "Last Name"), []
    for index, one in enumerate(made):
        cells.append([one.key, one.first_name, one.last_name, *([kinds[index]] if kinds else [])])
    head = [*names, *(["Member Type"] if kinds else [])]
    db.session.rollback()
    path.write_text("".join(",".join(row) + "\n" for row in (head, *cells)))
    importing.run("people", path)


def held(group: Any) -> int:
    """How many removals ``tessera sync held`` says are held of a group."""
    return sum(one["number"] for one in told("held") if one["key"] == group.key)


def until_held(group: Any, number: int) -> None:
    """Wait until so many are held of a group."""
    eventually(lambda: held(group) == number, f"{number} removals are held")
    until_accepted()


@pytest.mark.compliance("Y01")
def test_y01_a_halved_or_emptied_source_removes_nobody(stage: Arena, tmp_path: Path) -> None:
    group, made = committee("Y01"), people("Y01", 12)
    until_accepted()
    number, condition = newest(stage), group.condition
    take_in(tmp_path / "half.csv", made, ["Y01"] * 6 + [""] * 6)
    until_held(group, 6)
    ask(group, NOBODY)
    until_held(group, 12)
    assert keys_since(stage, number) == [], "no removal is sent"
    assert members(stage, group) == keys(made)
    ask(group, condition)
    take_in(tmp_path / "whole.csv", made, ["Y01"] * 12)
    until_held(group, 0)
    assert keys_since(stage, number) == [], "the mistake has cost nothing"


@pytest.mark.compliance("Y02")
def test_y02_staff_let_held_removals_go_or_keep_them(stage: Arena) -> None:
    gone, kept = committee("Y02a"), committee("Y02b")
    made = {group.key: people(kind, 8) for group, kind in ((gone, "Y02a"), (kept, "Y02b"))}
    until_accepted()
    for one in [*made[gone.key], *made[kept.key]]:
        one.member_type = "Left"
    db.session.commit()
    for group in (gone, kept):
        until_held(group, 8)
        assert members(stage, group) == keys(made[group.key])
    assert tessera("allow", gone.key).output == "8 let go\n"
    assert tessera("refuse", kept.key).output == "8 kept at Higher Logic\n"
    eventually(lambda: members(stage, gone) == set(), "who was let go is gone")
    until_accepted()
    assert members(stage, kept) == keys(made[kept.key])
    assert told("held") == []
    assert tessera("allow", kept.key, "--refused").output == "8 let go\n"
    eventually(lambda: members(stage, kept) == set(), "who was kept is gone as well")


@pytest.mark.compliance("Y03")
def test_y03_who_leaves_is_taken_out_with_the_next_push(stage: Arena) -> None:
    group, (leaver, *others) = committee("Y03"), people("Y03", 4)
    until_accepted()
    number = newest(stage)
    leaver.member_type = "Left"
    db.session.commit()
    until_accepted()
    assert members(stage, group) == keys(others)
    assert keys_since(stage, number) == [[leaver.key]]


@pytest.mark.compliance("Y12")
def test_y12_one_membership_is_one_contacts_record(stage: Arena) -> None:
    group, made = committee("Y12", type="community"), people("Y12", 20)
    other, newcomer = committee("Y12-too"), people("Y12-too", 1)[0]
    until_accepted()
    number = newest(stage)
    membership.add(group, newcomer, role="Chair")
    db.session.commit()
    until_accepted()
    assert keys_since(stage, number) == [[newcomer.key]]
    assert members(stage, group) == keys([*made, newcomer])
    assert members(stage, other) == {newcomer.key}


@pytest.mark.compliance("Y17")
def test_y17_a_preview_is_what_is_sent_and_sends_nothing(stage: Arena) -> None:
    group = committee("Y17")
    leaves, stays = people("Y17", 2)
    joins = people("Y17-too", 3, city="Oslo")
    factories.person(member_type="Y17-too", city="Oslo")
    stays.city = "Oslo"
    db.session.commit()
    until_accepted()
    number, condition = newest(stage), {"field": "city", "op": "is", "value": "Oslo"}
    said: dict[str, Any] = {
        who: {row["key"] for row in previewed(group, condition, who)["rows"]}
        for who in ("join", "leave", "members", "left_out")
    }
    assert (said["leave"], newest(stage)) == ({leaves.key}, number)
    groups.change(group, condition=conditions.parse(condition))
    db.session.commit()
    until_accepted()
    sent = {key for push in keys_since(stage, number) for key in push}
    assert sent == (said["join"] | said["leave"]) - said["left_out"]
    assert members(stage, group) == said["members"] - said["left_out"] == keys([stays, *joins])


@pytest.mark.compliance("Y18")
def test_y18_an_empty_cell_takes_out_a_missing_column_does_not(
    stage: Arena, tmp_path: Path
) -> None:
    group, made = committee("Y18"), people("Y18", 4)
    membership.add(group, made[0])
    db.session.commit()
    until_accepted()
    take_in(tmp_path / "without.csv", made, None)
    until_accepted()
    assert members(stage, group) == keys(made)
    take_in(tmp_path / "empty.csv", made, ["Y18", "", "Y18", "Y18"])
    eventually(lambda: members(stage, group) == keys(made) - {made[1].key}, "the one is out")
    ask(group, NOBODY)
    until_accepted()
    assert members(stage, group) == {made[0].key}, "who was added by hand stays"


@pytest.mark.compliance("Y26")
def test_y26_a_membership_ends_on_its_day_with_nobody_touching_it(stage: Arena) -> None:
    association.change(time_zone="Pacific/Pago_Pago")
    group, (person,) = factories.group(NOBODY, type="community", sync=True), people("Y26", 1)
    membership.add(group, person, role="Chair", end_on=day.today())
    db.session.commit()
    until_accepted()
    assert members(stage, group) == {person.key}
    # Where it is the next day already.
    association.change(time_zone="Pacific/Kiritimati")
    db.session.commit()
    eventually(lambda: members(stage, group) == set(), "the clock has ended it")
    assert told("history", person.key)[0]["item"]["CommunityGroups"] == []
    association.change(time_zone=association.DEFAULT_TIME_ZONE)
    db.session.commit()
