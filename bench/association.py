"""A made-up association of any size, made in the database: statements, not rows.

People and companies, accounts, custom fields with values, and fifty synced groups
(``bench.association_groups``). Everything follows from a person's number, so two databases of one
size hold the same association on Postgres and SQLite.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any
from typing import cast as cast_type

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    Select,
    String,
    Table,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.sql import ColumnElement

from bench import association_groups
from bench.association_groups import COUNTRIES, INTERESTS, LEVELS, REGIONS, SECTIONS, STATES
from idp.database import UTCDateTime, db, now
from idp.directory import conditions, fields, groups
from idp.directory.accounts import Account
from idp.directory.contacts import Company, Contact, Person
from idp.directory.fields import CustomField, FieldValue
from sync import connection, ledger

STATUSES = (("Current", 62), ("Grace", 6), ("Lapsed", 26), ("Prospect", 6))
FIRST_NAMES = "Ada Ben Cleo Dai Eva Finn Gita Hugo Ines Jon Kira Lars Mira Nils Olga Pia".split()
LAST_NAMES = "Berg Cole Diaz Endo Fink Gray Holm Imai Jung Kahn Lund Meyer Novak Olsen".split()
PEOPLE_FOR_A_COMPANY = 40
WITH_ACCOUNT = 70
FIRST_DAY = dt.date(2005, 1, 1)

Number = Any
"""A column of numbers, or what is reckoned from it."""
Say = Callable[[str], None]


def make(people: int, say: Say) -> None:
    """Fill the app's database, whose schema is up to date, with an association of this size."""
    companies = max(1, people // PEOPLE_FOR_A_COMPANY)
    connection.change(tenant_code="BENCH", api_key="0123456789abcdef")
    db.session.commit()
    _companies(companies)
    _people(people, companies)
    say(f"{people:,} people and {companies:,} companies")
    _accounts()
    _values()
    say("accounts and custom fields")
    analyse()
    for name, selects, tree in association_groups.all_groups():
        groups.create(
            name, conditions.parse(tree), type="security", sync=True, key=name, selects=selects
        )
        db.session.commit()
        db.session.remove()
    say(f"{association_groups.NUMBER} groups")
    # As it is on most days: Higher Logic has everything.
    db.session.execute(
        update(ledger.table).values(accepted=ledger.table.c.wanted, accepted_at=now())
    )
    db.session.commit()
    analyse()


def analyse() -> None:
    """What Postgres's autovacuum does by itself; SQLite has nobody who would."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as own:
            own.execute(text("VACUUM ANALYZE"))


def person_key(number: int) -> str:
    """The key of the person with this number, counted from 1."""
    return f"person-{number}"


def company_key(number: int) -> str:
    """The key of the company with this number, counted from 1."""
    return f"company-{number}"


def _numbers(last: int) -> Number:
    """A column of the numbers from 1, to select from."""
    numbers = select(literal(1, BigInteger).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < last))
    return numbers.c.n


def _drawn(number: Number, salt: int, sides: int) -> Number:
    """A die that always falls alike for one number and salt: 0 up to ``sides``."""
    # Primes below the square root of a bigint's largest; the sum of digits hides no pattern that
    # two salts would share.
    mixed = (number * (7_919 + 104_729 * salt)) % 1_000_003
    return (mixed * mixed + 31 * salt) % 999_983 % sides


def _picked(index: Number, words: Sequence[str]) -> ColumnElement[str]:
    return case(dict(enumerate(words)), value=cast(index, Integer))


def _weighted(index: Number, words: Sequence[tuple[str, int]]) -> ColumnElement[str]:
    """One of the words, by shares of a hundred."""
    bounds, total = [], 0
    for word, share in words[:-1]:
        total += share
        bounds.append((index < total, word))
    return case(*bounds, else_=words[-1][0])


def _words(*parts: Any) -> ColumnElement[str]:
    texts = [
        literal(part, String) if isinstance(part, str) else cast(part, String) for part in parts
    ]
    joined: ColumnElement[str] = texts[0]
    for one in texts[1:]:
        joined = joined.concat(one)
    return joined


def _day(offset: Number) -> ColumnElement[dt.date]:
    """So many days after ``FIRST_DAY``."""
    if db.engine.dialect.name == "postgresql":
        return cast(literal(FIRST_DAY, Date) + cast(offset, Integer), Date)
    return func.date(FIRST_DAY.isoformat(), _words("+", offset, " days"), type_=Date)


def _insert(columns: dict[str, Any], number: Any) -> None:
    # What is not named gets the model's default.
    rows = select(*columns.values()).select_from(number.table)
    _fill(Contact, columns, rows)


def _fill(model: type, columns: dict[str, Any], rows: Select[Any]) -> None:
    table = cast_type(Table, model.__table__)  # type: ignore[attr-defined]
    db.session.execute(insert(table).from_select(list(columns), rows))
    db.session.commit()


def _companies(count: int) -> None:
    n = _numbers(count)
    _insert(
        {
            "kind": literal("company"),
            "key": _words("company-", n),
            "name": _words(_picked(_drawn(n, 1, 14), LAST_NAMES), " & Partners ", n),
            "email": _words("office", n, "@companies.example"),
            "email_key": _words("office", n, "@companies.example"),
            "member_status": _weighted(_drawn(n, 2, 100), STATUSES),
            "state": _picked(_drawn(n, 3, 50), STATES),
            "country": _picked(_drawn(n, 4, 3), COUNTRIES),
        },
        n,
    )


def _people(count: int, companies: int) -> None:
    n = _numbers(count)
    # They were made in the order of their numbers, in an empty table.
    first_company = db.session.scalar(select(func.min(Company.id))) or 0
    _insert(
        {
            "kind": literal("person"),
            "key": _words("person-", n),
            "first_name": _picked(_drawn(n, 5, 16), FIRST_NAMES),
            "last_name": _words(_picked(_drawn(n, 6, 14), LAST_NAMES), _drawn(n, 7, 5_000)),
            "email": _words("Person", n, "@members.example"),
            "email_key": _words("person", n, "@members.example"),
            "member_id": _words("M", n),
            "member_status": _weighted(_drawn(n, 8, 100), STATUSES),
            "member_type": _picked(_drawn(n, 9, 5), LEVELS),
            "job_title": _words("Analyst ", _drawn(n, 10, 40)),
            "state": _picked(_drawn(n, 11, 50), STATES),
            "city": _words("City ", _drawn(n, 12, 400)),
            "country": _picked(_drawn(n, 13, 3), COUNTRIES),
            "joined_on": _day(_drawn(n, 14, 7_300)),
            "expires_on": _day(7_300 + _drawn(n, 15, 700)),
            "active": _drawn(n, 16, 100) < 98,
            "company_id": case(
                (_drawn(n, 17, 100) < 80, cast(first_company + n % companies, Integer))
            ),
        },
        n,
    )


def _number_of(contact: Any, kind: str) -> Number:
    """The number of a contact, from its key."""
    return cast(func.substr(contact.c.key, len(kind) + 2), BigInteger)


def _accounts() -> None:
    person = Contact.__table__.alias()
    n = _number_of(person, "person")
    columns = {
        "person_id": person.c.id,
        "email_key": person.c.email_key,
        "deactivated_at": case((_drawn(n, 19, 100) < 2, literal(now(), UTCDateTime()))),
    }
    rows = select(*columns.values()).where(
        person.c.kind == "person", _drawn(n, 18, 100) < WITH_ACCOUNT
    )
    _fill(Account, columns, rows)


def _values() -> None:
    """Custom fields, some with a value for everybody, some for a few."""
    interests = fields.create("Interests", "several_of", choices=INTERESTS)
    section = fields.create("Section", "one_of", choices=SECTIONS)
    volunteer = fields.create("Volunteer", "yes_no")
    years = fields.create("Years in practice", "whole_number")
    certified = fields.create("Certified on", "date")
    licence = fields.create("Licence", "text")
    region = fields.create("Region", "one_of", applies_to="company", choices=REGIONS)
    for field in (interests, section, certified):
        field.in_members_section = field.sync = True
    db.session.commit()

    person = Contact.__table__.alias()
    n = _number_of(person, "person")
    _keep(person, interests, {"choice_id": _choice(interests, _drawn(n, 20, 20))})
    second = (_drawn(n, 20, 20) + 1 + _drawn(n, 21, 18)) % 20
    half = _drawn(n, 22, 100) < 50
    _keep(person, interests, {"choice_id": _choice(interests, second)}, half)
    _keep(person, section, {"choice_id": _choice(section, _drawn(n, 23, 8))})
    _keep(person, volunteer, {"truth": literal(True)}, _drawn(n, 24, 100) < 10)
    _keep(person, years, {"number": _drawn(n, 25, 50)}, _drawn(n, 26, 100) < 60)
    certified_on = {"date": _day(_drawn(n, 27, 7_300))}
    _keep(person, certified, certified_on, _drawn(n, 28, 100) < 30)
    licence_text = {"text": _words("L-", _drawn(n, 29, 900))}
    _keep(person, licence, licence_text, _drawn(n, 30, 100) < 30)
    company = Contact.__table__.alias()
    n = _number_of(company, "company")
    _keep(company, region, {"choice_id": _choice(region, _drawn(n, 31, 4))})


def _choice(field: CustomField, index: Number) -> ColumnElement[int]:
    ids = {position: choice.id for position, choice in enumerate(field.choices)}
    return case(ids, value=cast(index, Integer))


def _keep(contact: Any, field: CustomField, columns: dict[str, Any], *where: Any) -> None:
    slot = columns["choice_id"] if field.kind == "several_of" else literal(0)
    named = {
        "contact_id": contact.c.id,
        "field_id": literal(field.id),
        "kind": literal(field.kind),
        "slot": slot,
        **columns,
    }
    rows = select(*named.values()).where(contact.c.kind == field.applies_to, *where)
    _fill(FieldValue, named, rows)


def person(number: int) -> Person:
    """The person with this number. Raises ``LookupError``."""
    found = db.session.scalar(select(Person).where(Person.key == person_key(number)))
    if found is None:
        raise LookupError(f"There is no person {number}.")
    return found
