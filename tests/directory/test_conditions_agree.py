"""What a condition means is the same in SQL, on both databases, and in a plain reading of it."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import String, func, literal, select

from idp.database import db, now
from idp.directory import conditions, fields, groups
from idp.directory.accounts import Account
from idp.directory.builtin import BUILT_IN
from idp.directory.contacts import Company, Contact, Person
from idp.directory.membership import Membership
from idp.folding import fold, folded, scanned
from tests.directory import condition_trees
from tests.directory.condition_reading import Known, meets, same_letters
from tests.directory.condition_trees import CHOICES, TODAY, VALUES

ACCOUNTS = ("none", "invited", "active", "deactivated")
OF_BOTH = ("member_status", "member_type", "city", "postal_code")
OF_PEOPLE = ("job_title", "designation")
GROUPS = ("one", "two", "three")


@pytest.fixture
def own(app: Flask) -> list[fields.CustomField]:
    """A custom field of every kind, of people and companies, and groups to be in."""
    for kind in fields.KINDS:
        choices = CHOICES if kind in {"one_of", "several_of"} else ()
        fields.create(f"Own {kind}", kind, applies_to="both", choices=choices)
    for name in GROUPS:
        groups.create(name, conditions.NOBODY, key=name)
    db.session.commit()
    return fields.all_fields()


@st.composite
def contacts(draw: st.DrawFn, keys: list[tuple[str, str]], names: tuple[str, ...]) -> Any:
    """What a contact is made of: columns, values of custom fields."""
    columns: dict[str, Any] = {
        name: draw(condition_trees.texts) for name in names if draw(st.booleans())
    }
    for name in ("joined_on", "expires_on"):
        columns[name] = draw(st.none() | condition_trees.days)
    columns["email"] = draw(st.just("") | condition_trees.emails)
    columns["active"] = draw(st.booleans())
    asked = {key: draw(VALUES[kind]) for key, kind in keys if draw(st.booleans())}
    return columns, asked


def saved(
    contact: Contact, asked: dict[str, Any], own: dict[str, fields.CustomField]
) -> dict[str, Any]:
    """Save a contact with its custom values; what is known of it, as the models say it."""
    db.session.add(contact)
    db.session.flush()
    for key, value in asked.items():
        fields.replace_rows(contact, own[key], [], value)
    columns = {name: getattr(contact, name, None) for name in BUILT_IN}
    # What only people have is there for a company too, with what it begins with.
    if isinstance(contact, Company):
        columns["in_directory"] = True
    return {**columns, **asked}


def an_account(state: str, person: Person, number: int) -> str | None:
    """Give a person an account in a state; the state as the model says it."""
    if state == "none":
        return None
    account = Account(
        person=person,
        email_key=f"{number}@example.org",
        password_hash=None if state == "invited" else "hashed",
        deactivated_at=now() if state == "deactivated" else None,
    )
    db.session.add(account)
    return account.state


def whom(data: st.DataObject, own: list[fields.CustomField]) -> Iterator[tuple[int, Known]]:
    """A few companies and people, saved and known; each with its id."""
    by_key = {field.key: field for field in own}
    keys = [(field.key, field.kind) for field in own]
    companies: list[tuple[Company | None, Known | None]] = [(None, None)]
    for number, (columns, asked) in enumerate(
        data.draw(st.lists(contacts(keys, OF_BOTH), min_size=1, max_size=2), "companies")
    ):
        company = Company(name=f"Engines {number}", **columns)
        values = saved(company, asked, by_key)
        companies.append((company, Known({**values, "has_account": False})))
    people = data.draw(
        st.lists(contacts(keys, OF_BOTH + OF_PEOPLE), min_size=4, max_size=7), "people"
    )
    for number, (columns, asked) in enumerate(people):
        company, employer = data.draw(st.sampled_from(companies), "company")
        person = Person(last_name="Byron", company=company, **columns)
        values = saved(person, asked, by_key)
        state = an_account(data.draw(st.sampled_from(ACCOUNTS), "account"), person, number)
        values |= {"has_account": state is not None, "account_state": state}
        inside = data.draw(st.sets(st.sampled_from(GROUPS)), "groups")
        for key in inside:
            group = groups.find(key)
            assert group is not None
            db.session.add(Membership(group_id=group.id, contact_id=person.id))
        yield person.id, Known(values, set(inside), employer)
    for company, known in companies:
        if company is not None and known is not None:
            yield company.id, known


@settings(
    max_examples=200,
    deadline=None,
    # A failing example names the tree and the person; making it small would take minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_sql_and_a_plain_reading_select_the_same_contacts(
    app: Flask, own: list[fields.CustomField], data: st.DataObject
) -> None:
    try:
        known = conditions.known_fields(own)
        kinds = {key.removeprefix("company."): field.kind for key, field in known.items()}
        everybody = dict(whom(data, own))
        trees = data.draw(
            st.lists(condition_trees.trees(known), min_size=10, max_size=10), "conditions"
        )
        contact = Contact.__table__.c
        asked = [conditions.compile_condition(tree, known, today=TODAY) for tree in trees]
        rows = db.session.execute(select(contact.id, *asked)).all()
        assert {row[0] for row in rows} == everybody.keys()
        for row in rows:
            for tree, answer in zip(trees, row[1:], strict=True):
                wanted = meets(tree, everybody[row[0]], kinds, TODAY)
                assert answer is not None, "an answer is never NULL"
                assert bool(answer) == wanted, (tree, everybody[row[0]])
    finally:
        db.session.rollback()


def test_every_kind_of_field_has_values_to_try() -> None:
    assert set(VALUES) >= set(fields.KINDS)
    assert set(conditions.OPERATORS) >= set(fields.KINDS)


# Letters that came into Unicode after 2021, which an older database may not know yet.
YOUNG = {0xA7CB, 0xA7CC, 0xA7CE, 0xA7D2, 0xA7D4, 0xA7DA, 0xA7DC, *range(0x10D50, 0x10D66)}


def test_every_letter_is_the_same_letter_on_every_database(app: Flask) -> None:
    letters = [
        chr(code)
        for code in range(1, 0x110000)
        if not 0xD800 <= code < 0xE000 and code not in YOUNG and chr(code).lower() != chr(code)
    ]
    letters += ["ς", "σ", "ß", "ı", "é", "e", "ss", "s", "i"]
    asked = [func.tessera_folded(text) for text in ("\n".join(letters), "ΟΔΟΣ ΟΔΟΣΑ", "Iİıi")]
    whole, sigmas, eyes = db.session.execute(select(*asked)).one()
    assert whole.split("\n") == [fold(letter) for letter in letters]
    assert whole.split("\n") == [same_letters(letter) for letter in letters]
    assert (sigmas, eyes) == ("οδοσ οδοσα", "iiıi")


def test_a_column_that_is_looked_through_is_folded_as_any(app: Flask) -> None:
    texts = ["", "Ada", "~ [^]*? Z", "tab\tEND", "ÉCOLE", "Kelvin \u212a", "İ", "ΟΔΟΣ", None]
    for text in texts:
        column: Any = literal(text, type_=String())
        plain, scan = db.session.execute(select(folded(column), scanned(column))).one()
        assert plain == scan == (None if text is None else fold(text))


def test_a_day_at_the_end_of_the_calendar_can_be_counted_from(app: Flask) -> None:
    for op, day in (("in_last_days", dt.date.min), ("in_next_days", dt.date.max)):
        tree = conditions.parse({"field": "joined_on", "op": op, "value": 7})
        db.session.execute(
            select(conditions.compile_condition(tree, today=day)).select_from(Contact.__table__)
        )
