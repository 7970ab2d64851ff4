"""Text without regard to letter case, with the same answers on every database.

A database's own ``lower`` depends on how it was set up: Postgres in the locale C knows ASCII only,
so does SQLite. ``tessera_folded`` is a function of ours on both: every letter in lower case by
Unicode's simple mapping, Σ, σ and ς one letter, İ an i. Nothing else is one letter with another: é
is not e, ß is not ss, ı is not i (docs/conditions.md). SQLite gets it with each connection,
Postgres by a migration.
"""

from typing import Any

from sqlalchemy import ColumnElement, String, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# Before lower-casing: a Σ becomes σ or ς by what stands around it, an İ two characters.
_FIRST = {ord("İ"): "i", ord("Σ"): "σ", ord("ς"): "σ"}


def fold(text: str) -> str:
    """What two spellings of one text have in common."""
    return text.translate(_FIRST).lower()


def folded(column: ColumnElement[str]) -> ColumnElement[str]:
    """``fold`` of a column, in the database, as the indexes have it."""
    return func.tessera_folded(column, type_=String())


class _Scanned(FunctionElement[str]):
    name = "tessera_folded"
    type = String()
    inherit_cache = True


@compiles(_Scanned)
def _as_folded(element: _Scanned, compiler: SQLCompiler, **given: Any) -> str:
    return f"tessera_folded({compiler.process(element.clauses, **given)})"


@compiles(_Scanned, "sqlite")
def _by_itself(element: _Scanned, compiler: SQLCompiler, **given: Any) -> str:
    text = compiler.process(element.clauses, **given)
    return f"CASE WHEN {text} GLOB '*[^ -~]*' THEN tessera_folded({text}) ELSE lower({text}) END"


def scanned(column: ColumnElement[Any]) -> ColumnElement[str]:
    """``folded`` for where no index helps and every row is looked at.

    On SQLite our function is one of Python's, and a call of it takes three times as long as it
    takes SQLite to see that a text is ASCII and to do it by itself.
    """
    return _Scanned(column)


def given(text: str) -> Any:
    """``fold`` of a value to compare with: in the database too, unless it is plain ASCII.

    A letter that is newer than what the one knows of Unicode is then equal to itself all the same.
    """
    return fold(text) if text.isascii() else func.tessera_folded(text, type_=String())


# What parts words: what of ASCII is neither letter nor digit, and what people type in its place.
_PARTING = "".join(chr(code) for code in range(1, 128) if not chr(code).isalnum()) + (
    "\u00a0\u00ab\u00b7\u00bb\u2010\u2011\u2012\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e"
)
_PARTED = str.maketrans(_PARTING, " " * len(_PARTING))


def words(text: str) -> list[str]:
    """The words of a text, folded: ``O’Brien-Smith`` has ``o``, ``brien`` and ``smith``.

    On Postgres ``tessera_words`` gives those of a folded text. On SQLite the full-text index parts
    words where Unicode has neither letter nor digit, in what it keeps and what it looks for alike.
    """
    return fold(text).translate(_PARTED).split()
