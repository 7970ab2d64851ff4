"""People and companies found by what was typed of them.

A list is searched while somebody types, so what is typed last is the beginning of a word: every
word of the search is the beginning of one in the name, the e-mail address or the member ID (of a
company in its city as well), letters folded (``idp.folding``). An index says who that is: GIN over
``tessera_words`` on Postgres, FTS5 on SQLite, both made by a migration. Where that is nobody,
``holding`` looks everywhere within, at the price of a look at every row.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    and_,
    case,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from idp.database import db
from idp.directory.contacts import Contact
from idp.folding import fold, folded, scanned, words

# What is typed after that many words is not looked for: each costs a look at every row.
MOST_WORDS = 12
NAMES = ("first_name", "informal_name", "last_name", "name", "email", "member_id")
_CONTACT = Contact.__table__
_INDEX = table(
    "contact_words", column("rowid"), column("words", String), column("contact_words", String)
)
_ONCE = "MATERIALIZED"
_BLANK = literal_column("' '", String)


def beginning(search: str, contact: FromClause = _CONTACT) -> ColumnElement[bool]:
    """Those of a contact table in whom every word of a search is the beginning of a word.

    An exact key finds its contact, and so does a search of white space everybody.
    """
    if not search.strip():
        return true()
    keyed = _CONTACT.alias("keyed")
    by_key = select(keyed.c.id).where(keyed.c.key == search.strip())
    typed = words(search)[:MOST_WORDS]
    if not typed:
        return contact.c.id.in_(by_key)
    # Looked for once: a planner that has no statistics yet would do so for each row.
    found = _indexed(typed).union_all(by_key).cte().prefix_with(_ONCE, dialect="postgresql")
    return and_(contact.c.id.in_(select(found.c[0])), *_exactly(search, contact))


def holding(search: str, contact: FromClause = _CONTACT) -> ColumnElement[bool]:
    """Those of a contact table in whom every part of a search is somewhere within. No index."""
    return and_(true(), *(_within(part, contact) for part in search.split()[:MOST_WORDS]))


def matches(text: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """Every part of a text is in one of the columns, letter case aside; of a long text the first
    ``MOST_WORDS`` are asked for. No index."""
    return and_(
        true(),
        *(
            or_(*(scanned(column).contains(fold(word), autoescape=True) for column in columns))
            for word in text.split()[:MOST_WORDS]
        ),
    )


def title(contact: FromClause) -> ColumnElement[str]:
    """The name that people read of a person or a company, as SQL."""
    c = contact.c
    return case(
        (c.kind == "company", c.name), else_=func.trim(c.first_name + " " + c.last_name)
    ).label("title")


def _indexed(typed: list[str]) -> Select[int]:
    if db.session.get_bind().dialect.name == "postgresql":
        query = " & ".join(f"'{word}':*" for word in typed)
        inner = _CONTACT.alias("searched")
        vector = func.tessera_words(folded(_text(inner)), type_=TSVECTOR)
        return select(inner.c.id).where(vector.op("@@")(literal(query, TSQUERY)))
    query = " ".join(f'"{word}"*' for word in typed)
    return select(_INDEX.c.rowid).where(_INDEX.c.contact_words.op("MATCH")(query))


def _exactly(search: str, contact: FromClause) -> list[ColumnElement[bool]]:
    # An e-mail address or a number is one thing to who types it, whatever parts it: M-77 is not
    # an M somewhere and a 77 somewhere else.
    return [
        _said_by(contact, part)
        for part in search.split()[:MOST_WORDS]
        if words(part) != [fold(part)] and ("@" in part or any(letter.isdigit() for letter in part))
    ]


def _said_by(contact: FromClause, part: str) -> ColumnElement[bool]:
    text = folded(_text(contact) + _BLANK + contact.c.key)
    return text.contains(fold(part), autoescape=True)


def _within(part: str, contact: FromClause) -> ColumnElement[bool]:
    if db.session.get_bind().dialect.name == "postgresql":
        return _said_by(contact, part)
    # What the index keeps is folded already: to fold everybody anew would take ten times as long.
    # A key is compared as SQLite's LIKE does, without regard to the case of ASCII's letters.
    keyed = _CONTACT.alias("keyed")
    in_words = select(_INDEX.c.rowid).where(func.instr(_INDEX.c.words, fold(part)) > 0)
    in_key = select(keyed.c.id).where(keyed.c.key.contains(part, autoescape=True))
    return contact.c.id.in_(in_words.union_all(in_key))


def _text(contact: FromClause) -> ColumnElement[str]:
    # Literals, not parameters: Postgres knows its index by them.
    parts: list[Any] = [contact.c[name] for name in NAMES]
    parts.append(
        case(
            (contact.c.kind == literal_column("'company'"), contact.c.city),
            else_=literal_column("''"),
        )
    )
    text: ColumnElement[str] = parts[0]
    for part in parts[1:]:
        text = text + _BLANK + part
    return text
