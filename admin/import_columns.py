"""The page where staff say what each column of a file is."""

from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from idp.directory import builtin, fields, import_runs
from idp.directory.contacts import InvalidValue
from idp.directory.fields import CustomField
from idp.directory.import_runs import Choices, ImportRun
from idp.directory.importing import (
    IGNORE,
    MADE_OF,
    ColumnMapping,
    Kind,
    ReadingOptions,
    Target,
    columns,
    named,
)
from idp.directory.importing.reading import ENCODING_NAMES

LABELS = {
    "company_key": "Company’s key",
    "parent_key": "Parent company’s key",
    "main_contact_key": "Main contact’s key",
    "name": "Name of the company",
    "active": "In use (yes or no)",
    "has_account": "Has an account (yes or no)",
    "in_directory": "In the directory (yes or no)",
}


@dataclass(frozen=True)
class Column:
    """A column of the page: what the file has in it, what is chosen, what is wrong with that.

    ``chosen`` is the value of its select: ``field:<name>``, ``custom:<key>``, ``new`` or empty.
    """

    number: int
    name: str
    samples: list[str]
    filled: int
    chosen: str
    label: str
    kind: str
    new_choices: bool
    problem: str = ""


def label(name: str) -> str:
    """A built-in field as people read it."""
    known = builtin.BUILT_IN.get(name)
    return LABELS.get(name) or (known.label if known is not None else columns.label(name))


def custom_fields(kind: Kind) -> list[CustomField]:
    """The custom fields that a file of this kind can fill."""
    return fields.all_fields("company" if kind == "companies" else "person")


def shown(run: ImportRun, choices: Choices, problems: dict[str, str]) -> list[Column]:
    """The columns as the page shows them; ``problems`` by column."""
    return [
        _column(number, seen, choices.mapping.columns.get(seen["name"], IGNORE), problems)
        for number, seen in enumerate(run.found["columns"])
    ]


def page(run: ImportRun, choices: Choices, problems: dict[str, str]) -> dict[str, Any]:
    """All that the page shows, beside the run itself."""
    kind = run.kind
    return {
        "columns": shown(run, choices, problems),
        "choices": choices,
        "problem": problems.get("", ""),
        "fields": [(f"field:{name}", label(name)) for name in MADE_OF[kind]],
        "custom": custom_fields(kind),
        "new_kinds": fields.KIND_NAMES,
        "with_choices": fields.WITH_CHOICES,
        "kept": named.all_of(kind),
        "read_as": run.found["read_as"],
        "sentence": run.found["sentence"],
        "encodings": ENCODING_NAMES,
        "separators": {",": "Comma", ";": "Semicolon", "\t": "Tab"},
    }


def from_form(run: ImportRun, given: MultiDict[str, str]) -> Choices:
    """The choices that the form says; whether they can be used is ``problems``' to say."""
    before = Choices.from_json(run.choices)
    targets = {
        seen["name"]: _target(given, number, seen["name"], seen["suggestion"])
        for number, seen in enumerate(run.found["columns"])
    }
    return replace(
        before,
        mapping=ColumnMapping(run.kind, targets),
        absent="deactivate" if given.get("absent") == "deactivate" else "leave",
    )


def problems(choices: Choices) -> dict[str, str]:
    """What is wrong with the choices, by column; the whole under an empty name."""
    found: dict[str, str] = {}
    for problem in choices.mapping.problems():
        found.setdefault(problem.field, str(problem))
    return found


def reading(given: MultiDict[str, str]) -> ReadingOptions:
    """How the form says that the file is to be read. Raises ``ImportFailed``."""
    names = ("encoding", "separator", "sheet")
    return ReadingOptions.from_json({name: given.get(name) or None for name in names})


def with_kept(run: ImportRun, name: str) -> Choices:
    """The choices with a kept mapping. Raises ``InvalidValue`` when there is none."""
    kept = named.find(run.kind, name)
    if kept is None:
        raise InvalidValue("kept", "unknown_mapping", "These choices are not kept any more.")
    return import_runs.applied(Choices.from_json(run.choices), kept.name, kept.mapping)


def keep(choices: Choices, name: str) -> Choices:
    """Keep the mapping under a name, and note that it is used. Raises ``InvalidValue``."""
    kept = named.save(name, choices.mapping)
    named.used(kept)
    return replace(choices, named=kept.name)


def _column(number: int, seen: dict[str, Any], target: Target, problems: dict[str, str]) -> Column:
    chosen = {"field": f"field:{target.name}", "custom": f"custom:{target.name}", "new": "new"}
    is_new = target.to == "new"
    return Column(
        number=number,
        name=seen["name"],
        samples=seen["samples"],
        filled=seen["filled"],
        chosen=chosen.get(target.to, ""),
        label=target.name if is_new else seen["name"],
        kind=(target.kind if is_new else None) or seen["suggestion"]["kind"],
        new_choices=target.new_choices,
        problem=problems.get(seen["name"], ""),
    )


def _target(
    given: MultiDict[str, str], number: int, column: str, suggestion: dict[str, Any]
) -> Target:
    to, _, name = given.get(f"to_{number}", "").partition(":")
    if to == "field":
        return Target("field", name)
    if to == "custom":
        return Target("custom", name, new_choices=f"choices_{number}" in given)
    if to != "new":
        return IGNORE
    kind = given.get(f"kind_{number}", "")
    choices: tuple[str, ...] = ()
    if kind == suggestion["kind"]:
        choices = tuple(suggestion["choices"])
    return Target(
        "new",
        given.get(f"label_{number}", "").strip()[:300] or column,
        kind=kind if kind in fields.KINDS else None,
        choices=choices,
        new_choices=kind in fields.WITH_CHOICES,
    )
