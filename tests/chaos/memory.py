"""What a run has seen of the database, reading after reading, and how what Higher Logic holds
compares with it.

Of two things one reading cannot tell: who was in scope once, for Higher Logic keeps a record of
them that is to be kept current; and as what somebody was last told of before their record went
out of use, for it stays there as it was.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tests.chaos.oracle import Reading, Record


class Memory:
    """Readings, the newest of them whole."""

    def __init__(self) -> None:
        self.last = Reading()
        self.ever: set[str] = set()
        self.told: defaultdict[str, set[str]] = defaultdict(set)
        self.groups: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, reading: Reading) -> None:
        """Take in what the database says after a change."""
        self.last = reading
        self.ever |= reading.in_scope
        for key in self.ever & reading.records.keys():
            self.told[key].add(_text(reading.records[key]))
            self.groups[key] |= _groups(reading.records[key])

    def differences(self, held: Mapping[str, Record]) -> list[str]:
        """What is wrong with what Higher Logic holds, by key; empty when all is right."""
        wrong = [f"{key}: nobody whom it should have" for key in held.keys() - self.ever]
        for key in sorted(self.ever):
            found = held.get(key)
            if key in self.last.records:
                wrong += self._current(key, self.last.records[key], found)
            elif found is None:
                # It went out of use before anything of it was sent.
                continue
            elif key in self.last.out_of_use:
                wrong += self._current(key, self.last.out_of_use[key], found)
            elif key in self.last.merged:
                wrong += _compared(key, self.last.merged[key], found, but={"Bio"})
            # The removal guard may have kept them in a group when their record went out of use.
            elif _text(found) not in self.told[key] or not _groups(found) <= self.groups[key]:
                wrong.append(f"{key}: out of use, and as it never was: {_text(found)}")
        return sorted(wrong)

    def _current(self, key: str, expected: Record, found: Record | None) -> list[str]:
        if found is None:
            return [f"{key}: missing"]
        company = self.last.company_of.get(key, "")
        allowed = {company if company in self.ever else ""}
        if company and company not in self.last.records:
            # Out of use: Higher Logic may or may not have had it before.
            allowed |= {"", company}
        points_to = found["MemberDetails"].get("ParentMemberKey", "")
        wrong = [] if points_to in allowed else [f"{key}: points to {points_to!r}, not {allowed}"]
        return wrong + _compared(key, expected, found)


def _compared(
    key: str, expected: Record, found: Record, but: frozenset[str] | set[str] = frozenset()
) -> list[str]:
    wrong = []
    should, does = expected["MemberDetails"], dict(found["MemberDetails"])
    does.pop("ParentMemberKey", None)
    for name in sorted((should.keys() | does.keys()) - but):
        if should.get(name) != does.get(name):
            wrong.append(f"{key}: {name} is {does.get(name)!r}, not {should.get(name)!r}")
    for name in sorted(expected.keys() - {"MemberDetails"}):
        one, other = _sorted(expected[name]), _sorted(found.get(name, []))
        if one != other:
            wrong.append(f"{key}: {name} are {other}, not {one}")
    return wrong


def _text(record: Record) -> str:
    """A record as one text, whatever the order in it; without its groups, and without whom it
    points to, which depends on what Higher Logic has."""
    details = {
        name: value for name, value in record["MemberDetails"].items() if name != "ParentMemberKey"
    }
    return json.dumps([details, _sorted(record["Demographics"])], sort_keys=True)


def _groups(record: Record) -> set[str]:
    """The groups of a record, each as a text."""
    return {*_sorted(record["SecurityGroups"]), *_sorted(record["CommunityGroups"])}


def _sorted(entries: Any) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in entries)
