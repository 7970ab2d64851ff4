"""What an event changed, field by field: before and after, as people read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from admin.audit_names import Names
from admin.roles import NAMES as ROLE_NAMES
from idp.audit import AuditEvent, Event
from idp.directory import conditions
from idp.directory.contacts import ADDRESS, PHONE_TYPES, PHONES, WEB_ADDRESSES
from idp.directory.fields import KIND_NAMES
from idp.directory.groups import TYPE_NAMES

LONGEST_VALUE = 200
MOST_NAMED = 2

# Whose fields are those of people and companies, and are called as everywhere.
_OF_RECORDS = {
    *(Event.PROFILE_CHANGED, Event.CONTACT_CREATED, Event.CONTACT_CHANGED, Event.CONTACT_MERGED),
    Event.CHANGED_BY_IMPORT,
}
_TOGETHER = {
    "address": {*ADDRESS, "country"},
    "phone numbers": {*PHONES, *PHONE_TYPES},
    "web addresses": set(WEB_ADDRESSES),
}
_NAMES = {
    "active": "in use",
    "alert_after_hours": "hours until an alert",
    "api_key": "API key",
    "audit_days": "days that the audit is kept",
    "base_url": "base URL",
    "claim_map": "claims",
    "deactivated": "what is told of deactivated records",
    "email": "e-mail",
    "guard_people": "people that may leave a group unasked",
    "guard_percent": "percent that may leave a group unasked",
    "history_days": "days that the history is kept",
    "in_members_section": "shown in the Members section",
    "jwks": "public keys",
    "member_may_edit": "members may edit it",
    "ok": "worked",
    "pkce_required": "PKCE required",
    "pushed_required": "pushed requests required",
    "redirect_uris": "redirect URIs",
    "rows": "rows",
    "sync": "sync",
    "taken_out": "members taken out at Higher Logic",
}
_WORDS: dict[str, dict[str, str]] = {
    "kind": KIND_NAMES,
    "type": TYPE_NAMES,
    "role": ROLE_NAMES,
}
# What the sentence, or the way to a page, says already.
_SAID_ELSEWHERE = {"contact", "merged", "client", "name", "label"}


@dataclass(frozen=True)
class Change:
    """One field, before and after; both are empty texts where there was nothing."""

    name: str
    before: str
    after: str


def changes(event: AuditEvent, names: Names) -> list[Change]:
    """What an event changed."""
    changed = [
        Change(_label(event, field, names), *(_shown(field, value, names) for value in pair))
        for field, pair in _pairs(event)
    ]
    return [one for one in changed if one.before or one.after]


def facts(event: AuditEvent, names: Names) -> list[tuple[str, str]]:
    """What an event tells besides: name and value."""
    told = []
    for name, value in event.detail.items():
        if name in _SAID_ELSEWHERE or value in (None, False, "", [], {}):
            continue
        if name != "changed":
            told.append((_NAMES.get(name, _plain(name)), _shown(name, value, names)))
        elif isinstance(value, list):  # of before there were pairs
            told.append(
                ("changed", ", ".join(_NAMES.get(str(one), _plain(str(one))) for one in value))
            )
    return told


def what(event: AuditEvent, names: Names) -> str:
    """The fields that changed, for a sentence: “the address and the job title”, “4 fields”."""
    fields = [field for field, _pair in _pairs(event)]
    if not fields and isinstance(listed := event.detail.get("changed"), list):
        fields = [str(field) for field in listed]
    together = dict.fromkeys(
        next((word for word, parts in _TOGETHER.items() if field in parts), field)
        for field in fields
    )
    if not together:
        return "nothing"
    if len(together) > MOST_NAMED:
        return f"{len(together)} fields"
    said = [
        field if field in _TOGETHER else _in_a_sentence(_label(event, field, names))
        for field in together
    ]
    return " and ".join(f"the {one}" for one in said)


def _pairs(event: AuditEvent) -> Iterator[tuple[str, tuple[Any, Any]]]:
    changed = event.detail.get("changed")
    # Postgres keeps JSON in an order of its own.
    for field, pair in sorted(changed.items()) if isinstance(changed, dict) else ():
        if isinstance(pair, list) and len(pair) == 2:
            yield field, (pair[0], pair[1])


def _label(event: AuditEvent, field: str, names: Names) -> str:
    if event.name in _OF_RECORDS and field in names.known:
        return names.known[field].label
    text = _NAMES.get(field, _plain(field))
    return text[:1].upper() + text[1:]


def _in_a_sentence(label: str) -> str:
    # “API key” and “PKCE required” keep their capitals.
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _shown(field: str, value: Any, names: Names) -> str:
    if value is None or value in ("", [], {}):
        return ""
    match value:
        case True:
            return "yes"
        case False:
            return "no"
        case dict() if field == "condition":
            text = f"“{conditions.sentence(value, names.known)}”"
        case {"keys": [*keys]}:
            text = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
        case dict():
            between = " ← " if field == "claim_map" else ": "
            parts = ((name, _shown("", part, names)) for name, part in value.items())
            text = ", ".join(f"{name}{between}{part}" for name, part in parts)
        case list():
            text = ", ".join(_shown("", part, names) for part in value)
        case int():
            text = f"{value:,}"
        case _:
            text = _WORDS.get(field, {}).get(str(value), str(value))
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
